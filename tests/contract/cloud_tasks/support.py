"""Shared by the tests of the emulator: a running one, its test controls, and a target that records its requests."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import tasks_v2
from google.protobuf.field_mask_pb2 import FieldMask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOCATION = "projects/demo/locations/us-central1"
QUEUE_MISSING = (
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
)
ENTITY_MISSING = "Requested entity was not found."


@dataclass(frozen=True)
class Emulator:
    """A running emulator and its test controls."""

    process: subprocess.Popen[bytes]
    grpc_address: str
    rest_url: str

    def call(self, verb: str, path: str, body: object = None, **query: object) -> Any:
        """One request on the REST port; the decoded JSON of a success."""
        answer = requests.request(verb, self.rest_url + path, json=body, params=_texts(query), timeout=30)
        answer.raise_for_status()
        return answer.json()

    def reset(self) -> None:
        self.call("POST", "/_local/reset")

    def freeze(self) -> None:
        """Stop the clock: from here on only `advance` lets time pass."""
        self.call("PUT", "/_local/clock", {"speed": 0})

    def advance(self, seconds: float) -> None:
        """Let time pass, and whatever that starts come to an end."""
        self.call("PUT", "/_local/clock", {"advance": seconds})
        self.settle()

    def now(self) -> float:
        return float(self.call("GET", "/_local/clock")["now"])

    def settle(self) -> None:
        """Wait until no attempt is in flight."""
        self.call("POST", "/_local/wait-idle", scheduled="ignore", timeout=10)

    def wait_idle(self, timeout: float = 10) -> None:
        """Wait until no queue holds a task."""
        self.call("POST", "/_local/wait-idle", timeout=timeout)

    def deliveries(self, **query: object) -> list[dict[str, Any]]:
        return list(self.call("GET", "/_local/deliveries", **query)["deliveries"])

    def state(self, queue: str) -> dict[str, Any]:
        queues = self.call("GET", "/_local/queues")["queues"]
        return next(each for each in queues if each["name"] == queue)


def _texts(query: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in query.items()}


def start_emulator(*arguments: str) -> Emulator:
    """Start one on free ports, wait until it answers, and return it; end it with `stop_emulator`."""
    command = [sys.executable, "-m", "emulators.cloud_tasks", "--grpc-port", "0", "--rest-port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own program
    assert process.stdout is not None
    # Its first line says: cloud tasks, gRPC on (address), REST on (address).
    words = process.stdout.readline().decode().split()
    return Emulator(process, words[4].rstrip(","), words[7])


def stop_emulator(emulator: Emulator) -> None:
    emulator.process.terminate()
    assert emulator.process.wait(timeout=3) == 0
    assert emulator.process.stdout is not None
    emulator.process.stdout.close()


@dataclass(frozen=True)
class Received:
    """One request as the target saw it; `at` in seconds of the monotonic clock."""

    verb: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Target:
    """An HTTP server on a free port; answers with `answers` in turn, then 200."""

    answers: deque[int] = field(default_factory=deque)
    answer_headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self._server = _QuietServer(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/work"

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for(self, count: int, seconds: float = 10) -> list[Received]:
        """The requests received, once there are `count`."""
        wait_until(lambda: len(self.received) >= count, seconds)
        return self.received

    def headers(self, name: str) -> list[str | None]:
        """The value of one header in every request; None where it was absent."""
        return [request.headers.get(name) for request in self.received]


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_: object) -> None:
        """Clients that hang up early are part of the tests."""


def _handler_for(target: Target) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """The tests look at `received` instead."""

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen = Received(self.command, self.path, dict(self.headers.items()), body, time.monotonic())
            status = target.answers.popleft() if target.answers else 200
            target.received.append(seen)
            target.gate.wait(20)
            self.send_response(status)
            for name, value in target.answer_headers.items() if status != 200 else ():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any  # noqa: N815 - their names

    return Handler


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Look again and again until the condition holds; fail if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


@dataclass(frozen=True)
class Tasks:
    """The official client, with a queue of the test's own."""

    client: tasks_v2.CloudTasksClient
    queue: str
    target: Target

    def create(self, task_id: str = "", *, view: int = tasks_v2.Task.View.BASIC, **fields: Any) -> tasks_v2.Task:
        """Create a task for the target; `http_request` holds what differs from the plainest one."""
        if "app_engine_http_request" not in fields:
            fields["http_request"] = {"url": self.target.url} | fields.get("http_request", {})
        task = tasks_v2.Task(name=self.path(task_id) if task_id else "", **fields)
        request = tasks_v2.CreateTaskRequest(parent=self.queue, task=task, response_view=view)
        return self.client.create_task(request)

    def path(self, task_id: str) -> str:
        return f"{self.queue}/tasks/{task_id}"

    def configure(self, *, paths: Sequence[str] = (), **fields: Any) -> tasks_v2.Queue:
        """Update the queue; without paths, everything."""
        mask = FieldMask(paths=paths)
        return self.client.update_queue(queue=tasks_v2.Queue(name=self.queue, **fields), update_mask=mask)

    def exists(self, task_id: str) -> bool:
        return any(task.name == self.path(task_id) for task in self.client.list_tasks(parent=self.queue))


def refusal(call: Callable[..., object], *arguments: Any, **keywords: Any) -> tuple[str, str]:
    """The code and message with which a call is refused."""
    with pytest.raises(GoogleAPICallError) as caught:
        call(*arguments, **keywords)
    code = caught.value.grpc_status_code
    assert isinstance(code, grpc.StatusCode)
    return code.name, str(caught.value.message)


def raw_refusal(channel: grpc.Channel, method: str, data: bytes) -> tuple[str, str]:
    """The code and message for a call with these very bytes; OK and nothing when it is not refused."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/google.cloud.{method}")
    error = call.future(data).exception()
    if error is None:
        return "OK", ""
    assert isinstance(error, grpc.Call)
    return error.code().name, error.details()


# The client's annotations promise protocol buffers where it gives datetime and timedelta objects.


def epoch(value: object) -> float:
    """A time of an answer in seconds since 1970."""
    assert isinstance(value, datetime)
    return value.timestamp()


def length(value: object) -> float:
    """A duration of an answer in seconds."""
    assert isinstance(value, timedelta)
    return value.total_seconds()


def is_set(value: object) -> bool:
    """Whether a message field of an answer was there at all."""
    return bool(value)
