"""The whole emulator: its modules wired together and bound to two ports."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

from aiohttp import web

from emulators.cloud_tasks.clock import Clock
from emulators.cloud_tasks.dispatch.delivery import Sender
from emulators.cloud_tasks.dispatch.delivery_log import DeliveryLog
from emulators.cloud_tasks.dispatch.dispatcher import Dispatcher
from emulators.cloud_tasks.dispatch.http_request import RequestBuilder
from emulators.cloud_tasks.dispatch.tokens import TokenIssuer
from emulators.cloud_tasks.methods.api import Api
from emulators.cloud_tasks.queues.registry import Registry
from emulators.cloud_tasks.transport.grpc_service import make_server
from emulators.cloud_tasks.transport.rest import RestApi, refusal
from emulators.cloud_tasks.transport.test_controls import TestControls
from emulators.cloud_tasks.wire import names
from emulators.cloud_tasks.wire.errors import ApiError
from emulators.cloud_tasks.wire.protos import Queue, QueueState
from emulators.cloud_tasks.wire.queue_config import new_queue

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from aiohttp.typedefs import Handler

    from emulators.cloud_tasks.settings import Settings

log = logging.getLogger("emulators.cloud_tasks")

_HOST = "127.0.0.1"
# The largest request body; a batch of large tasks in base64.
_MAX_BODY_BYTES = 64 * 1024 * 1024


class PortTakenError(Exception):
    """Another process uses the port."""


class Emulator:
    """A running emulator: `start` it inside an event loop, `stop` it at the end.

    A port of 0 picks a free one; after `start`, `grpc_port` and `rest_port` are the real ones. `queues` exist after the
    start and after every reset.
    """

    def __init__(self, settings: Settings, queues: Sequence[Queue], grpc_port: int, rest_port: int) -> None:
        self.settings = settings
        self.clock = Clock()
        self.grpc_port = grpc_port
        self.rest_port = rest_port
        self._queues = queues

    async def start(self) -> None:
        """Bind both ports and serve; raises PortTakenError."""
        rest_socket = _bind(self.rest_port)
        self.rest_port = rest_socket.getsockname()[1]
        self._delivery_log = DeliveryLog()
        self._registry = Registry(self.clock, self.settings)
        self._sender = Sender()
        tokens = TokenIssuer(f"http://{_HOST}:{self.rest_port}")
        builder = RequestBuilder(tokens, self.settings.app_engine_url)
        self._dispatcher = Dispatcher(
            self.clock, builder, self._sender.send, self._delivery_log, throttle=self.settings.throttle
        )
        self._api = Api(self.clock, self._registry, self._dispatcher)
        self._make_queues()
        await self._start_grpc()
        await self._start_rest(rest_socket, tokens)

    async def stop(self) -> None:
        """Stop serving and cancel the attempts in flight, within a second."""
        await self._grpc.stop(grace=0)
        self._registry.clear()
        await self._dispatcher.stop()
        await self._sender.close()
        await self._runner.cleanup()

    def reset(self) -> None:
        """Restore the state after the start: the first queues, no tasks, no reserved names, no deliveries."""
        self._registry.clear()
        self._dispatcher.cancel_attempts()
        self._api.clear()
        self._delivery_log.clear()
        self.clock.reset()
        self._make_queues()

    def _make_queues(self) -> None:
        for wanted in self._queues:
            queue = new_queue(wanted)
            if wanted.state == QueueState.PAUSED:
                queue.state = QueueState.PAUSED
            self._registry.add(names.parse_new_queue(wanted.name), queue)

    async def _start_grpc(self) -> None:
        # gRPC reports a port in use in its own log: check first, to report it in one sentence.
        _bind(self.grpc_port).close()
        self._grpc = make_server(self._api)
        self.grpc_port = self._grpc.add_insecure_port(f"{_HOST}:{self.grpc_port}")
        await self._grpc.start()

    async def _start_rest(self, bound: socket.socket, tokens: TokenIssuer) -> None:
        rest = RestApi(self._api)
        controls = TestControls(self.clock, self._registry, self._dispatcher, self._delivery_log, self.reset)
        app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[_refusals])
        app.add_routes(
            [
                *controls.routes(),
                _document("/.well-known/openid-configuration", tokens.discovery()),
                _document("/oauth2/v3/certs", tokens.jwks()),
                _document("/oauth2/v1/certs", tokens.certificates()),
                web.route("*", "/v2/{rest:.*}", rest.handle),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.SockSite(self._runner, bound).start()


def _bind(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((_HOST, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise PortTakenError(f"port {port} cannot be used: {error}") from None
    return bound


def _document(path: str, content: object) -> web.RouteDef:
    async def serve(_request: web.Request) -> web.Response:
        return web.json_response(content)

    return web.get(path, serve)


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return refusal(error)


async def run_until(emulator: Emulator, stop: asyncio.Event) -> None:
    """Serve until `stop` is set."""
    await emulator.start()
    log.info("cloud tasks: gRPC on %s:%s, REST on http://%s:%s", _HOST, emulator.grpc_port, _HOST, emulator.rest_port)
    try:
        await stop.wait()
    finally:
        await emulator.stop()
