"""`python tools/audit.py`: check the pinned dependencies for known vulnerabilities.

Exit codes: 0, every dependency is known and none is vulnerable; 1, some are vulnerable; 3, some are unknown, because no
vulnerability service was reachable or knew them. pip-audit alone reports the third case as a success.
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

    Query = Callable[[Path, str], "dict[str, Any] | None"]

ROOT = Path(__file__).resolve().parents[1]
FILES = ("requirements-dev.txt", *(f"functions/{name}/requirements.txt" for name in ("submit", "generate", "status")))
#: The vulnerability services, in the order of the queries.
SERVICES = ("pypi", "osv")
MAX_QUERY_SECONDS = 600


class Verdict(IntEnum):
    """The verdict of an audit; the value is the exit code."""

    CLEAN = 0
    VULNERABLE = 1
    UNKNOWN = 3


@dataclass(frozen=True)
class Audit:
    """The audit of one file: the number of its dependencies, a line for each vulnerable one, and the unknown ones."""

    dependency_count: int
    vulnerable: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: dict[str, Any]) -> Audit:
        """Parse pip-audit's report."""
        dependencies: list[dict[str, Any]] = report["dependencies"]
        return cls(
            dependency_count=len(dependencies),
            vulnerable=tuple(_describe(each) for each in dependencies if each.get("vulns")),
            unknown=tuple(each["name"] for each in dependencies if "skip_reason" in each),
        )

    @property
    def verdict(self) -> Verdict:
        """VULNERABLE if any dependency is; UNKNOWN if any is unknown, or there is none; else CLEAN."""
        if self.vulnerable:
            return Verdict.VULNERABLE
        return Verdict.UNKNOWN if self.unknown or not self.dependency_count else Verdict.CLEAN


def _describe(dependency: dict[str, Any]) -> str:
    known = ", ".join(
        f"{each['id']} (mended in {', '.join(each['fix_versions']) or 'no version'})" for each in dependency["vulns"]
    )
    return f"{dependency['name']} {dependency['version']}: {known}"


def query(file: Path, service: str) -> dict[str, Any] | None:
    """Run pip-audit on a file; return its report, or None if the service is not reachable."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
    command += ["--vulnerability-service", service, "--format", "json", "--desc", "off", "--requirement", str(file)]
    run = subprocess.run(command, capture_output=True, check=False, text=True, timeout=MAX_QUERY_SECONDS)  # noqa: S603 - ours
    try:
        report: dict[str, Any] = json.loads(run.stdout)
    except ValueError:
        return None
    return report


def audit_file(file: Path, query_service: Query = query) -> Audit:
    """Query the services until one knows every dependency; else return the audit of the one that knows most."""
    audits = [Audit(dependency_count=0)]
    for service in SERVICES:
        if report := query_service(file, service):
            audits.append(Audit.of(report))
        if audits[-1].verdict is not Verdict.UNKNOWN:
            return audits[-1]
    return max(audits, key=lambda audit: (audit.dependency_count - len(audit.unknown), audit.dependency_count))


def main(files: Sequence[str] = FILES, query_service: Query = query) -> int:
    """Audit each file, print the results, and return the exit code."""
    audits = {file: audit_file(ROOT / file, query_service) for file in files}
    for file, audit in audits.items():
        known = audit.dependency_count - len(audit.unknown)
        sys.stdout.write(
            f"{file}: {known} of {audit.dependency_count} asked about, {len(audit.vulnerable)} vulnerable\n"
        )
        sys.stdout.writelines(f"  {line}\n" for line in audit.vulnerable)
    verdicts = {audit.verdict for audit in audits.values()}
    if Verdict.UNKNOWN in verdicts:
        sys.stdout.write("NOT AUDITED: no vulnerability service could be reached that knows all of these packages.\n")
    return Verdict.VULNERABLE if Verdict.VULNERABLE in verdicts else max(verdicts)


if __name__ == "__main__":
    sys.exit(main())
