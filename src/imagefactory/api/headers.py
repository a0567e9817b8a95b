"""The headers that every answer has: what a browser may do with it, and which pages may ask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Request

#: Answers are data: never a page, never framed, never guessed at, never fetched without CORS by another site.
ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
#: What a page may read of an answer, besides what it always may.
EXPOSED = "Allow, ETag, Idempotency-Replayed, Location, Retry-After, WWW-Authenticate, X-Request-Id"
#: What a page may send, besides what it asks for: tracing adds headers of its own.
SENT = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-Request-Id")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_METHOD = re.compile(r"[A-Z]{1,20}")
_PORT = re.compile(r":\d{1,5}\Z")
#: Statuses whose answers have no body.
BODILESS = (204, 304)


def protect(response: Response) -> None:
    """Add what every answer has."""
    response.headers.update(ALWAYS)
    response.headers.setdefault("Cache-Control", "no-store")
    remove_type_of_nothing(response)


def remove_type_of_nothing(response: Response) -> Response:
    """Take away the type that Flask names even for an answer without a body."""
    if response.status_code in BODILESS:
        response.headers.pop("Content-Type", None)
    return response


@dataclass(frozen=True)
class Cors:
    """Cross-origin rules: pages of these origins may call, with a token, never with cookies; nobody else's may.

    An origin whose port is `*` stands for all ports of its host.
    """

    origins: frozenset[str]

    def allow(self, request: Request, response: Response) -> None:
        """Let a page of a configured origin read the answer."""
        if not self.origins:
            return
        response.vary.add("Origin")
        if origin := self._origin(request):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED

    def options(self, request: Request, allowed: Iterable[str]) -> Response | None:
        """What a path takes, and for a page of a configured origin that it may ask; None where there is no such path.

        Preflights succeed for every path and method: otherwise the page could not read the 404 or 405.
        """
        methods = sorted({*allowed, "OPTIONS"})
        method = request.headers.get("Access-Control-Request-Method", "")
        is_preflight = bool(self._origin(request)) and _METHOD.fullmatch(method) is not None
        if not is_preflight and methods == ["OPTIONS"]:
            return None
        response = Response(status=204, headers={"Allow": ", ".join(methods)})
        if is_preflight:
            response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted({*methods, method}))
            response.headers["Access-Control-Allow-Headers"] = ", ".join([*SENT, *_other_headers(request)])
            response.headers["Access-Control-Max-Age"] = "3600"
        return response

    def _origin(self, request: Request) -> str | None:
        """The origin of the page that asks, if it is among ours."""
        origin = request.headers.get("Origin", "")
        names = {origin, f"{_PORT.sub('', origin)}:*"}
        return origin if "*" not in origin and not names.isdisjoint(self.origins) else None


def _other_headers(request: Request) -> list[str]:
    """The headers that a preflight asks for and that are none of ours."""
    known = {name.lower() for name in SENT}
    names = [name.strip() for name in request.headers.get("Access-Control-Request-Headers", "").split(",")]
    return [name for name in names if _NAME.fullmatch(name) and name.lower() not in known]
