"""A new task as it is stored: valid, with defaults, without reserved headers, and not too large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from emulators.cloud_tasks.wire.errors import ApiError, invalid
from emulators.cloud_tasks.wire.protos import AppEngineHttpRequest, HttpMethod, HttpRequest, Queue, Task, in_enum
from emulators.cloud_tasks.wire.queue_config import retry_config_with_defaults
from emulators.cloud_tasks.wire.reserved_headers import APP_ENGINE_USER_AGENT, HTTP_USER_AGENT, task_may_set
from emulators.cloud_tasks.wire.times import duration, in_pacific_time, is_valid, seconds_of, timestamp, whole_second

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from google.protobuf.duration_pb2 import Duration

MAX_STORED_BYTES = 1_048_569
DEFAULT_DEADLINE_S = 600.0
_MIN_DEADLINE_S = 15.0
_MAX_HTTP_DEADLINE_S = 30 * 60.0
_MAX_APP_ENGINE_DEADLINE_S = 24 * 3600 + 15.0
_MAX_SCHEDULE_AHEAD_S = 720 * 3600.0
_MAX_URL_CHARACTERS = 2083
_MAX_HEADER_BYTES = 80 * 1024
_HTTP_METHODS_WITH_BODY = (HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH)
_APP_ENGINE_METHODS_WITH_BODY = (HttpMethod.POST, HttpMethod.PUT)
_CALLER_FIELDS = ("http_request", "app_engine_http_request", "schedule_time", "dispatch_deadline", "retry_config")
# The characters that a URL keeps; % is one, so that escapes stay escapes.
_URL_SAFE = "%/:?#[]@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class TaskContext:
    """The context of a new task: its queue, the project, and the time (seconds)."""

    queue: Queue
    project: str
    now: float


def new_task(name: str, wanted: Task, context: TaskContext) -> Task:
    """The task to store for a caller's `wanted` one; raises ApiError if it breaks a rule."""
    task = Task(name=name)
    for field in _CALLER_FIELDS:
        if wanted.HasField(field):
            getattr(task, field).CopyFrom(getattr(wanted, field))
    if task.HasField("http_request"):
        _prepare_http(task, context.queue)
    elif task.HasField("app_engine_http_request"):
        _prepare_app_engine(task, context)
    else:
        raise invalid("Task must have either httpRequest or appEngineHttpRequest set.")
    if task.HasField("retry_config"):
        # Only validate: the task shows its caller's values, without the defaults.
        retry_config_with_defaults(task.retry_config)
    _prepare_times(task, context.now)
    if task.ByteSize() > MAX_STORED_BYTES:
        raise invalid("Task size too large")
    return task


def encode_url(url: str) -> str:
    """Escape the unsafe characters of a URL; leave escapes and everything else unchanged."""
    return quote(url, safe=_URL_SAFE)


def _prepare_http(task: Task, queue: Queue) -> None:
    request = task.http_request
    _check_url(request, queue)
    _check_tokens(request)
    request.http_method = _parse_method(request.http_method)
    if request.body and request.http_method not in _HTTP_METHODS_WITH_BODY:
        raise invalid("HttpRequest.body is only allowed if HttpRequest.httpMethod is POST, PUT, or PATCH.")
    _keep_own_headers(request.headers)
    _drop(request.headers, "user-agent")
    request.headers["User-Agent"] = HTTP_USER_AGENT
    if sum(len(name) + len(value) for name, value in request.headers.items()) >= _MAX_HEADER_BYTES:
        raise invalid("HttpRequest.headers must be less than 80KB in total.")
    _check_deadline(task, _MAX_HTTP_DEADLINE_S, "30m")
    if not seconds_of(task.dispatch_deadline):
        task.dispatch_deadline.CopyFrom(duration(DEFAULT_DEADLINE_S))


def _parse_method(number: int) -> HttpMethod:
    if not in_enum(HttpMethod, number):
        raise invalid(f"The HTTP method {number} does not exist.")
    return HttpMethod(number or HttpMethod.POST)


def _check_url(request: HttpRequest, queue: Queue) -> None:
    if not request.url:
        # If the queue overrides the host, a task needs no URL.
        if queue.http_target.uri_override.host:
            return
        raise invalid("HttpRequest.url is required.")
    if not request.url.lower().startswith(("http://", "https://")):
        raise invalid("HttpTarget.url must start with 'http://' or 'https://'.")
    if len(encode_url(request.url)) > _MAX_URL_CHARACTERS:
        raise invalid(f"HttpRequest.url must be at most {_MAX_URL_CHARACTERS} characters long after encoding.")


