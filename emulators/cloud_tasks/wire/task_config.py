"""A new task as it is stored: checked, defaults filled in, reserved headers dropped, not too large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from emulators.cloud_tasks.wire.errors import ApiError, invalid
from emulators.cloud_tasks.wire.protos import AppEngineHttpRequest, HttpMethod, HttpRequest, Queue, Task, in_enum
from emulators.cloud_tasks.wire.queue_config import filled_retries
from emulators.cloud_tasks.wire.reserved_headers import APP_ENGINE_USER_AGENT, HTTP_USER_AGENT, task_may_set
from emulators.cloud_tasks.wire.times import duration, in_pacific_time, is_valid, seconds_of, timestamp, whole_second

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from google.protobuf.duration_pb2 import Duration

MOST_STORED_BYTES = 1_048_569
DEFAULT_DEADLINE_S = 600.0
_LEAST_DEADLINE_S = 15.0
_MOST_HTTP_DEADLINE_S = 30 * 60.0
_MOST_APP_ENGINE_DEADLINE_S = 24 * 3600 + 15.0
_HORIZON_S = 720 * 3600.0
_MOST_URL_CHARACTERS = 2083
_MOST_HEADER_BYTES = 80 * 1024
_HTTP_METHODS_WITH_BODY = (HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH)
_APP_ENGINE_METHODS_WITH_BODY = (HttpMethod.POST, HttpMethod.PUT)
_KEPT_FROM_CALLER = ("http_request", "app_engine_http_request", "schedule_time", "dispatch_deadline", "retry_config")
# Everything that may stand in a URL as it is; what stands there escaped already stays escaped.
_URL_SAFE = "%/:?#[]@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a new task is checked against: its queue as configured, the project, and the time (seconds)."""

    queue: Queue
    project: str
    now: float


def new_task(name: str, wanted: Task, setting: Setting) -> Task:
    """The task to store for what a caller asked for; raises ApiError when it breaks a rule."""
    task = Task(name=name)
    for field in _KEPT_FROM_CALLER:
        if wanted.HasField(field):
            getattr(task, field).CopyFrom(getattr(wanted, field))
    if task.HasField("http_request"):
        _settle_http(task, setting.queue)
    elif task.HasField("app_engine_http_request"):
        _settle_app_engine(task, setting)
    else:
        raise invalid("Task must have either httpRequest or appEngineHttpRequest set.")
    if task.HasField("retry_config"):
        # Only checked: the task shows what its caller wrote, not what that amounts to.
        filled_retries(task.retry_config)
    _settle_times(task, setting.now)
    if task.ByteSize() > MOST_STORED_BYTES:
        raise invalid("Task size too large")
    return task


def encoded_url(url: str) -> str:
    """The URL as it is sent: unsafe characters escaped, escapes and everything else untouched."""
    return quote(url, safe=_URL_SAFE)


def _settle_http(task: Task, queue: Queue) -> None:
    request = task.http_request
    _check_url(request, queue)
    _check_tokens(request)
    request.http_method = _known_method(request.http_method)
    if request.body and request.http_method not in _HTTP_METHODS_WITH_BODY:
        raise invalid("HttpRequest.body is only allowed if HttpRequest.httpMethod is POST, PUT, or PATCH.")
    _keep_own_headers(request.headers)
    _drop(request.headers, "user-agent")
    request.headers["User-Agent"] = HTTP_USER_AGENT
    if sum(len(name) + len(value) for name, value in request.headers.items()) >= _MOST_HEADER_BYTES:
        raise invalid("HttpRequest.headers must be less than 80KB in total.")
    _check_deadline(task, _MOST_HTTP_DEADLINE_S, "30m")
    if not seconds_of(task.dispatch_deadline):
        task.dispatch_deadline.CopyFrom(duration(DEFAULT_DEADLINE_S))


def _known_method(number: int) -> HttpMethod:
    if not in_enum(HttpMethod, number):
        raise invalid(f"The HTTP method {number} does not exist.")
    return HttpMethod(number or HttpMethod.POST)


