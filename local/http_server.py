"""The gateway's HTTP server: aiohttp's, with its own refusals in the shape of the API's errors.

A request line, a header or a length that is none never comes to an application: aiohttp refuses it in plain text, and
with a stack in the log. It answers in plain text, too, what an application raises.
"""

from __future__ import annotations

import asyncio
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import Mapping

# Longer than browsers keep an idle connection, so that none is closed while they send.
KEEP_ALIVE_SECONDS = 620
SHUTDOWN_SECONDS = 0.5

# As every answer of the API has them.
PROTECTION = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
# An answer of the gateway's own holds nothing of anybody's: the pages of all origins may read it.
ANY_PAGE = {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*", hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: "*"}
MALFORMED = "MALFORMED_REQUEST"


def error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer as the API's errors are."""
    content = {"success": False, "error": {"code": code, "message": message, "details": []}}
    sent = PROTECTION | ANY_PAGE | {"X-Request-Id": str(uuid.uuid4())} | dict(headers or {})
    return web.json_response(content, status=status, headers=sent)


async def serve(app: web.Application, host: str, port: int) -> int:
    """Serves until it is cancelled; raises OSError when it cannot listen."""
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
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        """The server's side of a new connection."""
        # Bodies are passed on as they came, compressed ones compressed.
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
        """The answer to what aiohttp cannot read, or to a defect; only a defect is logged with its stack."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            super().handle_error(request, status, exc, message)
            answer = error(500, "INTERNAL", "Something went wrong in the gateway; its log has more.")
        elif request.writer.output_size:
            raise ConnectionError("an answer has begun")
        else:
            self.logger.info("a request of %s cannot be read: %s", request.remote, type(exc).__name__)
            answer = error(400, MALFORMED, "The request cannot be read as HTTP/1.1.")
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Sends the answer."""
        if isinstance(resp, web.HTTPClientError):
            resp = _refused(resp)
        return await super().finish_response(request, resp, start_time)


def _refused(raised: web.HTTPClientError) -> web.Response:
    if raised.status == HTTPStatus.NOT_FOUND:
        return error(404, "NOT_FOUND", raised.text or raised.reason)
    # The API has one status for each of its codes.
    return error(400, MALFORMED, raised.text or raised.reason)
