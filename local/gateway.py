"""One address for the page and the API: a reverse proxy in front of the functions.

```
ANY  /api/workflows/*/execute                      ──► submit
ANY  /api/executions/*/cancel, /api/executions/*/retry ──► submit
ANY  every other /api/…                            ──► status
GET  everything else                               ──► the files of web/, or a few lines of help where there are none
ANY  everything else                               ──► 404
```

Requests and answers pass as they are: method, query, headers (without those that belong to one connection) and bodies,
streamed both ways. `python -m local.gateway --port N --submit URL --status URL [--identity URL]`.
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

from local.http_server import ANY_PAGE, error, serve
from local.stack.ports import HOST
from local.stack.settings import ROOT, url
from local.supervision import signals
from local.usage import instructions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

SUBMIT_PATHS = re.compile(r"/api/(workflows/[^/]+/execute|executions/[^/]+/(cancel|retry))/?")

# RFC 9110, 7.6.1, and Expect, which the gateway has answered itself by the time it forwards.
ONE_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "expect"),
    }
)
BODY_CHUNK = 64 * 1024
# Shorter than the idle time of any common server (2 s and up): who asks must be the first to close, or a request goes
# into a connection that is closing.
KEEP_ALIVE_SECONDS = 1.0
NOTHING = "There is nothing here; the API is under /api/."
NO_OTHER_HEADERS = (hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT)


@dataclass(frozen=True)
class Routes:
    """Where requests go: base URLs without a final slash, and the folder of the page."""

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
    """Passes a request to its function, and the answer back."""
    target = request.app[ROUTES].target(request.rel_url.raw_path)
    # As it came, still percent-encoded: nothing here may decode what the function will decode. A target with a host in
    # it has none in rel_url.
    address = URL(target + request.rel_url.raw_path_qs, encoded=True)
    try:
        async with request.app[SESSION].request(
            request.method,
            address,
            headers=end_to_end(request.raw_headers),
            skip_auto_headers=NO_OTHER_HEADERS,
            data=request.content if request.body_exists else None,
            allow_redirects=False,
        ) as answer:
            return await passed_back(request, answer)
    except aiohttp.ClientError as failure:
        # A page that may not ask cannot read that nobody answers.
        return preflight(request) or unreachable(type(failure).__name__)


async def passed_back(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Streams the function's answer to the caller; a function that breaks off breaks off the caller's answer too."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=end_to_end(answer.raw_headers))
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_chunked(BODY_CHUNK):
            await response.write(chunk)
        await response.write_eof()
    except (ConnectionError, aiohttp.ClientError):
        # The status line has gone out: only a torn connection can still say that the body is not whole.
        if request.transport is not None:
            request.transport.abort()
    return response


def end_to_end(raw: Iterable[tuple[bytes, bytes]]) -> CIMultiDict[str]:
    """The headers, spelled as they came, that are meant for the other end and not for one connection on the way."""
    headers = [(name.decode(), value.decode(errors="surrogateescape")) for name, value in raw]
    listed = [value for name, value in headers if name.lower() == "connection"]
    dropped = ONE_CONNECTION | {name.strip().lower() for value in listed for name in value.split(",")}
    return CIMultiDict((name, value) for name, value in headers if name.lower() not in dropped)


def unreachable(reason: str) -> web.Response:
    """The answer in place of a function that does not answer, in the shape of the API's errors."""
    message = f"The function behind the gateway does not answer ({reason}); trying again may help."
    return error(502, "UNAVAILABLE", message)


async def page(request: web.Request) -> web.StreamResponse:
    """A file of the page; without a page, what this is and how to use it."""
    routes = request.app[ROUTES]
    if not routes.web.is_dir():
        if request.path == "/":
            return web.Response(text=instructions(own_address(request), routes.identity, routes.workflow))
        raise web.HTTPNotFound(text=NOTHING)
    file = file_at(request.match_info["path"], routes.web.resolve())
    if file is None:
        raise web.HTTPNotFound(text="There is no such page.")
    return web.FileResponse(file, headers={hdrs.CACHE_CONTROL: "no-cache"})


async def nothing(request: web.Request) -> web.Response:
    """What is neither the API's nor the page's; a page of any origin is let ask for it, to read that."""
    if answer := preflight(request):
        return answer
    raise web.HTTPNotFound(text=NOTHING)


def preflight(request: web.Request) -> web.Response | None:
    """The answer to a browser that asks whether a page may read what the gateway itself says; None to others."""
    asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD)
    if request.method != hdrs.METH_OPTIONS or asked is None:
        return None
    allowed = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: asked,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, ""),
    }
    return web.Response(status=204, headers=allowed | ANY_PAGE)


def file_at(path: str, root: Path) -> Path | None:
    """The page's file for this path; None where there is none, or none inside its folder."""
    try:
        file = (root / path).resolve()
        file = file / "index.html" if file.is_dir() else file
        return file if file.is_relative_to(root) and file.is_file() else None
    except (OSError, ValueError):
        # A name that is too long for a file, or has a zero in it.
        return None


def own_address(request: web.Request) -> str:
    """Where the gateway listens; the header Host may say anything."""
    _, port = request.get_extra_info("sockname")
    return url(port)


async def health(_request: web.Request) -> web.Response:
    """Says that the gateway itself is up."""
    return web.json_response({"status": "ok"})


async def session(app: web.Application) -> AsyncIterator[None]:
    """Keeps one client session for as long as the application runs."""
    app[SESSION] = aiohttp.ClientSession(
        # A submit of 10,000 prompts may take a while: the caller decides when to give up.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        # Compressed answers stay compressed, cookies are the caller's.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
    )
    yield
    await app[SESSION].close()


def application(routes: Routes) -> web.Application:
    """The gateway."""
    app = web.Application()
    app[ROUTES] = routes
    app.cleanup_ctx.append(session)
    # With line ends too.
    app.router.add_route("*", "/api/{path:(?s:.*)}", forward)
    app.router.add_get("/_local/health", health)
    app.router.add_get("/{path:(?s:.*)}", page)
    app.router.add_route("*", "/{path:(?s:.*)}", nothing)
    return app


def main() -> int:
    """Serves until a signal ends it; the exit code says how it went."""
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
        return signals.run(serve(application(routes), HOST, options.port), interrupted=0)
    except (OSError, OverflowError) as failure:
        sys.stderr.write(f"gateway: cannot listen on {HOST}:{options.port}: {failure}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