def _check_tokens(request: HttpRequest) -> None:
    for field in ("oidc_token", "oauth_token"):
        if request.HasField(field) and not getattr(request, field).service_account_email:
            raise invalid("A service account email is required to create an authorization token.")


def _prepare_app_engine(task: Task, context: TaskContext) -> None:
    request = task.app_engine_http_request
    request.http_method = _parse_method(request.http_method)
    request.relative_uri = request.relative_uri or "/"
    if not request.relative_uri.startswith("/") or " " in request.relative_uri:
        raise invalid("AppEngineHttpRequest.relativeUri must begin with '/' and hold no spaces.")
    if len(request.relative_uri) > _MAX_URL_CHARACTERS:
        raise invalid(f"AppEngineHttpRequest.relativeUri must be at most {_MAX_URL_CHARACTERS} characters long.")
    if request.body and request.http_method not in _APP_ENGINE_METHODS_WITH_BODY:
        raise invalid("AppEngineHttpRequest.body is only allowed if AppEngineHttpRequest.httpMethod is POST or PUT.")
    _prepare_app_engine_headers(request)
    _prepare_routing(request, context)
    _check_deadline(task, _MAX_APP_ENGINE_DEADLINE_S, "24h15s")
    if not seconds_of(task.dispatch_deadline):
        task.ClearField("dispatch_deadline")


def _prepare_app_engine_headers(request: AppEngineHttpRequest) -> None:
    headers = request.headers
    _keep_own_headers(headers)
    task_agent = _drop(headers, "user-agent")
    headers["User-Agent"] = f"{task_agent} {APP_ENGINE_USER_AGENT}" if task_agent else APP_ENGINE_USER_AGENT
    if request.body:
        headers["Content-Length"] = str(len(request.body))
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/octet-stream"


def _prepare_routing(request: AppEngineHttpRequest, context: TaskContext) -> None:
    if context.queue.HasField("app_engine_routing_override"):
        request.app_engine_routing.CopyFrom(context.queue.app_engine_routing_override)
    routing = request.app_engine_routing
    parts = (routing.instance, routing.version, routing.service, f"{context.project}.appspot.com")
    routing.host = ".".join(part for part in parts if part)


def _keep_own_headers(headers: MutableMapping[str, str]) -> None:
    for name in [name for name in headers if not task_may_set(name)]:
        del headers[name]
    for name, value in headers.items():
        if not name.isascii() or not name.isprintable() or " " in name or ":" in name or not name:
            raise invalid(f"The request header name {name!r} is not valid.")
        if any(character in value for character in "\r\n\0"):
            raise invalid(f"The value of the request header {name!r} is not valid.")


def _drop(headers: MutableMapping[str, str], lower_name: str) -> str:
    dropped = ""
    for name in [name for name in headers if name.lower() == lower_name]:
        dropped = headers[name]
        del headers[name]
    return dropped


def _check_deadline(task: Task, maximum: float, maximum_text: str) -> None:
    deadline: Duration = task.dispatch_deadline
    if not is_valid(deadline):
        raise invalid("Task.dispatchDeadline is not a valid duration.")
    if task.HasField("dispatch_deadline"):
        deadline.nanos -= deadline.nanos % 1_000_000
    seconds = seconds_of(deadline)
    if seconds and not _MIN_DEADLINE_S <= seconds <= maximum:
        raise invalid(f"Task.dispatchDeadline must be between [15s, {maximum_text}].")


def _prepare_times(task: Task, now: float) -> None:
    task.create_time.CopyFrom(whole_second(now))
    wanted = seconds_of(task.schedule_time)
    if wanted > now + _MAX_SCHEDULE_AHEAD_S:
        raise too_far_ahead(task)
    if not is_valid(task.schedule_time):
        raise invalid("Task.scheduleTime is not a valid time.")
    if not task.HasField("schedule_time") or wanted <= now:
        task.schedule_time.CopyFrom(timestamp(now))
    else:
        task.schedule_time.nanos -= task.schedule_time.nanos % 1000


def too_far_ahead(task: Task) -> ApiError:
    """A schedule time more than 30 days ahead."""
    return invalid(
        f"The Task.scheduleTime, {in_pacific_time(task.schedule_time)}, is too far in the future. "
        "Schedule time must be no more than 720h in the future."
    )
