"""The headers that every answer has: what a browser may do with it, and which pages may ask."""

from __future__ import annotations

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
#: Statuses whose answers have no body.
BODILESS = (204, 304)


def protect(response: Response) -> None:
    """Add what every answer has."""
    response.headers.update(ALWAYS)
    response.headers.setdefault("Cache-Control", "no-store")
    if response.status_code in BODILESS:
        # The framework names a type even for nothing.
        response.headers.pop("Content-Type", None)


@dataclass(frozen=True)
class Cors:
    """Cross-origin rules: pages of these origins may call, with a token, never with cookies; nobody else's may."""

    origins: frozenset[str]

    def allow(self, request: Request, response: Response) -> None:
        """Let a page of a configured origin read the answer."""
        if not self.origins:
            return
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in self.origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "ETag, Idempotency-Replayed, Retry-After, X-Request-Id"

    def options(self, request: Request, allowed: Iterable[str]) -> Response:
        """What a path takes; for a page of a configured origin also that it may."""
        methods = ", ".join(sorted({*allowed, "OPTIONS"}))
        response = Response(status=204, headers={"Allow": methods})
        if request.headers.get("Origin") in self.origins:
            response.headers["Access-Control-Allow-Methods"] = methods
            response.headers["Access-Control-Allow-Headers"] = (
                "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-Id"
            )
            response.headers["Access-Control-Max-Age"] = "3600"
        return response
