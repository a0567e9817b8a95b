"""Sends bytes as they are over a connection of its own, and reads what comes back."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.hostile.row import Transport

if TYPE_CHECKING:
    from tests.hostile.entries import Entry
    from tests.hostile.row import Row

SECONDS = 30
PIECE = 60_000


@dataclass(frozen=True)
class Reply:
    """What the server said: the status is 0 where it said nothing; names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's value; None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def sent(address: str, data: bytes, *, half_closed: bool = True) -> Reply:
    """The reply to these bytes, after which nothing more is sent; `address` is http://HOST:PORT.

    With `half_closed` the server is told so. To aiohttp that means that the client has gone: it says nothing more.
    """
    host, port = address.removeprefix("http://").split(":")
    received = bytearray()
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        # A server that has refused the head does not read on, and may close on us.
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        # After such a close there is nothing left to shut down.
        with contextlib.suppress(OSError):
            if half_closed:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(PIECE):
                received += piece
    return reply_of(bytes(received))


def reply_of(received: bytes) -> Reply:
    """The last of the replies in these bytes: one that says to go on may stand before it."""
    head, _, body = received.partition(b"\r\n\r\n")
    if not head:
        return Reply(0, {}, b"")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = int(first.split(" ")[1])
    if status == 100:
        return reply_of(body)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Reply(status, headers, body)


def bytes_of(row: Row | Transport, entry: Entry, tokens: dict[str, tuple[str, ...]]) -> bytes:
    """What is sent; `tokens` are Authorization headers by their names."""
    query = entry.refused.query
    path = f"{entry.path}?{query}" if query else entry.path
    if isinstance(row, Transport):
        token = tokens["good"][0].removeprefix("Bearer ")
        data = row.data.replace(b"METHOD", entry.method.encode()).replace(b"PATH", path.encode())
        return data.replace(b"TOKEN", token.encode())
    target = row.path or entry.path
    if row.query is not None:
        target += f"?{row.query}"
    given = {name for name, _ in row.headers}
    headers = [one for one in (("Host", "function.test"), ("Connection", "close")) if one[0] not in given]
    headers += [("Authorization", value) for value in tokens[row.token]]
    headers += [("Content-Type", row.content_type)] if row.content_type else []
    if row.chunked:
        headers.append(("Transfer-Encoding", "chunked"))
    elif (row.body or (row.method or entry.method) != "GET") and "Content-Length" not in dict(row.headers):
        headers.append(("Content-Length", str(len(row.body))))
    headers += row.headers
    head = f"{row.method or entry.method} {_ascii(target)} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode("latin-1") + b"\r\n" + (_chunks(row.body) if row.chunked else row.body)


def _ascii(target: str) -> str:
    return "".join(one if " " < one < "\x7f" else "".join(f"%{byte:02x}" for byte in one.encode()) for one in target)


def _chunks(body: bytes) -> bytes:
    pieces = (body[first : first + PIECE] for first in range(0, len(body), PIECE))
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"
