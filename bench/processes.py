"""Programs that measure their own memory, each in a process of its own, with the allocator set as it is deployed."""

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
class Measured:
    """What a piece of work said, by how many MB the process grew at most, its peak, and the seconds it took."""

    said: str
    grown: float
    peak: float
    seconds: float


def measure(work: Callable[[], str]) -> None:
    """In the child: do the work and print what it took. Imports are made by now, and do not count."""
    before, began = _megabytes("VmRSS"), time.monotonic()
    said = work()
    seconds = time.monotonic() - began
    peak = _megabytes("VmHWM")
    sys.stdout.write(json.dumps(asdict(Measured(said, peak - before, peak, seconds))))


def measured(module: str, *arguments: str, environment: Mapping[str, str] = DEPLOYED) -> Measured:
    """Run `python -m module arguments`, which measures itself."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    ours |= {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **environment}
    command = [sys.executable, "-m", module, *arguments]
    run = subprocess.run(command, cwd=ROOT, env=ours, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(run.stdout))


def _megabytes(line: str) -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(one for one in status if one.startswith(line)).split()[1]) / 1024
