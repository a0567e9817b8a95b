"""The HTTP request of one attempt: method, URL, headers and body, as the target sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emulators.cloud_tasks.dispatch.uri_override import effective_url
from emulators.cloud_tasks.queues.outcome import NO_ANSWER, AttemptResult
from emulators.cloud_tasks.wire.protos import AppEngineHttpRequest, HttpMethod, HttpRequest
from emulators.cloud_tasks.wire.reserved_headers import HTTP_USER_AGENT
from emulators.cloud_tasks.wire.task_config import DEFAULT_DEADLINE_S, encode_url
from emulators.cloud_tasks.wire.times import seconds_of

if TYPE_CHECKING:
    from emulators.cloud_tasks.dispatch.tokens import TokenIssuer
    from emulators.cloud_tasks.queues.queue import QueueRuntime, TaskRuntime

_HTTP: Final = "X-CloudTasks-"
_APP_ENGINE: Final = "X-AppEngine-"
_CLOUD_PLATFORM: Final = "https://www.googleapis.com/auth/cloud-platform"
_BODYLESS = (HttpMethod.GET, HttpMethod.HEAD, HttpMethod.DELETE, HttpMethod.OPTIONS)


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """The request of one attempt; `deadline` in emulated seconds."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    deadline: float
    follow_redirects: bool


class RequestBuilder:
    """Builds requests: `tokens` signs them, App Engine tasks go to `app_engine_url`."""

    def __init__(self, tokens: TokenIssuer, app_engine_url: str) -> None:
        self._tokens = tokens
        self._app_engine_url = app_engine_url.rstrip("/")

    def build(self, queue: QueueRuntime, task: TaskRuntime) -> OutgoingRequest:
        """Build the request of the next attempt."""
        deadline = seconds_of(task.proto.dispatch_deadline) or DEFAULT_DEADLINE_S
        if task.proto.HasField("http_request"):
            return self._http(queue, task, task.proto.http_request, deadline)
        return self._app_engine(queue, task, task.proto.app_engine_http_request, deadline)

    def _http(self, queue: QueueRuntime, task: TaskRuntime, request: HttpRequest, deadline: float) -> OutgoingRequest:
        target = queue.proto.http_target
        is_overridden = target.http_method != HttpMethod.HTTP_METHOD_UNSPECIFIED
        method = target.http_method if is_overridden else request.http_method
        url = encode_url(effective_url(request.url, target.uri_override))
        headers = dict(request.headers)
        for override in target.header_overrides:
            _replace_header(headers, override.header.key, override.header.value)
        _replace_header(headers, "User-Agent", HTTP_USER_AGENT)
        authorization = self._authorization(queue, request, url)
        if authorization:
            _replace_header(headers, "Authorization", authorization)
        headers |= _task_headers(_HTTP, queue, task)
        if task.previous is not None:
            answered = task.previous.result is AttemptResult.ANSWERED
            headers[f"{_HTTP}TaskPreviousResponse"] = str(task.previous.status if answered else NO_ANSWER)
            # Empty, as recorded from the real service.
            headers[f"{_HTTP}TaskRetryReason"] = ""
        body = b"" if method in _BODYLESS else request.body
        return OutgoingRequest(HttpMethod(method).name, url, headers, body, deadline, follow_redirects=True)

    def _authorization(self, queue: QueueRuntime, request: HttpRequest, url: str) -> str:
        # A queue's authorization replaces the task's.
        source = queue.proto.http_target
        if not (source.HasField("oidc_token") or source.HasField("oauth_token")):
            source = request
        if source.HasField("oidc_token"):
            oidc = source.oidc_token
            return f"Bearer {self._tokens.oidc_token(oidc.service_account_email, oidc.audience or url)}"
        if source.HasField("oauth_token"):
            oauth = source.oauth_token
            return f"Bearer {self._tokens.oauth_token(oauth.service_account_email, oauth.scope or _CLOUD_PLATFORM)}"
        return ""

    def _app_engine(
        self, queue: QueueRuntime, task: TaskRuntime, request: AppEngineHttpRequest, deadline: float
    ) -> OutgoingRequest:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        headers |= _task_headers(_APP_ENGINE, queue, task)
        if task.previous is not None:
            answered = task.previous.result is AttemptResult.ANSWERED
            headers[f"{_APP_ENGINE}TaskPreviousResponse"] = str(task.previous.status if answered else 0)
            headers[f"{_APP_ENGINE}TaskRetryReason"] = "App Error" if answered else "Instance Unavailable"
        host = self._app_engine_url or f"http://{request.app_engine_routing.host}"
        url = encode_url(host + request.relative_uri)
        method = HttpMethod(request.http_method).name
        return OutgoingRequest(method, url, headers, request.body, deadline, follow_redirects=False)


def _task_headers(prefix: str, queue: QueueRuntime, task: TaskRuntime) -> dict[str, str]:
    eta = task.proto.schedule_time
    return {
        f"{prefix}QueueName": queue.name.queue_id,
        f"{prefix}TaskName": task.task_id,
        # The count includes the present dispatch; the first is no retry.
        f"{prefix}TaskRetryCount": str(max(0, task.proto.dispatch_count - 1)),
        f"{prefix}TaskExecutionCount": str(task.executions),
        f"{prefix}TaskETA": f"{eta.seconds}.{eta.nanos // 1000:06d}",
    }


def _replace_header(headers: dict[str, str], name: str, value: str) -> None:
    for present in [present for present in headers if present.lower() == name.lower()]:
        del headers[present]
    headers[name] = value
