"""Work in a thread ends with the task that waits for it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from local.threads import Abandoned, run_in_thread

if TYPE_CHECKING:
    from local.threads import Sleep


def test_the_value_of_the_work_is_answered() -> None:
    def work(sleep: Sleep) -> str:
        sleep(0.01)
        return threading.current_thread().name

    assert asyncio.run(run_in_thread(work)) != threading.current_thread().name


def test_work_whose_task_is_cancelled_ends_at_its_next_sleep() -> None:
    is_asleep, ended = threading.Event(), threading.Event()

    def work(sleep: Sleep) -> None:
        is_asleep.set()
        try:
            sleep(60)
        except Abandoned:
            ended.set()
            raise

    async def cancel() -> None:
        task = asyncio.create_task(run_in_thread(work))
        await asyncio.to_thread(is_asleep.wait)
        task.cancel()
        await task

    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())

    assert ended.is_set()
    assert time.monotonic() - began < 10
