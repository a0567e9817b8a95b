"""A gRPC proxy that passes bytes through, but for the calls that chance picks.

```
client ──► proxy ──► emulator        before: UNAVAILABLE or ABORTED, and the emulator never hears of the call
                                     after:  the emulator has done it, and its reply is lost
```
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.chaos.chance import Chance

#: Firestore's methods that stream; all others take one message and answer with one.
ANSWERS_STREAM = frozenset({"BatchGetDocuments", "RunQuery", "RunAggregationQuery", "ExecutePipeline"})
BOTH_STREAM = frozenset({"Listen", "Write"})
FAULTS = {"unavailable": grpc.StatusCode.UNAVAILABLE, "aborted": grpc.StatusCode.ABORTED}
LOST = "reply lost"
_OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class GrpcProxy(grpc.GenericRpcHandler):
    """Stands on `address` (host:port, once started) in front of `target`."""

    def __init__(self, target: str, chance: Chance) -> None:
        self._target = target
        self._chance = chance
        self.address = ""

    async def start(self) -> None:
        """Listen on a free port."""
        self._channel = grpc.aio.insecure_channel(self._target, options=_OPTIONS)
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def stop(self) -> None:
        """End the calls under way, too."""
        await self._server.stop(grace=None)
        await self._channel.close()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler of a method; without serializers, messages stay bytes."""
        method = handler_call_details.method
        name = method.rpartition("/")[2]

        async def one(request: bytes, context: Any) -> bytes:
            fault = self._chance.next(name)
            await _refuse_before(fault, context)
            async with _pass_errors_on(context):
                call: Any = self._channel.unary_unary(method)
                answer: bytes = await call(request, **_with(context))
            await _refuse_after(fault, context)
            return answer

        async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
            fault = self._chance.next(name)
            await _refuse_before(fault, context)
            async with _pass_errors_on(context):
                call: Any = self._channel.unary_stream(method)
                async for answer in call(request, **_with(context)):
                    yield answer
                    # In the middle: the first message has arrived, the others are lost.
                    await _refuse_after(fault, context)

        async def both(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            async with _pass_errors_on(context):
                call: Any = self._channel.stream_stream(method)
                async for answer in call(requests, **_with(context)):
                    yield answer

        if name in ANSWERS_STREAM:
            return grpc.unary_stream_rpc_method_handler(stream)
        if name in BOTH_STREAM:
            return grpc.stream_stream_rpc_method_handler(both)
        return grpc.unary_unary_rpc_method_handler(one)


@contextlib.asynccontextmanager
async def _pass_errors_on(context: Any) -> AsyncIterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        await context.abort(error.code(), error.details() or "", tuple(error.trailing_metadata() or ()))


async def _refuse_before(fault: str | None, context: Any) -> None:
    if fault in FAULTS:
        await context.abort(FAULTS[fault], "the proxy did not pass this call on")


async def _refuse_after(fault: str | None, context: Any) -> None:
    if fault == LOST:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the proxy lost the reply")


def _with(context: Any) -> dict[str, Any]:
    """The caller's metadata and deadline."""
    own = tuple((key, value) for key, value in context.invocation_metadata() if key != "user-agent")
    left = context.time_remaining()
    return {"metadata": own, "timeout": left}
