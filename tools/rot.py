"""`python -m tools.rot`: show what will break in the coming months, in a line for every combination.

```
pip      the pins of each file, installed by the pip that each Python ships with, and the unit tests on them
newest   the newest releases that the groups of pyproject.toml allow, and the unit tests on them
clock    the unit tests on the pins, on a day in half a year and in three years
```

Ends with code 1 if any failed. A Python that is missing on this machine gets a line, and fails nothing.
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
#: Days from today: one within the support of every Python here, one after the end of some.
DAYS_AHEAD = (200, 1200)
TESTS = ("tests/unit", "tests/entrypoints", "tests/test_architecture.py")
UV = (sys.executable, "-m", "tools.run_uv")
#: The processors of a small machine.
MAX_PARALLEL = 2
MAX_FAILURE_LINES = 15
MAX_SECONDS = 1800
#: Each test run must find its modules through its own Python.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


@dataclass(frozen=True)
class Check:
    """Commands that must all end with 0, for one Python, kind (pip, newest, clock) and subject."""

    python: str
    kind: str
    subject: str
    commands: Sequence[Sequence[str]]

    def run(self) -> Result:
        """Run the commands up to the first that fails; their output goes to a file."""
        log = LOGS / (re.sub(r"[/ ]", "-", f"{self.python}-{self.kind}-{self.subject}") + ".log")
        began = time.monotonic()
        with log.open("w") as file:
            succeeded = all(succeeds(command, file) for command in self.commands)
        return Result(self, succeeded, time.monotonic() - began, log)


@dataclass(frozen=True)
class Result:
    """The result of a check; `log` has its output."""

    check: Check
    succeeded: bool
    seconds: float
    log: Path = field(repr=False)

    def describe(self) -> Iterator[str]:
        """Yield a line; for a failure, the last lines of its output too."""
        check = self.check
        word = "ok" if self.succeeded else "FAILED"
        yield f"{word:6}  Python {check.python:8} {check.kind:10} {check.subject} ({self.seconds:.0f} s)"
        if not self.succeeded:
            yield from (
                f"        {line}" for line in self.log.read_text(errors="replace").splitlines()[-MAX_FAILURE_LINES:]
            )
            yield f"        All of it: {self.log.relative_to(ROOT)}"


def succeeds(command: Sequence[str], file: IO[str]) -> bool:
    """Run the command, with its output in the file; return whether it ended with 0. False if it cannot run."""
    file.write(f"$ {' '.join(command)}\n")
    file.flush()
    try:
        completed = subprocess.run(  # noqa: S603 - ours
            command, cwd=ROOT, stdout=file, stderr=file, env=ENVIRONMENT, timeout=MAX_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        file.write(f"{error}\n")
        return False
    return completed.returncode == 0


def find_pythons(versions: Iterable[str] = PYTHONS) -> dict[str, Path | None]:
    """Find the program of each Python; None for one that is missing on this machine."""
    return {version: find_python(version) for version in versions}


def find_python(version: str) -> Path | None:
    """Find a Python of this version on the path, or among those of uv or pyenv; None if there is none."""
    command = [*UV, "python", "find", "--no-python-downloads", "--no-project", "--system", version]
    run_uv = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)  # noqa: S603 - ours
    if run_uv.returncode == 0:
        return Path(run_uv.stdout.strip())
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return next(iter(sorted(pyenv.glob(f"versions/{version}.*/bin/python"))), None)


def plan_installs(version: str, python: Path, folder: Path) -> Iterator[Check]:
    """The checks that install the pins with this Python's own pip, and the newest releases, below `folder`."""
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


def plan_tests(version: str, folder: Path, today: datetime) -> Iterator[Check]:
    """The checks that run the unit tests on the pins, on the newest releases, and on the pins on future days."""
    for kind in ("pip", "newest"):
        yield Check(version, kind, "unit tests", (unit_test_command(folder / f"{version}-{kind}-dev"),))
    for days in DAYS_AHEAD:
        day = f"{today + timedelta(days=days):%Y-%m-%d}"
        command = unit_test_command(folder / f"{version}-pip-dev", "-p", "tests.clock", "--clock", day)
        yield Check(version, "clock", f"unit tests on {day}", (command,))


def unit_test_command(venv: Path, *options: str) -> tuple[str, ...]:
    """The command that runs the unit tests with the Python of `venv`."""
    return (str(venv / "bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *TESTS)


def run(checks: Iterable[Check]) -> bool:
    """Run the checks, two at once, and print the results in order; return whether all succeeded."""
    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        results = []
        for result in pool.map(Check.run, list(checks)):
            sys.stdout.writelines(f"{line}\n" for line in result.describe())
            sys.stdout.flush()
            results.append(result.succeeded)
    return all(results)


def main(versions: Iterable[str] = PYTHONS) -> int:
    """Run every check for these versions; return 0 if all succeeded, else 1."""
    LOGS.mkdir(parents=True, exist_ok=True)
    by_version = find_pythons(versions)
    for version in (version for version, python in by_version.items() if python is None):
        sys.stdout.write(f"MISSING Python {version}: it is not on this machine, so nothing is known of it\n")
    pythons = [(version, python) for version, python in by_version.items() if python is not None]
    with tempfile.TemporaryDirectory(prefix="image-factory-rot-") as name:
        folder = Path(name)
        # Install everything first: the tests on future days use the environments of other checks.
        installs_succeeded = run(
            check for version, python in pythons for check in plan_installs(version, python, folder)
        )
        tests_succeeded = run(
            check for version, _ in pythons for check in plan_tests(version, folder, datetime.now(UTC))
        )
    return 0 if pythons and installs_succeeded and tests_succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
