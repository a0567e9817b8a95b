"""The bodies of requests: bounded, read once, and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

from imagefactory.domain.errors import MalformedRequest, PayloadTooLarge

if TYPE_CHECKING:
    from flask import Request

#: The longest body that is read: what Cloud Run lets through, rounded down.
MAX_BODY_BYTES = 32_000_000
MAX_FORM_PARTS = 100


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
    request.max_form_memory_size = MAX_BODY_BYTES
    request.max_form_parts = MAX_FORM_PARTS
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise PayloadTooLarge
    source = {"wsgi.input": _Source(request.input_stream)}
    # One byte more, so that a body of unknown length that goes on is told from one that ends there.
    request.stream = get_input_stream(request.environ | source, max_content_length=MAX_BODY_BYTES + 1)


def json_object(request: Request) -> dict[str, Any]:
    """The JSON object that is the body.

    Raises:
        PayloadTooLarge: the body is over the limit, whatever length it declared.
        MalformedRequest: it is no JSON, or another value.
    """
    data = request.get_data(cache=False)
    if len(data) > MAX_BODY_BYTES:
        raise PayloadTooLarge
    try:
        value = json.loads(data, object_pairs_hook=_object)
    except (ValueError, RecursionError) as wrong:
        place = f" at character {wrong.pos + 1}" if isinstance(wrong, json.JSONDecodeError) else ""
        raise MalformedRequest(f"The body is not valid JSON{place}.") from None
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of a name that stands twice, one value would be dropped without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedRequest("The body has an object in which a name stands twice.")
    return found


def read_to_the_end(request: Request) -> None:
    """Read what is left of the body: the framework does so before it answers, and fails where the body is bad."""
    try:
        request.get_data()
    except HTTPException:
        request.stream = io.BytesIO()
