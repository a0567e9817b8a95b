"""The body of a request on its way: bounded in size and in time.

The server's threads read from blocking sockets without a timeout, so a client that sends a byte now and then would hold
a thread for as long as it likes. Here a timer closes the reading half of the socket: the read that waits ends at once,
as if the client had stopped in the middle, and the answer can still be sent.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import IO, TYPE_CHECKING

from werkzeug.wsgi import get_content_length

from imagefactory.api.errors import PayloadTooLarge
from imagefactory.domain.errors import MalformedRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: The longest body that is read: what Cloud Run lets through, rounded down.
MAX_BODY_BYTES = 32_000_000
PIECE_BYTES = 65_536
#: Seconds for a body that somebody waits for: 32 MB at 3 Mbit/s, and less than the deployed functions' own limit.
BODY_SECONDS = 90.0
#: Seconds for what is left of a body when the answer stands; nobody needs it, but most clients read only afterwards.
REST_SECONDS = 5.0

_INPUT, _TERMINATED = "wsgi.input", "wsgi.input_terminated"


class RequestBody:
    """The stream `wsgi.input` of one request; `is_late` once the body has not arrived in time."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.is_late = False
        self._length = get_content_length(environ) or 0
        #: Whether the request says itself that its body is over the limit.
        self.is_too_long = self._length > MAX_BODY_BYTES
        #: A server that does not say where a body ends is believed as far as the length that was declared.
        self._left = MAX_BODY_BYTES + 1 if environ.get(_TERMINATED) else self._length
        self._received = 0
        self._lock = threading.Lock()
        self._is_reading = False
        self._stream: IO[bytes] = environ[_INPUT]
        #: Only the deployed server tells its socket.
        self._socket: socket.socket | None = environ.get("gunicorn.socket")
        self._is_empty = not self._length and "HTTP_TRANSFER_ENCODING" not in environ

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End reading the body inside the block after this time; a request without a body costs nothing."""
        if self._is_empty:
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
        """Up to `size` bytes of the body, fewer at its end, none when it is late.

        Raises:
            OSError: the body breaks off.
        """
        with self._lock:
            if self.is_late:
                return b""
            self._is_reading = True
        try:
            piece = self._stream.read(self._left if size < 0 else min(size, self._left))
        except Exception as broken:
            # Gunicorn's own, for chunks without a size, are no OSErrors.
            raise OSError("the body breaks off") from broken
        finally:
            with self._lock:
                self._is_reading = False
        self._left -= len(piece)
        self._received += len(piece)
        return piece

    def read_whole(self) -> bytearray:
        """The whole body, once it is there.

        Raises:
            PayloadTooLarge: it is over the limit, whatever length it declared.
            MalformedRequest: it ends before it is whole, or takes too long to arrive.
        """
        body = bytearray()
        with self.within(BODY_SECONDS), contextlib.suppress(OSError):
            while (not self._length or len(body) < self._length) and (piece := self.read(PIECE_BYTES)):
                body += piece
            if len(body) > MAX_BODY_BYTES:
                raise PayloadTooLarge
            if not self.is_late and len(body) >= self._length:
                return body
        late = f"The body had not arrived after {BODY_SECONDS:.0f} s."
        raise MalformedRequest(late if self.is_late else "The body ended before it was whole.")

    def discard(self) -> None:
        """Let go of what is left of the body: a server that closes on it would take its own answer back."""
        if self._is_empty or self._received == self._length:
            return
        with self.within(REST_SECONDS), contextlib.suppress(OSError):
            while self.read(PIECE_BYTES):
                pass
        self._left = 0

    def _end(self) -> None:
        with self._lock:
            self.is_late = True
            # A connection whose body has arrived serves further requests: its socket is left alone.
            if self._is_reading and self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RD)


class BodyLimits:
    """WSGI middleware that makes the body of each request a `RequestBody`."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        return self._app(environ | {_INPUT: RequestBody(environ), _TERMINATED: True}, start_response)
