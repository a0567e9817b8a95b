"""Bodies that arrive slowly: how long a request may keep a thread waiting for its own bytes.

The server's threads read from blocking sockets without a timeout, so whoever sends a byte now and then holds one for as
long as they like. Here a timer closes the socket's reading half: the read that waits ends at once, as if the client had
stopped in the middle, and the answer can still be sent.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Request

#: Seconds for a body that somebody waits for: 32 MB at 3 Mbit/s, and less than the deployed functions' own limit.
BODY_SECONDS = 90.0
#: Seconds for what is left of a body when the answer stands; nobody needs it, but most clients read only afterwards.
REST_SECONDS = 5.0


class BodyDeadline:
    """The body of one request, on its way; `late` once it has not arrived in time."""

    def __init__(self, request: Request) -> None:
        self.late = False
        self._lock = threading.Lock()
        self._reading = False
        self._stream: IO[bytes] = request.environ["wsgi.input"]
        #: Only the deployed server tells its socket.
        self._socket: socket.socket | None = request.environ.get("gunicorn.socket")
        self._has_body = bool(request.content_length or request.headers.get("Transfer-Encoding"))
        request.environ["wsgi.input"] = self

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End reading the body inside the block after this time; requests without a body cost nothing."""
        if not self._has_body:
            yield
            return
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes of the body, fewer at its end; none when it is late."""
        with self._lock:
            if self.late:
                return b""
            self._reading = True
        try:
            return self._stream.read(size)
        finally:
            with self._lock:
                self._reading = False

    def _end(self) -> None:
        with self._lock:
            self.late = True
            # A connection whose body has arrived serves further requests: its socket is left alone.
            if self._reading and self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RD)