def _check_url(request: HttpRequest, queue: Queue) -> None:
    if not request.url:
        # A queue that names the host makes a task's own URL unnecessary.
        if queue.http_target.uri_override.host:
            return
        raise invalid("HttpRequest.url is required.")
    if not request.url.lower().startswith(("http://", "https://")):
        raise invalid("HttpTarget.url must start with 'http://' or 'https://'.")
    if len(encoded_url(request.url)) > _MOST_URL_CHARACTERS:
        raise invalid(f"HttpRequest.url must be at most {_MOST_URL_CHARACTERS} characters long after encoding.")


def _check_tokens(request: HttpRequest) -> None:
    for field in ("oidc_token", "oauth_token"):
        if request.HasField(field) and not getattr(request, field).service_account_email:
            raise invalid("A service account email is required to create an authorization token.")


def _settle_app_engine(task: Task, setting: Setting) -> None:
    request = task.app_engine_http_request
    request.http_method = _known_method(request.http_method)
    request.relative_uri = request.relative_uri or "/"
    if not request.relative_uri.startswith("/") or " " in request.relative_uri:
        raise invalid("AppEngineHttpRequest.relativeUri must begin with '/' and hold no spaces.")
    if len(request.relative_uri) > _MOST_URL_CHARACTERS:
        raise invalid(f"AppEngineHttpRequest.relativeUri must be at most {_MOST_URL_CHARACTERS} characters long.")
    if request.body and request.http_method not in _APP_ENGINE_METHODS_WITH_BODY:
        raise invalid("AppEngineHttpRequest.body is only allowed if AppEngineHttpRequest.httpMethod is POST or PUT.")
    _settle_app_engine_headers(request)
    _settle_routing(request, setting)
    _check_deadline(task, _MOST_APP_ENGINE_DEADLINE_S, "24h15s")
    if not seconds_of(task.dispatch_deadline):
        task.ClearField("dispatch_deadline")


def _settle_app_engine_headers(request: AppEngineHttpRequest) -> None:
    headers = request.headers
    _keep_own_headers(headers)
    own_agent = _drop(headers, "user-agent")
    headers["User-Agent"] = f"{own_agent} {APP_ENGINE_USER_AGENT}" if own_agent else APP_ENGINE_USER_AGENT
    if request.body:
        headers["Content-Length"] = str(len(request.body))
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/octet-stream"


def _settle_routing(request: AppEngineHttpRequest, setting: Setting) -> None:
    if setting.queue.HasField("app_engine_routing_override"):
        request.app_engine_routing.CopyFrom(setting.queue.app_engine_routing_override)
    routing = request.app_engine_routing
    parts = (routing.instance, routing.version, routing.service, f"{setting.project}.appspot.com")
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


def _check_deadline(task: Task, most: float, most_text: str) -> None:
    deadline: Duration = task.dispatch_deadline
    if not is_valid(deadline):
        raise invalid("Task.dispatchDeadline is not a valid duration.")
    if task.HasField("dispatch_deadline"):
        deadline.nanos -= deadline.nanos % 1_000_000
    seconds = seconds_of(deadline)
    if seconds and not _LEAST_DEADLINE_S <= seconds <= most:
        raise invalid(f"Task.dispatchDeadline must be between [15s, {most_text}].")


def _settle_times(task: Task, now: float) -> None:
    task.create_time.CopyFrom(whole_second(now))
    wanted = seconds_of(task.schedule_time)
    if wanted > now + _HORIZON_S:
        raise too_far_ahead(task)
    if not is_valid(task.schedule_time):
        raise invalid("Task.scheduleTime is not a valid time.")
    if not task.HasField("schedule_time") or wanted <= now:
        task.schedule_time.CopyFrom(timestamp(now))
    else:
        task.schedule_time.nanos -= task.schedule_time.nanos % 1000


def too_far_ahead(task: Task) -> ApiError:
    """The refusal of a schedule time more than 30 days ahead."""
    return invalid(
        f"The Task.scheduleTime, {in_pacific_time(task.schedule_time)}, is too far in the future. "
        "Schedule time must be no more than 720h in the future."
    )
