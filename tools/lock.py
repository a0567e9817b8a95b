"""`python -m tools.lock`: pins every dependency anew, with hashes, for any pip.

A package with extras is pinned under each of its names, `name`, `name[extra]`, `name[extra,other]`: pip before 23.3
takes them for different packages, and refuses the file as soon as there is a newer release of one that has no pin.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The file of each group of pyproject.toml. All the others take their versions from the first.
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
    """Writes every file; the exit code."""
    for group, file in FILES.items():
        source = ("--upgrade",) if group == "dev" else ("-c", FILES["dev"])
        command = [sys.executable, "-m", "tools.run_uv", "pip", "compile", *OPTIONS, *source]
        ended = subprocess.run([*command, "--group", group, "pyproject.toml", "-o", file], cwd=ROOT, check=False)  # noqa: S603 - ours
        if ended.returncode != 0:
            return ended.returncode
        (ROOT / file).write_text(with_every_name((ROOT / file).read_text()))
    return 0


def with_every_name(lock: str) -> str:
    """The lock, in which a pin with extras stands under every name that somebody may ask for."""
    return _WITH_EXTRAS.sub(lambda found: _repeated(*found.groups()), lock)


def _repeated(name: str, extras: str, pin: str) -> str:
    names = dict.fromkeys(["", *(f"[{extra}]" for extra in extras.split(",")), f"[{extras}]"])
    return "\n".join(f"{name}{one}{pin}" for one in names)


if __name__ == "__main__":
    sys.exit(main())
