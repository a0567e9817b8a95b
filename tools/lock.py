"""`python -m tools.lock`: pin the newest release of every dependency, with hashes, for any pip.

A package with extras is pinned under each of its names, `name`, `name[extra]`, `name[extra,other]`: for pip before 23.3
they are different packages, and it refuses the file once an unpinned one has a newer release.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The file of each group of pyproject.toml. The others take their versions from the first.
FILES = {
    "dev": "requirements-dev.txt",
    "uv": "requirements-uv.txt",
    "submit": "functions/submit/requirements.txt",
    "generate": "functions/generate/requirements.txt",
    "status": "functions/status/requirements.txt",
}
OPTIONS = (
    *("--quiet", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-strip-extras", "--no-header", "--no-annotate"),
)
_WITH_EXTRAS = re.compile(r"^([\w.-]+)\[([\w,.-]+)\](==.*(?:\n .*)*)$", re.MULTILINE)


def main() -> int:
    """Write every file; return 0, or the code of the uv that failed."""
    for group, file in FILES.items():
        source = ("--upgrade",) if group == "dev" else ("-c", FILES["dev"])
        command = [sys.executable, "-m", "tools.run_uv", "pip", "compile", *OPTIONS, *source]
        completed = subprocess.run([*command, "--group", group, "pyproject.toml", "-o", file], cwd=ROOT, check=False)  # noqa: S603 - ours
        if completed.returncode != 0:
            return completed.returncode
        (ROOT / file).write_text(repeat_for_extras((ROOT / file).read_text()))
    return 0


def repeat_for_extras(lock: str) -> str:
    """The lock with every pin with extras repeated under each of the package's names."""
    return _WITH_EXTRAS.sub(lambda match: _repeat_pin(*match.groups()), lock)


def _repeat_pin(name: str, extras: str, pin: str) -> str:
    suffixes = dict.fromkeys(["", *(f"[{extra}]" for extra in extras.split(",")), f"[{extras}]"])
    return "\n".join(f"{name}{suffix}{pin}" for suffix in suffixes)


if __name__ == "__main__":
    sys.exit(main())
