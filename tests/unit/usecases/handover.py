"""Use cases that run at once, one step at a time: whoever holds control goes on until its next call of a port."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RETRY_SECONDS = 30


class Actor:
    """One call of a use case, on a thread of its own. `marks` is what a test notes of its progress."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self.name = name
        self.marks: list[str] = []
        self.answer: object = None
        self.error: BaseException | None = None
        self.has_ended = False
        self._work = work
        self._mine = _lock_up()
        self._back = _lock_up()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def step(self) -> None:
        """Let it go on to its next call, or to its end."""
        self._mine.release()
        assert self._back.acquire(timeout=MAX_RETRY_SECONDS), f"{self.name} never came back"
        if self.has_ended:
            self._thread.join()

    def pause(self) -> None:
        """Give control back, and wait for it; called on the actor's own thread."""
        self._back.release()
        assert self._mine.acquire(timeout=MAX_RETRY_SECONDS), f"{self.name} was forgotten"

    def _run(self) -> None:
        self._mine.acquire()
        try:
            self.answer = self._work()
        except BaseException as error:  # noqa: BLE001 - deaths are what this is about
            self.error = error
        self.has_ended = True
        self._back.release()


def _lock_up() -> threading.Lock:
    """A lock that another thread opens: it hands over twice as fast as a semaphore."""
    lock = threading.Lock()
    lock.acquire()
    return lock
