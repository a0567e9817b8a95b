"""The fake on loopback, in the test's own process: gcloud's endpoint overrides and proxy point at it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

# Importing them fills the table of routes.
from tests.infra.cloud import deployed, firestore, functions, monitoring
from tests.infra.cloud.routes import answer
from tests.infra.cloud.world import Call, Refused, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

APIS = (firestore, functions, monitoring, deployed)


class Cloud:
    """A running fake; `world` may be exchanged between runs."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def served(self, call: Call) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body, and a note of the request."""
        status, body, headers = 200, None, {"Content-Type": "application/json"}
        with self._lock:
            try:
                body = answer(self.world, call)
            except Refused as refused:
                status, body = refused.status, refused.body
            if isinstance(body, deployed.Reply):
                status, headers, body = body.status, body.headers, body.body
            self.world.requests.append((call, status))
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return status, headers, data


def _handler_of(cloud: Cloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

        def __getattr__(self, name: str) -> Callable[[], None]:
            # The base class looks for do_GET, do_PUT and so on.
            if name.startswith("do_"):
                return self.handle_any
            raise AttributeError(name)

        def handle_any(self) -> None:
            # An absolute address, when gcloud comes through the proxy.
            parts = urlsplit(self.path)
            raw = self._body()
            call = Call(
                method=self.command,
                path=unquote(parts.path),
                query=dict(parse_qsl(parts.query)),
                body=_json(raw),
                raw=raw,
                base=cloud.base,
                headers={name.lower(): value for name, value in self.headers.items()},
            )
            status, headers, data = cloud.served(call)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def do_CONNECT(self) -> None:
            """An API that no override names: its address is noted, and refused."""
            call = Call("CONNECT", self.path, {}, {}, b"", cloud.base)
            cloud.world.requests.append((call, 403))
            self.send_error(403)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunks = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

    return Handler


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        return {}
