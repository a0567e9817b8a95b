"""The gateway: a reverse proxy that gives the functions and the page one address.

```
ANY  /api/workflows/*/execute                      ──► submit
ANY  /api/executions/*/cancel, /api/executions/*/retry ──► submit
ANY  every other /api/…                            ──► status
GET  everything else                               ──► the files of web/, or a few lines of help where there are none
ANY  everything else                               ──► 404
```

Requests and answers pass unchanged: method, query, end-to-end headers, and bodies, which stream both ways.
`python -m local.gateway --port N --submit URL --status URL [--identity URL]`.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from local.http_server import ANY_PAGE, error_answer, serve
from local.stack.ports import HOST
from local.stack.settings import ROOT, url
from local.supervision import signals
from local.usage import instructions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

SUBMIT_PATHS = re.compile(r"/api/(workflows/[^/]+/execute|executions/[^/]+/(cancel|retry))/?")

# RFC 9110, 7.6.1; and Expect, which the gateway answers itself before it forwards.
HOP_BY_HOP_HEADERS = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "expect"),
    }
)
CHUNK_BYTES = 64 * 1024
# Shorter than the idle time of any common server (2 s and up): the client must close first, or a request meets a
# connection that is closing.
KEEP_ALIVE_SECONDS = 1.0
NOT_FOUND_MESSAGE = "There is nothing here; the API is under /api/."
AUTOMATIC_HEADERS = (hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT)


@dataclass(frozen=True)
class Routes:
    """The targets of requests: base URLs without a final slash, the workflow's id, and the folder of the page."""

    submit: str
    status: str
    identity: str
    workflow: str
    web: Path

    def target(self, path: str) -> str:
        """The function that serves an /api path."""
        return self.submit if SUBMIT_PATHS.fullmatch(path) else self.status


SESSION = web.AppKey("SESSION", aiohttp.ClientSession)
ROUTES = web.AppKey("ROUTES", Routes)


async def forward(request: web.Request) -> web.StreamResponse:
    """Pass a request to its function, and the answer back."""
    target = request.app[ROUTES].target(request.rel_url.raw_path)
    # Still percent-encoded, as it came: only the function may decode it. rel_url has no host, even if the request
    # line had one.
    address = URL(target + request.rel_url.raw_path_qs, encoded=True)
    try:
        async with request.app[SESSION].request(
            request.method,
            address,
            headers=end_to_end_headers(request.raw_headers),
            skip_auto_headers=AUTOMATIC_HEADERS,
            data=request.content if request.body_exists else None,
            allow_redirects=False,
        ) as answer:
            return await stream_answer(request, answer)
    except aiohttp.ClientError as failure:
        # Without an answer to its preflight, a page could not read this error.
        return answer_preflight(request) or unreachable_answer(type(failure).__name__)


