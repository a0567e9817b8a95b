"""A part that is revived is started again when it dies; one that is not still ends the stack."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from local.supervision.supervisor import Part, Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from local.supervision.errors import CrashError

#: Starts a child that would keep the port, as a web server's workers do.
SERVER = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
SERVER += "; print('begun', flush=True); time.sleep(60)"


def a_part(folder: Path, name: str, *, is_revived: bool) -> Part:
    return Part(name, (sys.executable, "-c", SERVER), folder, {"PATH": "/usr/bin"}, (), is_revived=is_revived)


async def begun(log: Path, times: int) -> None:
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(log.read_text)).count("begun") < times:  # noqa: ASYNC110 - it is a file
            await asyncio.sleep(0.02)


def test_a_part_that_is_revived_is_started_again_as_often_as_it_dies(tmp_path: Path) -> None:
    async def work() -> tuple[CrashError, int]:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(a_part(tmp_path, "function", is_revived=True))
            await supervisor.start(a_part(tmp_path, "store", is_revived=False))
            crash = asyncio.create_task(supervisor.crash())
            for times in (1, 2):
                await begun(tmp_path / "function.log", times)
                supervisor.send("function", signal.SIGKILL)
            await begun(tmp_path / "function.log", 3)
            supervisor.send("store", signal.SIGKILL)
            return await crash, supervisor.revivals["function"]

    crash, revivals = asyncio.run(work())

    assert (crash.part, revivals) == ("store", 2)


def test_a_part_stays_down_as_long_as_it_is_told(tmp_path: Path) -> None:
    async def work() -> int:
        async with Supervisor(tmp_path) as supervisor:
            supervisor.revival_pause = 30
            await supervisor.start(a_part(tmp_path, "function", is_revived=True))
            crash = asyncio.create_task(supervisor.crash())
            await begun(tmp_path / "function.log", 1)
            supervisor.send("function", signal.SIGKILL)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(crash, 0.5)
            return supervisor.revivals["function"]

    assert asyncio.run(work()) == 0
