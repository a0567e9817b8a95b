"""A true deadline for a whole HTTP call.

The timeouts of `requests` begin anew with every byte, so a server that drips outlasts them. Here each connection tells
the running call of its socket, and a timer shuts that socket down at the deadline: whatever the call was waiting for
then ends at once.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Iterator

_calls = threading.local()


class Call:
    """One HTTP call under a deadline; `passed` once that has come."""

    def __init__(self) -> None:
        self.passed = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def uses(self, connected: socket.socket) -> None:
        """The call goes over this socket."""
        with self._lock:
            self._socket = connected
            if self.passed:
                _shut_down(connected)

    def end(self) -> None:
        """The deadline has come."""
        with self._lock:
            self.passed = True
            if self._socket is not None:
                _shut_down(self._socket)

    def leave(self) -> None:
        """The call is over; its socket may serve another."""
        with self._lock:
            self._socket = None


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[Call]:
    """End the HTTP call made inside the block, on this thread and through a `DeadlineAdapter`, after this time."""
    call = Call()
    timer = threading.Timer(seconds, call.end)
    timer.daemon = True
    timer.start()
    _calls.current = call
    try:
        yield call
    finally:
        _calls.current = None
        call.leave()
        timer.cancel()


def _shut_down(connected: socket.socket) -> None:
    # The plain socket's own method: the TLS socket's would take its state away under the thread that is reading.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Telling:
    """A connection that tells the running call of its socket with every request."""

    sock: Any

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        """Sends the request; a new connection is made here, and one from the pool used again."""
        call: Call | None = getattr(_calls, "current", None)
        if call and self.sock:
            call.uses(self.sock)
        super().endheaders(*args, **kwargs)  # type: ignore[misc] # the other base has it
        if call and self.sock:
            call.uses(self.sock)


class _Plain(_Telling, HTTPConnection):
    pass


class _Secure(_Telling, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class DeadlineAdapter(HTTPAdapter):
    """Sends requests over connections that know of deadlines."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool, with our connections in it."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
