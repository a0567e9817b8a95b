"""How an answer leaves: whole, or in one of the ways in which answers get lost."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from typing import TYPE_CHECKING

from aiohttp import web

from local.gemini.outcomes import Outcome

if TYPE_CHECKING:
    from local.gemini.errors import Failure

LONGEST_SECONDS = 30 * 60
DRIP_BYTES = 16
DRIP_SECONDS = 0.25
_JSON = "application/json; charset=UTF-8"
_BAD_GATEWAY = (
    "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n"
    "<p><b>502.</b> <ins>That’s an error.</ins>\n"  # noqa: RUF001 - the typographic apostrophe of Google's page
    "<p>The server encountered a temporary error and could not complete your request.\n"
)

# Outcomes that end a call without any body of the API.
WITHOUT_BODY = frozenset({Outcome.TIMEOUT, Outcome.CONNECTION_RESET, Outcome.HTML_ERROR, Outcome.EMPTY_BODY})


def _headers(started: float) -> dict[str, str]:
    """The headers that Google's front end sends."""
    return {
        "Content-Type": _JSON,
        "Vary": "Origin, X-Origin, Referer",
        "Server": "scaffolding on HTTPServer2",
        "Server-Timing": f"gfet4t7; dur={int((time.time() - started) * 1000)}",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "X-XSS-Protection": "0",
    }


def failure(error: Failure, started: float) -> web.Response:
    """An error in Google's envelope."""
    body = json.dumps(error.body(), indent=2).encode() + b"\n"
    return web.Response(status=error.code, body=body, headers=_headers(started))


async def without_body(request: web.Request, outcome: Outcome) -> web.StreamResponse:
    """The end of a call that the API itself never answers; a hanging call ends when its client goes away."""
    if outcome is Outcome.TIMEOUT:
        await asyncio.sleep(LONGEST_SECONDS)
    if outcome is Outcome.EMPTY_BODY:
        return web.Response(headers=_headers(time.time()))
    if outcome is Outcome.HTML_ERROR:
        return web.Response(status=502, text=_BAD_GATEWAY, content_type="text/html")
    return _reset(request)


async def with_body(request: web.Request, body: bytes, outcome: Outcome, started: float) -> web.StreamResponse:
    """The answer to a call, cut or slowed down where the outcome says so."""
    if outcome is Outcome.TRUNCATED:
        response = await _announced(request, body, started)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response
    if outcome is Outcome.DRIP:
        response = await _announced(request, body, started)
        for start in range(0, min(len(body), int(LONGEST_SECONDS / DRIP_SECONDS) * DRIP_BYTES), DRIP_BYTES):
            await response.write(body[start : start + DRIP_BYTES])
            await asyncio.sleep(DRIP_SECONDS)
        return response
    sent = body[: len(body) // 2] if outcome is Outcome.CUT_JSON else body
    return web.Response(body=sent, headers=_headers(started))


async def _announced(request: web.Request, body: bytes, started: float) -> web.StreamResponse:
    """An answer whose head announces the whole body, and whose body is still to come."""
    response = web.StreamResponse(headers=_headers(started))
    response.content_length = len(body)
    await response.prepare(request)
    return response


def _reset(request: web.Request) -> web.StreamResponse:
    """Ends the connection with a TCP reset, as a crashed front end does."""
    if request.transport is not None:
        # A socket that lingers for no time is closed by RST, and what was to be sent is thrown away.
        request.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        request.transport.abort()
    return web.Response(status=500)
