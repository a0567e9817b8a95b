"""Run programs that measure their own memory, each in a process of its own, with the deployed allocator settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[1]
DEPLOYED = {"MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True)
class Measurement:
    """The output of a program, by how many MB its process grew at most, its peak in MB, and its seconds."""

    output: str
    growth_mb: float
    peak_mb: float
    seconds: float


def report_measurement(work: Callable[[], str]) -> None:
    """In the child: call `work` and print its measurement as JSON. Imports are complete by now and do not count."""
    before, began = _megabytes("VmRSS"), time.monotonic()
    output = work()
    seconds = time.monotonic() - began
    peak_mb = _megabytes("VmHWM")
    sys.stdout.write(json.dumps(asdict(Measurement(output, peak_mb - before, peak_mb, seconds))))


def measure_module(module: str, *arguments: str, environment: Mapping[str, str] = DEPLOYED) -> Measurement:
    """Run `python -m MODULE ARGUMENTS` and return the measurement that it prints; raises CalledProcessError."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    variables |= {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **environment}
    command = [sys.executable, "-m", module, *arguments]
    run = subprocess.run(command, cwd=ROOT, env=variables, check=True, stdout=subprocess.PIPE, text=True)
    return Measurement(**json.loads(run.stdout))


def _megabytes(line: str) -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(each for each in status if each.startswith(line)).split()[1]) / 1024
