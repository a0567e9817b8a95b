"""An HTTP server on this machine that answers what a test tells it, and a clock that only sleeping moves."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

REQUEST_ID = "4bf92f3577b34da6"


@dataclass(frozen=True)
class Reply:
    """An answer; `missing_bytes` are promised and not sent, and without a `status` the connection just ends."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    missing_bytes: int = 0


@dataclass(frozen=True)
class Received:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def success(data: Any, status: int = 200, **headers: str) -> Reply:
    body = json.dumps({"success": True, "data": data}).encode()
    return Reply(status, body, {"Content-Type": "application/json", **_spell(headers)})


def failure(status: int, code: str, *details: Mapping[str, Any], **headers: str) -> Reply:
    error = {"code": code, "message": "It went wrong.", "details": details}
    body = json.dumps({"success": False, "error": error}).encode()
    return Reply(status, body, {"X-Request-Id": REQUEST_ID, **_spell(headers)})


NO_ANSWER = Reply(status=0)


def _spell(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Server:
    """Answers `replies` one after the other, and keeps what it received; the last reply is repeated."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.received: list[Received] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _build_handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def take(self, received: Received) -> Reply:
        self.received.append(received)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def _build_handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: ",".join(values) for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.take(Received(self.command, parts.path, query, headers, body))
            self.close_connection = not reply.status or bool(reply.missing_bytes)
            if reply.status:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body) + reply.missing_bytes))
                self.end_headers()
                self.wfile.write(reply.body)

    return Handler


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
