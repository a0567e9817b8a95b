"""Errors that only HTTP knows, and one table from what Flask and werkzeug refuse to our own words.

ClientError
├── Unauthenticated         401  no valid token
├── MethodNotAllowed        405  the path exists, not with this method
├── PayloadTooLarge         413  the body is over the limit
└── UnsupportedMediaType    415  neither JSON nor multipart
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadHost, RequestEntityTooLarge
from werkzeug.exceptions import MethodNotAllowed as WrongMethod
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import RequestRedirect, WebsocketMismatch

from imagefactory.domain.errors import ClientError, MalformedRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask import Request
    from werkzeug.exceptions import HTTPException

MAX_FORM_PARTS = 100


class Unauthenticated(ClientError):
    """A valid ID token is needed: send Authorization: Bearer <ID token>."""

    status, code = 401, "UNAUTHENTICATED"

    @property
    def headers(self) -> dict[str, str]:
        """Tells the client which scheme to use, as RFC 6750 asks."""
        return {"WWW-Authenticate": 'Bearer realm="image-factory"'}


class MethodNotAllowed(ClientError):
    """The path exists, but not with this method."""

    status, code = 405, "METHOD_NOT_ALLOWED"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"This path takes {', '.join(allowed)}.")
        self.allowed = tuple(allowed)

    @property
    def headers(self) -> dict[str, str]:
        """The methods that would have been taken."""
        return {"Allow": ", ".join(self.allowed)}


class PayloadTooLarge(ClientError):
    """The body is over the limit of 32 MB."""

    status, code = 413, "PAYLOAD_TOO_LARGE"


class UnsupportedMediaType(ClientError):
    """Send multipart/form-data or application/json."""

    status, code = 415, "UNSUPPORTED_MEDIA_TYPE"


#: By status; every other one below 500 says that the request cannot be read.
_KINDS: Mapping[int | None, type[ClientError]] = {401: Unauthenticated, 413: PayloadTooLarge, 415: UnsupportedMediaType}
_MESSAGES: Mapping[type[HTTPException], str] = {
    BadHost: "The header Host names no host.",
    RequestEntityTooLarge: f"{PayloadTooLarge.__doc__} A form has at most {MAX_FORM_PARTS} parts.",
    WebsocketMismatch: "This API does not speak WebSocket; send the request without an upgrade.",
}


def translate_http_error(error: HTTPException, request: Request) -> ClientError | None:
    """Our error in place of theirs; None where the request is not to blame."""
    if error.code is None or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    if isinstance(error, WrongMethod):
        return MethodNotAllowed(sorted({*(error.valid_methods or ()), "OPTIONS"}))
    # Nothing here has two addresses: what the framework would redirect to is not what was asked for.
    if isinstance(error, (NoRoute, RequestRedirect)):
        return no_such_path(request)
    kind = _KINDS.get(error.code, MalformedRequest)
    return kind(_MESSAGES.get(type(error)))


def no_such_path(request: Request) -> NotFound:
    """The refusal of a path that leads nowhere."""
    return NotFound(f"There is nothing at {request.path[:200]}.")
