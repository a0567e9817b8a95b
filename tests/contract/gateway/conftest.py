"""A gateway in a process of its own, in front of functions that tell what reached them."""

from __future__ import annotations

import json
import math
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.servers import run_gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass
class Seen:
    """What reached a function: method, path with its query, headers in order, body."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class FakeFunction:
    """A function that records every request and answers as `answer` says."""

    name: str
    seen: list[Seen] = field(default_factory=list)
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    def answers(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        """From now on every answer is this, with exactly these headers and the body's length."""
        self.answer = lambda handler: send(handler, status, body, headers)

    def serve(self) -> None:
        function = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "fake"

            def handle_any(self) -> None:
                body = read_body(self)
                function.seen.append(Seen(self.command, self.path, list(self.headers.items()), body))
                if function.answer is not None:
                    function.answer(self)
                    return
                send(self, 200, json.dumps({"function": function.name}).encode(), [("Content-Type", "text/json")])

            def log_message(self, *_arguments: Any) -> None:
                return

        for method in METHODS:
            setattr(Handler, f"do_{method}", Handler.handle_any)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()


def read_body(handler: BaseHTTPRequestHandler) -> bytes:
    """The body of a request, chunked or of a stated length."""
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
    body = b""
    while size := int(handler.rfile.readline().strip(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
    """Answers with exactly these headers, the length of the body and no more."""
    handler.send_response_only(status)
    for name, value in headers:
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


@pytest.fixture(scope="session")
def functions() -> Iterator[tuple[FakeFunction, FakeFunction]]:
    both = FakeFunction("submit"), FakeFunction("status")
    for function in both:
        function.serve()
    yield both
    for function in both:
        function.close()


@pytest.fixture(scope="session")
def shared_gateway(functions: tuple[FakeFunction, FakeFunction]) -> Iterator[str]:
    with run_gateway(functions[0].url, functions[1].url) as url:
        yield url


@pytest.fixture
def gateway(shared_gateway: str, functions: tuple[FakeFunction, FakeFunction]) -> str:
    for function in functions:
        function.seen, function.answer = [], None
    return shared_gateway


@pytest.fixture
def submit(functions: tuple[FakeFunction, FakeFunction]) -> FakeFunction:
    return functions[0]


@pytest.fixture
def status(functions: tuple[FakeFunction, FakeFunction]) -> FakeFunction:
    return functions[1]


@pytest.fixture
def start_gateway() -> Callable[..., AbstractContextManager[str]]:
    return run_gateway


@pytest.fixture
def start_closing() -> Callable[[float], AbstractContextManager[str]]:
    return a_closing_function


@contextmanager
def a_closing_function(idle_seconds: float) -> Iterator[str]:
    """A function that is about to close a connection that rests for so long: what comes then is not answered."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        answered_at = math.inf

        def do_POST(self) -> None:
            if time.monotonic() - self.answered_at > idle_seconds:
                self.close_connection = True
                return
            read_body(self)
            send(self, 200, b"{}", [("Content-Type", "text/json")])
            self.answered_at = time.monotonic()

        def log_message(self, *_arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
