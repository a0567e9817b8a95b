"""Turns: what takes many times a request's own memory is done for one request at a time."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import traceback
from typing import TYPE_CHECKING, Self

from imagefactory.domain.errors import Unavailable

if TYPE_CHECKING:
    from types import TracebackType

#: Bodies above this wait for their turn before they are parsed.
LARGE_BYTES = 1_000_000
#: How long a request waits, at most.
TURN_SECONDS = 60.0

_turn = threading.Lock()


class Turn:
    """A request's turn; once taken it is kept to the block's end.

    A body of 32 MB is four times as much as text with one emoji in it, and as much again as prompts. Little is lost by
    waiting: an instance has one CPU for all of them.
    """

    def __init__(self) -> None:
        self._has = False

    def take(self) -> None:
        """Wait for the turn.

        Raises:
            Unavailable: it did not come.
        """
        if not self._has and not _turn.acquire(timeout=TURN_SECONDS):
            raise Unavailable("too many large requests at once")
        self._has = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._has:
            return
        # An error on its way out would keep all that was read until it is answered, beside what the next one reads.
        traceback.clear_frames(trace)
        _give_back()
        _turn.release()


def _give_back() -> None:
    """Return memory to the system; glibc by itself keeps what many small strings have taken."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
