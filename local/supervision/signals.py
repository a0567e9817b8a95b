"""Run a program until it ends or a signal arrives, and report its errors in a sentence."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from local.supervision.errors import CrashError, StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def report_errors(work: Callable[[], int]) -> int:
    """Return the exit code of `work`; on an error print a sentence to stderr and return 1."""
    try:
        return work()
    except CrashError as error:
        sys.stderr.write(f"{error.report()}\n")
    except StackError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(f"The machine does not let the stack run: {error}.\n")
    return 1


def run(work: Coroutine[None, None, int], *, interrupt_code: int) -> int:
    """Run `work` and return its exit code, or `interrupt_code` if a signal ended it."""
    return asyncio.run(_await_unless_signalled(work, interrupt_code))


async def _await_unless_signalled(work: Coroutine[None, None, int], interrupt_code: int) -> int:
    """Await `work`; the first signal cancels it, further ones do not disturb its cleanup."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    received: list[int] = []

    def cancel_once(number: int) -> None:
        if not received:
            task.cancel()
        received.append(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, cancel_once, number)
    try:
        return await task
    except asyncio.CancelledError:
        return interrupt_code
