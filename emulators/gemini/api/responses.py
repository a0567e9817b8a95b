"""The sending of answers: whole, or broken in one of the ways in which answers break."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import email.utils
import functools
import gzip
import json
import socket
import struct
import time
from typing import TYPE_CHECKING

from aiohttp import web

from emulators.gemini.faults.outcomes import Outcome

if TYPE_CHECKING:
    from emulators.gemini.faults.error_format import ErrorBody

MAX_SECONDS = 30 * 60
DRIP_BYTES = 16
DRIP_SECONDS = 0.25
#: Seconds until the date in a Retry-After.
RETRY_AFTER_SECONDS = 30
_JSON = "application/json; charset=UTF-8"
_PAGE = (
    "<!DOCTYPE html>\n<html lang=en>\n<title>Error {status}!!1</title>\n"
    "<p><b>{status}.</b> <ins>That’s an error.</ins>\n<p>{sentence}\n"  # noqa: RUF001 - the apostrophe of Google's page
)

# By outcome: a page of the front end instead of an answer, with its status and headers.
_PAGES = {
    Outcome.HTML_ERROR: (502, "The server encountered a temporary error and could not complete your request.", {}),
    Outcome.HTML_TIMEOUT: (408, "Your client has taken too long to issue its request.", {}),
    Outcome.HTML_TOO_LARGE: (413, "Your client issued a request that was too large.", {}),
    Outcome.HTML_RATE_LIMITED: (429, "We're sorry, but you have sent too many requests.", {"Retry-After": "3"}),
    Outcome.HTML_OVERLOADED: (503, "The service is temporarily unavailable.", {}),
    Outcome.REDIRECT: (302, "The document has moved.", {"Location": "/_local/moved"}),
}
# Words of a status line that differ between versions of Python; Google's front end says the older ones.
_PHRASES = {413: "Request Entity Too Large"}
# Outcomes that end a call without any body of the API.
NO_BODY_OUTCOMES = frozenset(
    {Outcome.TIMEOUT, Outcome.CONNECTION_RESET, Outcome.EMPTY_BODY, Outcome.GZIP_BOMB, *_PAGES}
)
HUGE_BYTES = 200_000_000


def _headers(started: float) -> dict[str, str]:
    """The headers of Google's front end."""
    return {
        "Content-Type": _JSON,
        "Vary": "Origin, X-Origin, Referer",
        "Server": "scaffolding on HTTPServer2",
        "Server-Timing": f"gfet4t7; dur={int((time.time() - started) * 1000)}",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "X-XSS-Protection": "0",
    }


def error_response(error: ErrorBody, started: float, outcome: Outcome | None = None) -> web.Response:
    """An error in Google's envelope, in a list if the outcome is LISTED_ERROR."""
    envelope = [error.envelope()] if outcome is Outcome.LISTED_ERROR else error.envelope()
    body = json.dumps(envelope, indent=2).encode() + b"\n"
    return web.Response(status=error.code, body=body, headers=_headers(started))


async def respond_without_body(request: web.Request, outcome: Outcome) -> web.StreamResponse:
    """End a call without a body of the API; a hanging call ends when its client goes away."""
    if outcome is Outcome.TIMEOUT:
        await asyncio.sleep(MAX_SECONDS)
    if outcome is Outcome.EMPTY_BODY:
        return web.Response(headers=_headers(time.time()))
    if outcome is Outcome.GZIP_BOMB:
        return web.Response(body=_bomb(), headers=_headers(time.time()) | {"Content-Encoding": "gzip, gzip"})
    if outcome in _PAGES:
        status, sentence, headers = _PAGES[outcome]
        if outcome is Outcome.HTML_OVERLOADED:
            headers = _retry_after_headers(RETRY_AFTER_SECONDS)
        page = _PAGE.format(status=status, sentence=sentence)
        return web.Response(
            status=status, reason=_PHRASES.get(status), text=page, content_type="text/html", headers=headers
        )
    return _reset_connection(request)


def _retry_after_headers(seconds: float) -> dict[str, str]:
    """Date and Retry-After, as dates: a client shall wait so many seconds by this server's clock."""
    now = time.time()
    later = email.utils.formatdate(now + seconds, usegmt=True)
    return {"Date": email.utils.formatdate(now, usegmt=True), "Retry-After": later}


@functools.cache
def _bomb() -> bytes:
    """10 GB of blanks, compressed twice: a thousand gzip files in a row are one gzip file."""
    return gzip.compress(gzip.compress(b" " * 10_000_000) * 1000)


async def respond_with_body(request: web.Request, body: bytes, outcome: Outcome, started: float) -> web.StreamResponse:
    """Send an answer, cut or slowed down if the outcome says so."""
    if outcome is Outcome.TRUNCATED:
        response = await _start_response(request, body, started)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response
    if outcome is Outcome.DRIP:
        response = await _start_response(request, body, started)
        with _client_may_leave():
            for start in range(0, min(len(body), int(MAX_SECONDS / DRIP_SECONDS) * DRIP_BYTES), DRIP_BYTES):
                await response.write(body[start : start + DRIP_BYTES])
                await asyncio.sleep(DRIP_SECONDS)
        return response
    if outcome is Outcome.HUGE:
        return await _send_huge(request, body, started)
    if outcome is Outcome.GZIP:
        return web.Response(body=gzip.compress(body, 1), headers=_headers(started) | {"Content-Encoding": "gzip"})
    return web.Response(body=_distort_json(body, outcome), headers=_headers(started))


def _distort_json(body: bytes, outcome: Outcome) -> bytes:
    """The JSON of an answer, cut or changed if the outcome says so."""
    match outcome:
        case Outcome.CUT_JSON:
            return body[: len(body) // 2]
        case Outcome.LISTED:
            return b"[" + body + b"]"
        case Outcome.BYTE_ORDER_MARK:
            return codecs.BOM_UTF8 + body
        case Outcome.BAD_LETTER:
            return body.replace(b"Here is", b"Here\xff is", 1)
        case Outcome.BAD_NUMBER:
            return body.replace(b'"index": 0', b'"index": ' + b"9" * 10_000, 1)
        case _:
            return body


async def _send_huge(request: web.Request, body: bytes, started: float) -> web.StreamResponse:
    """Send the answer and 200 MB of blanks, chunked."""
    response = web.StreamResponse(headers=_headers(started))
    response.enable_chunked_encoding()
    await response.prepare(request)
    with _client_may_leave():
        await response.write(body)
        for _ in range(HUGE_BYTES // 1_000_000):
            await response.write(b" " * 1_000_000)
    return response


def _client_may_leave() -> contextlib.AbstractContextManager[None]:
    """Ignore that the client closes the connection: these answers provoke that."""
    return contextlib.suppress(ConnectionResetError)


async def _start_response(request: web.Request, body: bytes, started: float) -> web.StreamResponse:
    """Send the head with the whole body's length; the caller sends the body."""
    response = web.StreamResponse(headers=_headers(started))
    response.content_length = len(body)
    await response.prepare(request)
    return response


def _reset_connection(request: web.Request) -> web.StreamResponse:
    """End the connection with a TCP reset, as a crashed front end does."""
    if request.transport is not None:
        # A socket with a linger time of zero closes by RST and drops unsent data.
        request.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        request.transport.abort()
    return web.Response(status=500)
