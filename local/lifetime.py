"""Runs a program until it ends or a signal asks it to: the work is cancelled and clears up behind itself."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(work: Coroutine[None, None, int], *, interrupted: int) -> int:
    """The exit code of `work`, or `interrupted` when a signal ended it first."""
    return asyncio.run(until_signal(work, interrupted))


async def until_signal(work: Coroutine[None, None, int], interrupted: int) -> int:
    """Does the work; the first signal cancels it, further ones do not disturb its clearing up."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    asked: list[int] = []

    def ask(number: int) -> None:
        if not asked:
            task.cancel()
        asked.append(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, ask, number)
    try:
        return await task
    except asyncio.CancelledError:
        return interrupted
