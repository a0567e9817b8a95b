"""A service that restarts is started again when it dies; any other still ends the stack."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from local.supervision.supervisor import Service, Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from local.supervision.errors import CrashError

#: Starts a child that would keep the port, as a web server's workers do.
SERVER = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
SERVER += "; print('begun', flush=True); time.sleep(60)"


def a_service(folder: Path, name: str, *, restarts: bool) -> Service:
    return Service(name, (sys.executable, "-c", SERVER), folder, {"PATH": "/usr/bin"}, (), restarts=restarts)


async def begun(log: Path, times: int) -> None:
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(log.read_text)).count("begun") < times:  # noqa: ASYNC110 - it is a file
            await asyncio.sleep(0.02)


def test_a_service_that_restarts_is_started_again_as_often_as_it_dies(tmp_path: Path) -> None:
    async def work() -> tuple[CrashError, int]:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(a_service(tmp_path, "function", restarts=True))
            await supervisor.start(a_service(tmp_path, "store", restarts=False))
            crash = asyncio.create_task(supervisor.wait_for_crash())
            for times in (1, 2):
                await begun(tmp_path / "function.log", times)
                supervisor.send_signal("function", signal.SIGKILL)
            await begun(tmp_path / "function.log", 3)
            supervisor.send_signal("store", signal.SIGKILL)
            return await crash, supervisor.restart_counts["function"]

    crash, restarts = asyncio.run(work())

    assert (crash.service, restarts) == ("store", 2)


def test_a_restart_waits_for_its_delay(tmp_path: Path) -> None:
    async def work() -> int:
        async with Supervisor(tmp_path) as supervisor:
            supervisor.restart_delay_seconds = 30
            await supervisor.start(a_service(tmp_path, "function", restarts=True))
            crash = asyncio.create_task(supervisor.wait_for_crash())
            await begun(tmp_path / "function.log", 1)
            supervisor.send_signal("function", signal.SIGKILL)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(crash, 0.5)
            return supervisor.restart_counts["function"]

    assert asyncio.run(work()) == 0
