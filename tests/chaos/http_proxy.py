"""An HTTP proxy in front of fake-gcs-server, which passes everything through but for the requests that chance picks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from tests.chaos.chance import Chance

#: What a request may meet. A 412 comes by itself: of a write that was made, and is tried again as its reply was lost.
BEFORE, AFTER, LOST, CUT = "503 before", "503 after", "reply lost", "reply cut short"
_HOP = frozenset({"connection", "transfer-encoding", "content-length", "host", "keep-alive"})


class HttpProxy:
    """Stands on `url` (once started) in front of `target`, another URL."""

    def __init__(self, target: str, chance: Chance) -> None:
        self._target = target
        self._chance = chance
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port."""
        self._session = aiohttp.ClientSession(auto_decompress=False)
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close both sides."""
        await self._runner.cleanup()
        await self._session.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        fault = self._chance.next(request.method)
        body = await request.read()
        if fault == BEFORE:
            return web.Response(status=503, text="the proxy did not pass this request on")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        address = f"{self._target}{request.raw_path}"
        async with self._session.request(request.method, address, headers=headers, data=body) as answer:
            content = await answer.read()
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            status = answer.status
        if fault == AFTER:
            return web.Response(status=503, text="the proxy withheld the answer")
        if fault == LOST and request.transport is not None:
            request.transport.abort()
        if fault == CUT and content:
            return await _cut_short(request, status, kept, content)
        return web.Response(status=status, headers=kept, body=content)


async def _cut_short(request: web.Request, status: int, headers: dict[str, str], content: bytes) -> web.StreamResponse:
    """Promise the whole body, send half of it, and hang up."""
    response = web.StreamResponse(status=status, headers=headers | {"Content-Length": str(len(content))})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
