"""A Gemini API that sends exactly the bytes a test wants, when it wants, on real sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Received:
    """A request as it came: its first line, its headers with names in lower case, its body."""

    first_line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """Answers every request on every connection with `answer`, and keeps the requests."""

    answer: Callable[[socket.socket], None]
    requests: list[Received] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def talk(self, plain: socket.socket) -> None:
        # The caller may hang up at any moment: that is what most of these tests are about.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(plain)
            connection = stack.enter_context(self.tls.wrap_socket(plain, server_side=True)) if self.tls else plain
            while request := read_request(connection):
                self.requests.append(request)
                self.answer(connection)


def read_request(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65_536)
    return Received(first_line, headers, body)


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that answers so; at the end of the block all its threads have ended."""
    server, threads = Server(answer, tls=tls), []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        listening.settimeout(0.05)

        def accept() -> None:
            while not server.stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listening.accept()
                    connection.settimeout(1)
                    threads.append(threading.Thread(target=server.talk, args=(connection,), daemon=True))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield server
        finally:
            server.stopped.set()
            acceptor.join()
            for thread in threads:
                thread.join(timeout=3)


def answering_until_it_closes(body: bytes, *headers: str) -> Callable[[socket.socket], None]:
    """A body of a length that only its end tells."""

    def answer(connection: socket.socket) -> None:
        connection.sendall("\r\n".join(["HTTP/1.1 200 OK", *headers]).encode() + b"\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)

    return answer


def answering(body: bytes, status: str = "200 OK", *headers: str) -> Callable[[socket.socket], None]:
    """A whole answer, at once."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return lambda connection: connection.sendall(f"{head}\r\n\r\n".encode("latin-1") + body)


def answering_json(value: Any, status: str = "200 OK") -> Callable[[socket.socket], None]:
    """A whole answer of JSON, at once."""
    return answering(json.dumps(value).encode(), status, "Content-Type: application/json; charset=UTF-8")
