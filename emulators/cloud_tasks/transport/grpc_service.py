"""The API over gRPC, for the official clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError

from emulators.cloud_tasks.methods.api import LOCATIONS, OPERATIONS, Api, Method
from emulators.cloud_tasks.wire.errors import ApiError, invalid, not_supported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

    _Context = grpc.aio.ServicerContext[bytes, Message]
    _Behaviour = Callable[[bytes, _Context], Awaitable[Message]]

# A batch holds at most 100 tasks: no reasonable request is larger.
_MAX_MESSAGE_BYTES = 32 * 1024 * 1024
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
# Unknown methods under these paths, other versions' too, get a sentence instead of gRPC's own refusal.
_API_PATHS = ("/google.cloud.tasks.", f"/{OPERATIONS}/", f"/{LOCATIONS}/")
_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", -1),
    # With SO_REUSEPORT two servers could share one port, and each would get half of the calls.
    ("grpc.so_reuseport", 0),
)


class _Handlers(grpc.GenericRpcHandler):
    """Finds the handler of a call; refuses unknown methods of the API with a sentence."""

    def __init__(self, api: Api) -> None:
        self._handlers = {f"/{name}": _handler(_behaviour(method)) for name, method in api.methods.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, Message] | None:
        name = handler_call_details.method
        handler = self._handlers.get(name)
        if handler is None and name.startswith(_API_PATHS):
            return _handler(_refusal(name.removeprefix("/")))
        return handler


def _handler(behaviour: _Behaviour) -> grpc.RpcMethodHandler[bytes, Message]:
    # No deserializer: the handler parses the bytes itself, so that garbage is refused, not reported as a crash.
    return grpc.unary_unary_rpc_method_handler(behaviour, None, _serialize)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _behaviour(method: Method) -> _Behaviour:
    async def behave(data: bytes, context: _Context) -> Message:
        try:
            return method.call(_parse(method.request, data))
        except ApiError as error:
            return await _abort(context, error)

    return behave


def _refusal(name: str) -> _Behaviour:
    async def behave(_data: bytes, context: _Context) -> Message:
        return await _abort(context, not_supported(f"This emulator of Cloud Tasks v2 does not have the method {name}."))

    return behave


def _parse(kind: type[Message], data: bytes) -> Message:
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise invalid(f"The request is not a {kind.DESCRIPTOR.full_name}.") from None
    return message


async def _abort(context: _Context, error: ApiError) -> Message:
    trailers: tuple[tuple[str, bytes], ...] = ()
    if error.details:
        trailers = (("grpc-status-details-bin", error.status().SerializeToString()),)
    await context.abort(_STATUS_CODES[error.code.number], error.message, trailers)
    raise AssertionError("abort always raises")


def make_server(api: Api) -> grpc.aio.Server:
    """Make a server without a port; call it inside the running loop."""
    return grpc.aio.server(handlers=[_Handlers(api)], options=_OPTIONS)
