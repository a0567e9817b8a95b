"""Runs a program until it ends or a signal asks it to, clears up behind it, and says in a sentence why it failed."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from local.supervision.errors import CrashError, StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def report(work: Callable[[], int]) -> int:
    """The exit code of `work`; 1 where something is in its way, and the standard error says what."""
    try:
        return work()
    except CrashError as error:
        sys.stderr.write(f"{error.report()}\n")
    except StackError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(f"The machine does not let the stack run: {error}.\n")
    return 1


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
