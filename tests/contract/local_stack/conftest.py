"""Small programs to supervise, and a look at which processes are alive."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from local.supervision.supervisor import Kind, Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Service]:
    """Makes a service that runs Python source."""

    def make(
        name: str, source: str, *arguments: str, answers_at: tuple[str, ...] = (), kind: Kind = Kind.SERVER
    ) -> Service:
        command = (sys.executable, "-c", source, *arguments)
        environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
        return Service(name, command, tmp_path, environment, answers_at, kind)

    return make


def processes() -> dict[int, int]:
    """Every process of this machine that is no zombie, with its parent."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)  # noqa: S607 - ps is where the machine keeps it
    rows = [line.split() for line in listed.stdout.splitlines()]
    return {int(pid): int(parent) for pid, parent, state in rows if not state.startswith("Z")}


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    """Tells whether a process runs."""
    return lambda pid: pid in processes()


@pytest.fixture
def family() -> Callable[[int], set[int]]:
    """Tells all descendants of a process, and itself."""

    def find(root: int) -> set[int]:
        parents = processes()
        found = {root}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found

    return find


@pytest.fixture
def all_gone() -> Callable[[set[int]], None]:
    """Waits until none of the processes is alive; fails after some seconds."""

    def wait(pids: set[int], seconds: float = 8) -> None:
        deadline = time.monotonic() + seconds
        while left := pids & processes().keys():
            assert time.monotonic() < deadline, f"still alive: {left}"
            time.sleep(0.05)

    return wait
