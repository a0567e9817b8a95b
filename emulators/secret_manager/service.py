"""The gRPC service: Google's service name, methods and message types."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

import google_crc32c
import grpc
from google.cloud.secretmanager_v1.types import resources, service
from google.protobuf import empty_pb2

from emulators.secret_manager.names import (
    RefusedError,
    invalid,
    new_secret_name,
    parse_project,
    parse_secret,
    parse_version,
    unimplemented,
)
from emulators.secret_manager.store import State, Store, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"
MAX_PAGE_SIZE = 25_000

Item = TypeVar("Item")


class Calls:
    """One method for each call of the API, in snake case: it takes the request's message and returns the answer's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create_secret(self, request: service.CreateSecretRequest) -> resources.Secret:
        """Create a secret without versions."""
        return self._store.create(new_secret_name(request.parent, request.secret_id), request.secret).message()

    def get_secret(self, request: service.GetSecretRequest) -> resources.Secret:
        """Get a secret's metadata."""
        return self._store.get(parse_secret(request.name)).message()

    def list_secrets(self, request: service.ListSecretsRequest) -> service.ListSecretsResponse:
        """List a project's secrets, newest first, by pages."""
        stored = self._store.list_secrets(parse_project(request.parent))
        page, token = _page(stored, request)
        return service.ListSecretsResponse(
            secrets=[each.message() for each in page], next_page_token=token, total_size=len(stored)
        )

    def delete_secret(self, request: service.DeleteSecretRequest) -> empty_pb2.Empty:
        """Delete a secret with all its versions."""
        self._store.delete(parse_secret(request.name), request.etag)
        return empty_pb2.Empty()

    def add_secret_version(self, request: service.AddSecretVersionRequest) -> resources.SecretVersion:
        """Add a version; refuse a payload that does not match its checksum."""
        name, data = parse_secret(request.parent), request.payload.data
        has_checksum = "data_crc32c" in request.payload
        if has_checksum and request.payload.data_crc32c != google_crc32c.value(data):
            raise invalid("The checksum of the payload does not match its data: it was damaged on the way.")
        return self._store.add_version(name, data, has_checksum=has_checksum).message()

    def get_secret_version(self, request: service.GetSecretVersionRequest) -> resources.SecretVersion:
        """Get a version's metadata in any state."""
        return self._store.version(parse_version(request.name, aliases=True)).message()

    def list_secret_versions(self, request: service.ListSecretVersionsRequest) -> service.ListSecretVersionsResponse:
        """List a secret's versions, newest first, by pages."""
        versions: list[Version] = self._store.get(parse_secret(request.parent)).versions[::-1]
        page, token = _page(versions, request)
        return service.ListSecretVersionsResponse(
            versions=[each.message() for each in page], next_page_token=token, total_size=len(versions)
        )

    def access_secret_version(self, request: service.AccessSecretVersionRequest) -> service.AccessSecretVersionResponse:
        """Get an enabled version's data with its checksum."""
        version = self._store.access(parse_version(request.name, aliases=True))
        payload = resources.SecretPayload(data=version.data, data_crc32c=google_crc32c.value(version.data))
        return service.AccessSecretVersionResponse(name=version.name, payload=payload)

    def enable_secret_version(self, request: service.EnableSecretVersionRequest) -> resources.SecretVersion:
        """Make a version accessible again."""
        return self._store.move(parse_version(request.name, aliases=False), State.ENABLED, request.etag).message()

    def disable_secret_version(self, request: service.DisableSecretVersionRequest) -> resources.SecretVersion:
        """Make a version inaccessible, and keep its data."""
        return self._store.move(parse_version(request.name, aliases=False), State.DISABLED, request.etag).message()

    def destroy_secret_version(self, request: service.DestroySecretVersionRequest) -> resources.SecretVersion:
        """Delete a version's data for good."""
        return self._store.move(parse_version(request.name, aliases=False), State.DESTROYED, request.etag).message()


def _page(
    items: Sequence[Item], request: service.ListSecretsRequest | service.ListSecretVersionsRequest
) -> tuple[Sequence[Item], str]:
    """One page of a listing, and the token of the next page: the number of items before it, empty at the end."""
    if request.filter:
        raise unimplemented("This emulator lists without filters.")
    start = request.page_token or "0"
    if request.page_size < 0 or not start.isdecimal():
        raise invalid("page_size must not be negative, and page_token must be one that this service gave.")
    end = int(start) + min(request.page_size or MAX_PAGE_SIZE, MAX_PAGE_SIZE)
    return items[int(start) : end], str(end) if end < len(items) else ""


class Router(grpc.GenericRpcHandler):
    """Routes a method's path to its call; refuses unknown methods with a sentence."""

    def __init__(self, calls: Calls) -> None:
        self._handlers = {
            f"/{SERVICE}/{message.removesuffix('Request')}": _handler(getattr(calls, verb), getattr(service, message))
            for verb, message in _list_calls()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        """Return the handler of an incoming call."""
        return self._handlers.get(handler_call_details.method) or _refuse_method(handler_call_details.method)


def _list_calls() -> Sequence[tuple[str, str]]:
    """Pairs of a method of `Calls` and its request's type: `create_secret`, `CreateSecretRequest`."""
    verbs = [name for name in vars(Calls) if not name.startswith("_")]
    return [(verb, "".join(word.capitalize() for word in verb.split("_")) + "Request") for verb in verbs]


def _handler(call: Callable[[Any], Any], request_type: Any) -> grpc.RpcMethodHandler[Any, Any]:
    async def handle(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return call(request)
        except RefusedError as refused:
            await context.abort(refused.status, refused.message)

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=request_type.deserialize, response_serializer=_serialize
    )


def _serialize(message: Any) -> bytes:
    # The clients' own messages wrap a protobuf message; Empty is one already.
    raw = message if isinstance(message, empty_pb2.Empty) else type(message).pb(message)
    return bytes(raw.SerializeToString())


@functools.cache
def _refuse_method(method: str) -> grpc.RpcMethodHandler[Any, Any]:
    async def handle(_request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"This emulator of Secret Manager does not offer {method}.")

    return grpc.unary_unary_rpc_method_handler(handle)