async def stream_answer(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Stream the function's answer to the caller; if the function breaks off, break off the caller's answer too."""
    response = web.StreamResponse(
        status=answer.status, reason=answer.reason, headers=end_to_end_headers(answer.raw_headers)
    )
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            await response.write(chunk)
        await response.write_eof()
    except (ConnectionError, aiohttp.ClientError):
        # The status line is sent: only an aborted connection can still tell the caller that the body is incomplete.
        if request.transport is not None:
            request.transport.abort()
    return response


def end_to_end_headers(raw: Iterable[tuple[bytes, bytes]]) -> CIMultiDict[str]:
    """The end-to-end headers in their original spelling: all but the hop-by-hop ones."""
    headers = [(name.decode(), value.decode(errors="surrogateescape")) for name, value in raw]
    connection_values = [value for name, value in headers if name.lower() == "connection"]
    hop_by_hop = HOP_BY_HOP_HEADERS | {name.strip().lower() for value in connection_values for name in value.split(",")}
    return CIMultiDict((name, value) for name, value in headers if name.lower() not in hop_by_hop)


def unreachable_answer(reason: str) -> web.Response:
    """A 502 in the shape of the API's errors, for a function that does not answer."""
    message = f"The function behind the gateway does not answer ({reason}); trying again may help."
    return error_answer(502, "UNAVAILABLE", message)


async def serve_page(request: web.Request) -> web.StreamResponse:
    """Answer with a file of the page; if there is no page, with the instructions for curl."""
    routes = request.app[ROUTES]
    if not routes.web.is_dir():
        if request.path == "/":
            return web.Response(text=instructions(own_address(request), routes.identity, routes.workflow))
        raise web.HTTPNotFound(text=NOT_FOUND_MESSAGE)
    file = find_file(request.match_info["path"], routes.web.resolve())
    if file is None:
        raise web.HTTPNotFound(text="There is no such page.")
    return web.FileResponse(file, headers={hdrs.CACHE_CONTROL: "no-cache"})


async def refuse_unknown_path(request: web.Request) -> web.Response:
    """Refuse what is neither the API nor a page with 404; answer preflights, so that any page can read the 404."""
    if answer := answer_preflight(request):
        return answer
    raise web.HTTPNotFound(text=NOT_FOUND_MESSAGE)


def answer_preflight(request: web.Request) -> web.Response | None:
    """Answer a browser's preflight: any page may read the gateway's own answers. None if it is not a preflight."""
    requested_method = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD)
    if request.method != hdrs.METH_OPTIONS or requested_method is None:
        return None
    allowed = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: requested_method,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, ""),
    }
    return web.Response(status=204, headers=allowed | ANY_PAGE)


def find_file(path: str, root: Path) -> Path | None:
    """The file at this path inside `root`; None if there is none, or if the path leads outside."""
    try:
        file = (root / path).resolve()
        file = file / "index.html" if file.is_dir() else file
        return file if file.is_relative_to(root) and file.is_file() else None
    except (OSError, ValueError):
        # The name is too long for a file, or contains a NUL.
        return None


def own_address(request: web.Request) -> str:
    """The gateway's own URL, from the socket: the header Host may be forged."""
    _, port = request.get_extra_info("sockname")
    return url(port)


async def answer_health(_request: web.Request) -> web.Response:
    """Answer 200: the gateway itself is up."""
    return web.json_response({"status": "ok"})


async def open_session(app: web.Application) -> AsyncIterator[None]:
    """Open one client session for as long as the application runs."""
    app[SESSION] = aiohttp.ClientSession(
        # A submit of 10,000 prompts may take minutes: the caller decides when to give up.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        # Compressed answers stay compressed; the caller keeps the cookies.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
    )
    yield
    await app[SESSION].close()


def application(routes: Routes) -> web.Application:
    """Build the gateway's application."""
    app = web.Application()
    app[ROUTES] = routes
    app.cleanup_ctx.append(open_session)
    # (?s:.*) also matches line ends.
    app.router.add_route("*", "/api/{path:(?s:.*)}", forward)
    app.router.add_get("/_local/health", answer_health)
    app.router.add_get("/{path:(?s:.*)}", serve_page)
    app.router.add_route("*", "/{path:(?s:.*)}", refuse_unknown_path)
    return app


def main() -> int:
    """Serve until a signal; return 0, or 1 if the port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m local.gateway", description="One address for page and API.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--submit", required=True, help="base URL of the function submit")
    parser.add_argument("--status", required=True, help="base URL of the function status")
    parser.add_argument("--identity", default="IDENTITY", help="base URL of the token issuer, for the help page")
    parser.add_argument("--workflow", default="WORKFLOW_ID", help="id of the workflow, for the help page")
    parser.add_argument("--web", type=Path, default=ROOT / "web", help="folder of the page (default: web/)")
    options = parser.parse_args()
    submit, status = options.submit.rstrip("/"), options.status.rstrip("/")
    routes = Routes(submit, status, options.identity, options.workflow, options.web)
    try:
        return signals.run(serve(application(routes), HOST, options.port), interrupt_code=0)
    except (OSError, OverflowError) as failure:
        sys.stderr.write(f"gateway: cannot listen on {HOST}:{options.port}: {failure}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
