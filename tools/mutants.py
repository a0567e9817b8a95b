"""`python -m tools.mutants`: make small defects in the package, one at a time, and see whether a test fails on each.

Each mutant is a copy of `src` with one defect. The tests that run its line are run on it, the quickest first, until one
fails: it is killed. Which tests those are is measured once, and again when the package or the tests have changed.
"""

from __future__ import annotations

import argparse
import compileall
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.covering_tests import PACKAGE, ROOT, Coverage, file_of, measure_coverage
from tools.mutations import Mutant, find_mutants

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What tests/contract tests: adapters against emulators, and the fakes that must keep the same promises.
CONTRACTED = ("cloud_tasks", "firestore", "pillow", "secret_manager", "signed_urls", "storage")
LEFT_OUT = (*(str(PACKAGE / "adapters" / name) for name in CONTRACTED), str(PACKAGE / "testing"))
#: How many tests are tried first: all files of the others need not be read for most mutants.
FIRST = 60
#: Seconds for one test, and for one mutant.
TEST_SECONDS, MUTANT_SECONDS = 30, 900
#: What takes long to import and is the same for every mutant, so that it is imported once.
HEAVY = (
    *("google.cloud.firestore", "google.cloud.storage", "google.cloud.tasks_v2", "google.cloud.secretmanager"),
    *("flask", "functions_framework", "requests", "PIL.Image", "jwt"),
)
WORKERS = os.cpu_count() or 1


class Selection:
    """The plugin that lets pytest run these tests alone, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._places = {test: place for place, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Choose and order the tests."""
        chosen = [item for item in items if item.nodeid in self._places]
        items[:] = sorted(chosen, key=lambda item: self._places[item.nodeid])


def _options(source: str) -> list[str]:
    return ["-q", "-p", "no:cacheprovider", "-o", f"pythonpath=. {source}", f"--timeout={TEST_SECONDS}"]


def run_mutants(mutants: Sequence[Mutant], coverage: Coverage) -> int:
    """Print each survivor; return how many there are."""
    for name in HEAVY:
        importlib.import_module(name)
    survivors = 0
    running: dict[int, tuple[Mutant, Path, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        copies = [_copy(Path(folder, str(number))) for number in range(WORKERS)]
        left = list(reversed(mutants))
        while left or running:
            if left and copies:
                mutant, copy = left.pop(), copies.pop()
                running[_start(mutant, coverage.choose(mutant), copy)] = mutant, copy, time.monotonic()
                continue
            for process, (mutant, copy, began) in list(running.items()):
                if time.monotonic() - began > MUTANT_SECONDS:
                    os.killpg(process, signal.SIGKILL)
                ended, status = os.waitpid(process, os.WNOHANG)
                if ended:
                    del running[process]
                    (copy / mutant.path.relative_to("src")).write_text(mutant.path.read_text())
                    copies.append(copy)
                    survivors += _tell(mutant, coverage, lives=status == 0)
            time.sleep(0.05)
    return survivors


def _copy(target: Path) -> Path:
    shutil.copytree("src", target)
    compileall.compile_dir(target, quiet=2)
    return target


def _start(mutant: Mutant, tests: Sequence[str], copy: Path) -> int:
    """Write the mutant into this copy of `src` and begin to test it; the process ends with 0 where it lives."""
    module = copy / mutant.path.relative_to("src")
    module.write_text(mutant.source)
    # Bytecode is told apart by its second; a module may change twice in one.
    for bytecode in (module.parent / "__pycache__").glob(f"{module.stem}.*"):
        bytecode.unlink()
    if process := os.fork():
        return process
    try:
        os.setpgid(0, 0)
        sys.dont_write_bytecode = True
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        rounds = [chosen for chosen in (tests[:FIRST], tests[FIRST:]) if chosen]
        os._exit(any(_fails(chosen, copy) for chosen in rounds))
    finally:
        os._exit(1)


def _fails(tests: Sequence[str], copy: Path) -> bool:
    files = dict.fromkeys(map(file_of, tests))
    status = pytest.main([*_options(str(copy)), "-x", *files], plugins=[Selection(tests)])
    return status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def _tell(mutant: Mutant, coverage: Coverage, *, lives: bool) -> bool:
    if lives:
        _say(f"{mutant}   ({len(coverage.choose(mutant))} tests run it)")
    return lives


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Make mutants, run the tests on them, and print the share that they kill."""
    parser = argparse.ArgumentParser(
        description="mutation testing of src/imagefactory by the unit and entry point tests"
    )
    parser.add_argument("count", nargs="?", type=int, default=60, help="how many mutants, over all modules (60)")
    parser.add_argument("--all", action="store_true", help="every mutant, which takes hours")
    parser.add_argument("--seed", type=int, default=random.randrange(1000), help="the same number, the same sample")  # noqa: S311
    parser.add_argument("--module", default="", help="only modules whose path contains this")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    modules = [path for path in sorted(PACKAGE.rglob("*.py")) if not str(path).startswith(LEFT_OUT)]
    mutants = [each for path in modules if chosen.module in str(path) for each in find_mutants(path, path.read_text())]
    if not chosen.all and chosen.count < len(mutants):
        mutants = random.Random(chosen.seed).sample(mutants, chosen.count)  # noqa: S311 - no secret
    began = time.monotonic()
    coverage = measure_coverage()
    _say(f"seed {chosen.seed}: {len(mutants)} mutants; those that live:")
    survivors = run_mutants(mutants, coverage)
    killed, minutes = len(mutants) - survivors, (time.monotonic() - began) / 60
    share = 100 * killed / len(mutants) if mutants else 100
    _say(f"killed {killed} of {len(mutants)} ({share:.0f} %) in {minutes:.0f} min, wording of messages left aside")
    return 0


if __name__ == "__main__":
    sys.exit(main())
