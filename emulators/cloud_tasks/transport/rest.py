"""The API over HTTP and JSON, for gcloud and curl: the same methods, transcoded."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web
from google.protobuf import json_format

from emulators.cloud_tasks.transport.routes import Route, find_route
from emulators.cloud_tasks.wire.errors import ApiError, Code, invalid, not_supported

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from emulators.cloud_tasks.methods.api import Api, Method

# Standard parameters of Google's HTTP APIs: they are no fields of the request message.
_SYSTEM_PARAMETERS = frozenset(
    {"alt", "fields", "key", "prettyPrint", "quotaUser", "callback", "access_token", "oauth_token", "uploadType"}
)


_API_PATHS = re.compile("/v2/projects/[^/]+/locations/[^/]+(/|$)")


class RestApi:
    """Serves everything below /v2/."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call; refusals have the shape of AIP-193."""
        try:
            return await self._answer(request)
        except ApiError as error:
            return refusal(error)

    async def _answer(self, request: web.Request) -> web.Response:
        # Resource names may be percent-encoded, but not their slashes.
        match = find_route(request.method, unquote(request.rel_url.raw_path))
        if match is None:
            raise _unknown_method(request.method, request.path)
        route, resource = match
        method = self._api.methods[route.method]
        body = _json(await request.read()) if route.body else {}
        fields = _fields(route, resource, body, list(request.query.items()))
        return _json_response(json_format.MessageToDict(method.call(_message(method, fields))))


def _unknown_method(verb: str, path: str) -> ApiError:
    if _API_PATHS.match(path):
        return not_supported(f"This emulator does not have the method {verb} {path}.")
    return ApiError(Code.NOT_FOUND, f"{verb} {path} is not a method of the Cloud Tasks API.")


def refusal(error: ApiError) -> web.Response:
    """An ApiError as an HTTP answer."""
    body: dict[str, Any] = {"code": error.code.http_status, "message": error.message, "status": error.code.name}
    if error.details:
        body["details"] = json_format.MessageToDict(error.status())["details"]
    return _json_response({"error": body}, status=error.code.http_status)


def _json_response(data: object, status: int = 200) -> web.Response:
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return web.Response(text=text, status=status, content_type="application/json")


def _json(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data) if data.strip() else {}
    except (ValueError, RecursionError):
        raise invalid("The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise invalid("The request body must be a JSON object.")
    return body


def _fields(route: Route, resource: str, body: dict[str, Any], query: list[tuple[str, str]]) -> dict[str, Any]:
    fields: dict[str, Any] = dict(body) if route.body == "*" else {}
    if route.body and route.body != "*":
        fields[route.body] = body
    for name, value in query:
        if name not in _SYSTEM_PARAMETERS and not name.startswith("$"):
            _set(fields, name, value)
    _set(fields, route.field, resource)
    return fields


def _set(fields: dict[str, Any], path: str, value: str) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        fields = fields.setdefault(parent, {})
        if not isinstance(fields, dict):
            raise invalid(f'The parameter "{path}" does not fit the request.')
    fields[last] = value


def _message(method: Method, fields: dict[str, Any]) -> Message:
    message = method.request()
    try:
        json_format.ParseDict(fields, message)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise invalid(f"Invalid JSON payload received. {error}") from None
    return message
