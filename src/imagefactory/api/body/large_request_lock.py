"""One large request at a time: parsing takes many times the memory of the request itself."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import traceback
from typing import TYPE_CHECKING, Self

from imagefactory.domain.errors import Unavailable

if TYPE_CHECKING:
    from types import TracebackType

#: Larger bodies acquire the lock before they are parsed.
LARGE_BYTES = 1_000_000
#: How long a request waits, at most.
MAX_WAIT_SECONDS = 60.0

_lock = threading.Lock()


class LargeRequestLock:
    """A lock on large requests, held to the end of the block.

    A body of 32 MB is four times as much as text with one emoji in it, and as much again as prompts. Little is lost by
    waiting: an instance has one CPU for all of them.
    """

    def __enter__(self) -> Self:
        """Wait for the lock.

        Raises:
            Unavailable: it was not free within `MAX_WAIT_SECONDS`.
        """
        if not _lock.acquire(timeout=MAX_WAIT_SECONDS):
            raise Unavailable("too many large requests at once")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An error on its way out would keep all that was read until it is answered, beside what the next one reads.
        traceback.clear_frames(trace)
        _release_memory()
        _lock.release()


def _release_memory() -> None:
    """Return memory to the system; glibc by itself keeps what many small strings have taken."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
