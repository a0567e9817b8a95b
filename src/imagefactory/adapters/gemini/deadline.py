"""A true deadline for a whole HTTP call.

The timeouts of `requests` begin anew with every byte, so a server that drips outlasts them. Here each connection tells
the running call of its socket, and a timer shuts that socket down at the deadline: whatever the call was waiting for
then ends at once.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How long a connection may be idle and still be used again. Google closes idle ones after minutes; of one that
#: closes while a request is sent, nobody can tell whether the image was made, and paid for.
IDLE_SECONDS = 30.0

_calls = threading.local()


class TimedCall:
    """One HTTP call that may take so many seconds from now on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; 0 when it has come."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether the deadline has come."""
        return not self.seconds_left

    def uses(self, connected: socket.socket) -> None:
        """The call goes over this socket."""
        with self._lock:
            self._socket = connected
            if self.is_over:
                _shut_down(connected)

    def end(self) -> None:
        """The deadline has come."""
        with self._lock:
            if self._socket is not None:
                _shut_down(self._socket)

    def leave(self) -> None:
        """The call is over; its socket may serve another."""
        with self._lock:
            self._socket = None


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[TimedCall]:
    """End the HTTP call made inside the block, on this thread and through a `DeadlineAdapter`, after this time."""
    call = TimedCall(seconds)
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


def _current() -> TimedCall | None:
    """The call that this thread is making."""
    call: TimedCall | None = getattr(_calls, "current", None)
    return call


def _shut_down(connected: socket.socket) -> None:
    # The plain socket's own method: the TLS socket's would take its state away under the thread that is reading.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Telling:
    """A connection that tells the running call of its socket with every request."""

    host: Any
    port: Any
    sock: Any
    timeout: Any
    _answered_at = -math.inf

    def _new_conn(self) -> socket.socket:
        """Connects to one of the host's addresses; there may be a dozen, and each may let us wait."""
        reason: OSError = TimeoutError()
        for *kind, _, address in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
            try:
                return self._register(socket.socket(*kind), address)
            except OSError as failed:
                reason = failed
        raise reason

    def _register(self, connection: socket.socket, address: Any) -> socket.socket:
        try:
            connection.settimeout(self._patience)
            connection.connect(address)
            # A TLS handshake follows, in this time as a whole.
            connection.settimeout(self._patience)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            connection.close()
            raise
        return connection

    @property
    def _patience(self) -> float:
        """Seconds that the next step of connecting may take: a millisecond when the call has none left."""
        call = _current()
        seconds: float = min(self.timeout, call.seconds_left) if call else self.timeout
        return max(seconds, 0.001)

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        """Sends the request; a new connection is made here, and one from the pool used again."""
        call = _current()
        if call and self.sock:
            call.uses(self.sock)
        super().endheaders(*args, **kwargs)  # type: ignore[misc] # the other base has it
        if call and self.sock:
            call.uses(self.sock)

    def getresponse(self) -> Any:
        """Reads the head of the answer; from then on the connection counts as idle."""
        response = super().getresponse()  # type: ignore[misc] # as above
        self._answered_at = time.monotonic()
        return response

    @property
    def is_connected(self) -> bool:
        """Whether the connection may be used again."""
        is_open: bool = super().is_connected  # type: ignore[misc] # as above
        return is_open and time.monotonic() - self._answered_at < IDLE_SECONDS


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
