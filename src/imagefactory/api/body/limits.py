"""The bodies of requests: bounded before they are read, and read once."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

from imagefactory.api.body.encodings import PLAIN, name_encoding
from imagefactory.api.body.json_limits import as_object, value_of
from imagefactory.api.body.memory_gate import LARGE_BYTES, LargeRequestLock
from imagefactory.domain.errors import MalformedRequest, PayloadTooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from flask import Request

#: The longest body that is read: what Cloud Run lets through, rounded down.
MAX_BODY_BYTES = 32_000_000
MAX_FORM_PARTS = 100
PIECE_BYTES = 65_536


@dataclass(frozen=True)
class _Source:
    """The server's stream, whose own kinds of error become the one that the framework knows.

    Gunicorn's, for chunks without a size, are no OSErrors.
    """

    stream: IO[bytes]

    def read(self, size: int) -> bytes:
        """Up to so many bytes."""
        try:
            return self.stream.read(size)
        except Exception as broken:
            raise OSError("the body breaks off") from broken


def bound(request: Request) -> None:
    """Limit what will be read.

    Raises:
        PayloadTooLarge: the body says itself that it is too long.
    """
    # Until there is a stream with a bound, there is none: the framework, too, reads what it finds here.
    request.stream = io.BytesIO()
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise PayloadTooLarge
    source = {"wsgi.input": _Source(request.input_stream)}
    # One byte more, so that a body of unknown length that goes on is told from one that ends there.
    request.stream = get_input_stream(request.environ | source, max_content_length=MAX_BODY_BYTES + 1)


def received(request: Request) -> bytearray:
    """The whole body, once it is there.

    Raises:
        RequestEntityTooLarge: it is over the limit, whatever length it declared.
        MalformedRequest, ClientDisconnected: it ends before it is whole, takes too long to arrive, or is compressed on
            its way.
        UnsupportedMediaType: it is compressed.
    """
    if name_encoding(request.headers.getlist("Content-Encoding")) not in PLAIN:
        raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.")
    if request.headers.get("Transfer-Encoding", "chunked").lower() != "chunked":
        raise MalformedRequest("Send the body without a Transfer-Encoding, or in chunks.")
    body = bytearray()
    while piece := request.stream.read(PIECE_BYTES):
        body += piece
    if len(body) < (request.content_length or 0):
        raise MalformedRequest("The body ended before it was whole.")
    return body


def json_object(request: Request) -> dict[str, Any]:
    """The JSON object that is the request's body.

    Raises:
        PayloadTooLarge, RequestEntityTooLarge: it is over the limit, or holds too many values.
        MalformedRequest, ClientDisconnected: it is not whole, or no JSON object.
        UnsupportedMediaType: it is compressed.
        Unavailable: it is large, and the lock was not free in time.
    """
    return as_object(json_value(request, received(request)))


def json_value(request: Request, body: bytearray) -> Any:
    """The JSON value that is the request's body, whatever its type; else as `json_object`."""
    with LargeRequestLock() as lock:
        if len(body) > LARGE_BYTES:
            lock.acquire()
        return value_of(body, charset_of(request))


def charset_of(request: Request) -> str:
    """The charset that the request's Content-Type names; empty where it names none."""
    return request.mimetype_params.get("charset", "").strip()


def read_to_the_end(request: Request) -> None:
    """Let go of what is left of the body: a server that closes on it would take its own answer back."""
    with contextlib.suppress(HTTPException):
        while request.stream.read(PIECE_BYTES):
            pass
    # The framework reads on before it answers, and fails where the body is bad.
    request.stream = io.BytesIO()
