"""The gateway's HTTP server: aiohttp's, whose refusals take the shape of the API's errors.

aiohttp itself refuses a malformed request line, header or length: in plain text, with a traceback in the log, before
the application sees it. It also answers in plain text what an application raises.
"""

from __future__ import annotations

import asyncio
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import Mapping

# Longer than browsers keep an idle connection, so that the server never closes one while a browser sends.
KEEP_ALIVE_SECONDS = 620
SHUTDOWN_SECONDS = 0.5

# The headers of every answer of the API.
PROTECTION = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
# The gateway's own answers contain no user's data: pages of all origins may read them.
ANY_PAGE = {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*", hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: "*"}
MALFORMED = "MALFORMED_REQUEST"


def error_answer(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer in the shape of the API's errors."""
    body = {"success": False, "error": {"code": code, "message": message, "details": []}}
    all_headers = PROTECTION | ANY_PAGE | {"X-Request-Id": str(uuid.uuid4())} | dict(headers or {})
    return web.json_response(body, status=status, headers=all_headers)


async def serve(app: web.Application, host: str, port: int) -> int:
    """Serve until cancelled; raises OSError if the port cannot be used."""
    runner = _Runner(app, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
    return 0


class _Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(server.request_handler, request_factory=server.request_factory)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        """Make the server's side of a new connection."""
        # Bodies pass unchanged: compressed ones stay compressed.
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            auto_decompress=False,
        )


class _Connection(web.RequestHandler):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that aiohttp cannot read, or a defect; only a defect is logged with its traceback."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            super().handle_error(request, status, exc, message)
            answer = error_answer(500, "INTERNAL", "Something went wrong in the gateway; its log has more.")
        elif request.writer.output_size:
            raise ConnectionError("an answer has begun")
        else:
            self.logger.info("a request of %s cannot be read: %s", request.remote, type(exc).__name__)
            answer = error_answer(400, MALFORMED, "The request cannot be read as HTTP/1.1.")
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer."""
        if isinstance(resp, web.HTTPClientError):
            resp = _as_api_error(resp)
        return await super().finish_response(request, resp, start_time)


def _as_api_error(refusal: web.HTTPClientError) -> web.Response:
    if refusal.status == HTTPStatus.NOT_FOUND:
        return error_answer(404, "NOT_FOUND", refusal.text or refusal.reason)
    # Each code of the API has one status: 400 is that of MALFORMED_REQUEST.
    return error_answer(400, MALFORMED, refusal.text or refusal.reason)
