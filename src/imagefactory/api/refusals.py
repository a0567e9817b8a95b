"""What Flask and werkzeug refuse, in the API's own words: one table from their errors to ours."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadHost, RequestEntityTooLarge
from werkzeug.exceptions import MethodNotAllowed as WrongMethod
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import RequestRedirect, WebsocketMismatch

from imagefactory.api.body.limits import MAX_FORM_PARTS
from imagefactory.domain.errors import (
    ClientError,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    Unauthenticated,
    UnsupportedMediaType,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Request
    from werkzeug.exceptions import HTTPException

#: By status; every other one below 500 says that the request cannot be read.
_KINDS: Mapping[int | None, type[ClientError]] = {401: Unauthenticated, 413: PayloadTooLarge, 415: UnsupportedMediaType}
_MESSAGES: Mapping[type[HTTPException], str] = {
    BadHost: "The header Host names no host.",
    RequestEntityTooLarge: f"{PayloadTooLarge.__doc__} A form has at most {MAX_FORM_PARTS} parts.",
    WebsocketMismatch: "This API does not speak WebSocket; send the request without an upgrade.",
}


def refusal_of(theirs: HTTPException, request: Request) -> ClientError | None:
    """Our refusal in place of theirs; None where the request is not at error."""
    if theirs.code is None or theirs.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    if isinstance(theirs, WrongMethod):
        return MethodNotAllowed(sorted({*(theirs.valid_methods or ()), "OPTIONS"}))
    # Nothing here has two addresses: what the framework would redirect to is not what was asked for.
    if isinstance(theirs, (NoRoute, RequestRedirect)):
        return nothing_at(request)
    kind = _KINDS.get(theirs.code, MalformedRequest)
    return kind(_MESSAGES.get(type(theirs)))


def nothing_at(request: Request) -> NotFound:
    """The refusal of a path that leads nowhere."""
    return NotFound(f"There is nothing at {request.path[:200]}.")
