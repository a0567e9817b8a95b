"""`python tools/audit.py`: asks whether the pinned dependencies have known vulnerabilities.

Exit codes: 0, all were asked about and none has any; 1, some have; 3, some could not be asked about, because the
vulnerability service cannot be reached or does not know them. pip-audit alone calls the third case a success.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Ask = Callable[[Path, str], "dict[str, Any] | None"]

ROOT = Path(__file__).resolve().parents[1]
FILES = ("requirements-dev.txt", *(f"functions/{name}/requirements.txt" for name in ("submit", "generate", "status")))
#: The services that know of vulnerabilities, in the order in which they are asked.
SERVICES = ("pypi", "osv")
ASK_SECONDS = 600


class Verdict(IntEnum):
    """What an audit found; the value is the exit code."""

    CLEAN = 0
    VULNERABLE = 1
    UNKNOWN = 3


@dataclass(frozen=True)
class Audit:
    """What is known of one file's dependencies: how many were asked about, who has what, and who was not found."""

    asked: int
    vulnerable: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: dict[str, Any]) -> Audit:
        """Read pip-audit's report."""
        found: list[dict[str, Any]] = report["dependencies"]
        return cls(
            asked=len(found),
            vulnerable=tuple(_told(one) for one in found if one.get("vulns")),
            unknown=tuple(one["name"] for one in found if "skip_reason" in one),
        )

    @property
    def verdict(self) -> Verdict:
        """The worst that is known; nothing known is no good news."""
        if self.vulnerable:
            return Verdict.VULNERABLE
        return Verdict.UNKNOWN if self.unknown or not self.asked else Verdict.CLEAN


def _told(dependency: dict[str, Any]) -> str:
    known = ", ".join(
        f"{one['id']} (mended in {', '.join(one['fix_versions']) or 'no version'})" for one in dependency["vulns"]
    )
    return f"{dependency['name']} {dependency['version']}: {known}"


def ask(file: Path, service: str) -> dict[str, Any] | None:
    """pip-audit's report on a file; None where the service could not be reached."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
    command += ["--vulnerability-service", service, "--format", "json", "--desc", "off", "--requirement", str(file)]
    ran = subprocess.run(command, capture_output=True, check=False, text=True, timeout=ASK_SECONDS)  # noqa: S603 - ours
    try:
        report: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        return None
    return report


def audited(file: Path, asking: Ask = ask) -> Audit:
    """What the first service says that knows all; else what the one says that knows most."""
    audits = [Audit(asked=0)]
    for service in SERVICES:
        if report := asking(file, service):
            audits.append(Audit.of(report))
        if audits[-1].verdict is not Verdict.UNKNOWN:
            return audits[-1]
    return max(audits, key=lambda one: (one.asked - len(one.unknown), one.asked))


def main(files: Sequence[str] = FILES, asking: Ask = ask) -> int:
    """Audit each file, and print what was found."""
    audits = {file: audited(ROOT / file, asking) for file in files}
    for file, one in audits.items():
        known = one.asked - len(one.unknown)
        sys.stdout.write(f"{file}: {known} of {one.asked} asked about, {len(one.vulnerable)} vulnerable\n")
        sys.stdout.writelines(f"  {line}\n" for line in one.vulnerable)
    verdicts = {one.verdict for one in audits.values()}
    if Verdict.UNKNOWN in verdicts:
        sys.stdout.write("NOT AUDITED: no vulnerability service could be reached that knows all of these packages.\n")
    return Verdict.VULNERABLE if Verdict.VULNERABLE in verdicts else max(verdicts)


if __name__ == "__main__":
    sys.exit(main())
