"""Which tests run which lines: measured once, and again when the package or its tests have changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from coverage import CoverageData

if TYPE_CHECKING:
    from tools.mutations import Mutant

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("src/imagefactory")
TESTS = ("tests/unit", "tests/entrypoints")


@dataclass(frozen=True)
class Coverage:
    """The tests with their seconds, the quickest first, and those of each line of each module.

    Among a line's tests, "" stands for the moment when tests are collected.
    """

    tests: dict[str, float]
    lines: dict[str, dict[int, set[str]]]

    @cached_property
    def costs(self) -> Counter[str]:
        """How long the tests of each file take, in units of the usual."""
        costs: Counter[str] = Counter()
        for test, seconds in self.tests.items():
            costs[file_of(test)] += 1 + round(seconds * 20)
        return costs

    def choose(self, mutant: Mutant) -> list[str]:
        """The tests that can notice, the likeliest first."""
        module = self.lines.get(str(mutant.path), {})
        hits = Counter(
            test for line in (mutant.lines if mutant.in_function else module) for test in module.get(line, ())
        )
        worth: dict[str, float] = defaultdict(float)
        for test, count in hits.items():
            if not test:
                continue
            # The module's own tests, then those that do little else, then quick ones.
            worth[file_of(test)] += count / self.costs[file_of(test)] * (10 if mutant.path.stem in file_of(test) else 1)
        first = sorted(
            (test for test in self.tests if test in hits), key=lambda test: (-worth[file_of(test)], file_of(test))
        )
        # What runs at the import, or makes a table of a test's cases then, may matter to any test.
        if mutant.in_function and "" not in hits:
            return first
        return first + [test for test in self.tests if test not in hits]


def file_of(test: str) -> str:
    """The file of a test, by its id."""
    return test.partition("::")[0]


def measure_coverage() -> Coverage:
    """Run all tests, unless that was done since something changed, and read which lines each one runs."""
    digest = hashlib.sha256()
    for path in sorted((*PACKAGE.rglob("*.py"), *(path for folder in TESTS for path in Path(folder).rglob("*.py")))):
        digest.update(path.read_bytes())
    stored = ROOT / ".cache" / "mutants" / digest.hexdigest()[:16]
    report = stored / "durations"
    if not report.exists():
        shutil.rmtree(stored.parent, ignore_errors=True)
        stored.mkdir(parents=True)
        sys.stdout.write("measuring which tests run which lines …\n")
        sys.stdout.flush()
        options = ["-n", str(os.cpu_count() or 1), "--dist", "loadgroup", "--durations=0", "--durations-min=0"]
        coverage = ["--cov", "--cov-context=test", "--cov-report="]
        environment = os.environ | {"COVERAGE_FILE": str(stored / "coverage")}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *coverage, *TESTS]
        ran = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603 - our own
        if ran.returncode:
            sys.exit(ran.stdout.decode() + "the tests fail without any mutant")
        report.write_bytes(ran.stdout)
    return _read_coverage(stored / "coverage", report.read_text())


def _read_coverage(path: Path, durations: str) -> Coverage:
    seconds: dict[str, float] = defaultdict(float)
    for line in durations.splitlines():
        match line.split(maxsplit=2):
            case [time_taken, "setup" | "call" | "teardown", test] if time_taken.endswith("s"):
                # xdist adds its group.
                seconds[test.rsplit("@", 1)[0]] += float(time_taken[:-1])
    data = CoverageData(str(path))
    data.read()
    lines: dict[str, dict[int, set[str]]] = defaultdict(dict)
    for name in data.measured_files():
        for line_number, contexts in data.contexts_by_lineno(name).items():
            tests = {context.rsplit("|", 1)[0].rsplit("@", 1)[0] for context in contexts}
            lines[str(Path(name).relative_to(ROOT))][line_number] = tests
    everything = sorted(
        seconds.keys() | set().union(*(tests for module in lines.values() for tests in module.values()))
    )
    return Coverage({test: seconds[test] for test in sorted(everything, key=lambda test: seconds[test]) if test}, lines)
