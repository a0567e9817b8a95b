"""Work in a thread that ends with the task that waits for it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Sleep: TypeAlias = "Callable[[float], None]"


class Abandoned(Exception):
    """Nobody waits for the work any more."""


async def run_in_thread(work: Callable[[Sleep], T]) -> T:
    """Return the value of `work`, run in a thread with a sleep that raises Abandoned once this task is cancelled.

    The end of an event loop waits for its threads: `work` has to sleep with what it is given, not with time.sleep.
    """
    is_abandoned = threading.Event()

    def sleep(seconds: float) -> None:
        if is_abandoned.wait(seconds):
            raise Abandoned

    try:
        return await asyncio.to_thread(work, sleep)
    finally:
        is_abandoned.set()
