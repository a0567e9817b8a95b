"""`python -m tools.rot`: shows this month what will break in the next, one line for every combination.

```
pip      the pins of each file, installed by the pip that each Python ships with, and the unit tests on them
newest   the newest releases that the groups of pyproject.toml allow, and the unit tests on them
clock    the unit tests on the pins, on a day in half a year and in three years
```

Ends with code 1 if any failed. A Python that this machine does not have is said, and fails nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tools.lock import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / ".cache" / "rot"
PYTHONS = ("3.11", "3.12", "3.13")
#: In days from today: within the support of every Python here, and after the end of some.
AHEAD = (200, 1200)
TESTS = ("tests/unit", "tests/entrypoints", "tests/test_architecture.py")
UV = (sys.executable, "-m", "tools.run_uv")
#: As many as there are processors in a small machine; each takes one.
AT_ONCE = 2
SHOWN_LINES = 15
MAX_SECONDS = 1800
#: Where the modules of a test run come from is its own Python's business.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


@dataclass(frozen=True)
class Check:
    """Commands that must all end with 0, and what they show: a Python, a kind, and on what."""

    python: str
    kind: str
    subject: str
    commands: Sequence[Sequence[str]]

    def run(self) -> Result:
        """Runs the commands up to the first that fails; what they print goes to a file."""
        log = LOGS / (re.sub(r"[/ ]", "-", f"{self.python}-{self.kind}-{self.subject}") + ".log")
        began = time.monotonic()
        with log.open("w") as file:
            is_well = all(ends_well(command, file) for command in self.commands)
        return Result(self, is_well, time.monotonic() - began, log)


@dataclass(frozen=True)
class Result:
    """How a check ended; `log` has what was printed."""

    check: Check
    is_well: bool
    seconds: float
    log: Path = field(repr=False)

    def told(self) -> Iterator[str]:
        """A line; of what failed, the last lines that it printed too."""
        check = self.check
        word = "ok" if self.is_well else "FAILED"
        yield f"{word:6}  Python {check.python:8} {check.kind:10} {check.subject} ({self.seconds:.0f} s)"
        if not self.is_well:
            yield from (f"        {line}" for line in self.log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])
            yield f"        All of it: {self.log.relative_to(ROOT)}"


def ends_well(command: Sequence[str], file: IO[str]) -> bool:
    """Whether the command ends with 0; what it prints goes to the file, and why it cannot be run."""
    file.write(f"$ {' '.join(command)}\n")
    file.flush()
    try:
        ended = subprocess.run(  # noqa: S603 - ours
            command, cwd=ROOT, stdout=file, stderr=file, env=ENVIRONMENT, timeout=MAX_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        file.write(f"{error}\n")
        return False
    return ended.returncode == 0


def find_pythons(wanted: Iterable[str] = PYTHONS) -> dict[str, Path | None]:
    """The program of each Python, None for one that is not on this machine."""
    return {version: find_python(version) for version in wanted}


def find_python(version: str) -> Path | None:
    """A Python of this version: on the path, where uv keeps them, or where pyenv does."""
    command = [*UV, "python", "find", "--no-python-downloads", "--no-project", "--system", version]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)  # noqa: S603 - ours
    if found.returncode == 0:
        return Path(found.stdout.strip())
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return next(iter(sorted(pyenv.glob(f"versions/{version}.*/bin/python"))), None)


def installs(version: str, python: Path, folder: Path) -> Iterator[Check]:
    """What installs the pins with the pip that this Python ships with, and the newest releases; below the folder."""
    for name, file in FILES.items():
        pinned, newest = (folder / f"{version}-{kind}-{name}" for kind in ("pip", "newest"))
        pip = (str(pinned / "bin/python"), "-m", "pip")
        yield Check(
            version,
            "pip",
            file,
            (
                (str(python), "-m", "venv", str(pinned)),
                (*pip, "--version"),
                (*pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", file),
                (*pip, "check"),
            ),
        )
        into = ("--quiet", "--python", str(newest / "bin/python"))
        yield Check(
            version,
            "newest",
            f"group {name}",
            (
                (*UV, "venv", "--quiet", "--python", str(python), str(newest)),
                (*UV, "pip", "install", *into, "--upgrade", "--compile-bytecode", "--group", f"pyproject.toml:{name}"),
                (*UV, "pip", "list", "--python", str(newest / "bin/python")),
            ),
        )


def tests(version: str, folder: Path, today: datetime) -> Iterator[Check]:
    """The unit tests on the pins and on the newest releases, and on the pins on days to come."""
    for kind in ("pip", "newest"):
        yield Check(version, kind, "unit tests", (unit_tests(folder / f"{version}-{kind}-dev"),))
    for days in AHEAD:
        day = f"{today + timedelta(days=days):%Y-%m-%d}"
        command = unit_tests(folder / f"{version}-pip-dev", "-p", "tests.clock", "--clock", day)
        yield Check(version, "clock", f"unit tests on {day}", (command,))


def unit_tests(venv: Path, *options: str) -> tuple[str, ...]:
    """The command that runs the tests which touch nothing outside their process."""
    return (str(venv / "bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *TESTS)


def run(checks: Iterable[Check]) -> bool:
    """Runs the checks, two at once, and prints how each ended as soon as those before it have; whether all are well."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = []
        for result in pool.map(Check.run, list(checks)):
            sys.stdout.writelines(f"{line}\n" for line in result.told())
            sys.stdout.flush()
            results.append(result.is_well)
    return all(results)


def main(wanted: Iterable[str] = PYTHONS) -> int:
    """The exit code."""
    LOGS.mkdir(parents=True, exist_ok=True)
    found = find_pythons(wanted)
    for version in (version for version, python in found.items() if python is None):
        sys.stdout.write(f"MISSING Python {version}: it is not on this machine, so nothing is known of it\n")
    pythons = [(version, python) for version, python in found.items() if python is not None]
    with tempfile.TemporaryDirectory(prefix="image-factory-rot-") as name:
        folder = Path(name)
        # All are installed first: the tests on days to come use an environment that others made.
        installed = run(check for version, python in pythons for check in installs(version, python, folder))
        tested = run(check for version, _ in pythons for check in tests(version, folder, datetime.now(UTC)))
    return 0 if pythons and installed and tested else 1


if __name__ == "__main__":
    sys.exit(main())
