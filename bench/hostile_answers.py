"""What an answer can do to a generate process at worst: `make bench` prints the table, a test holds the bounds.

Each scene is a server that means ill, or has lost its mind. The client runs in a process that tells its own peak.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import itertools
import socket
import sys
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.processes import Measured, measure, measured
from imagefactory.adapters.gemini import GeminiModel
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.generation import GenerationParameters
from imagefactory.ports import GenerationRequest
from tests.unit.gemini.server import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: By how many MB a process may grow: for what is given up at once, for one body of the greatest length, and for such a
#: body and its text.
LITTLE, ONE_BODY, BODY_AND_TEXT = 12, 130, 240
#: Seconds of an attempt with a server that takes for ever, and with any other.
SHORT, LONG = 1.0, 60.0


@dataclass(frozen=True)
class Scene:
    """What a server sends, and what must become of the attempt within its seconds and MB."""

    name: str
    pieces: Callable[[], Iterable[bytes]]
    code: str
    grown: float = LITTLE
    seconds: float = LONG
    pause: float = 0.0

    def play(self) -> Measured:
        """Run the client against the server."""

        def answer(connection: socket.socket) -> None:
            for piece in self.pieces():
                connection.sendall(piece)
                time.sleep(self.pause)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        with serving(answer) as server:
            return measured("bench.hostile_answers", server.url, str(self.seconds))


def body(status: str, *headers: str, of: Iterable[bytes]) -> Callable[[], Iterable[bytes]]:
    """An answer whose body has these pieces, and ends with the connection."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()
    return lambda: itertools.chain([head], of)


def endlessly(head: str, piece: bytes) -> Callable[[], Iterable[bytes]]:
    """A beginning, and then the same again and again."""
    return lambda: itertools.chain([head.encode("latin-1")], itertools.repeat(piece))


def packed(how: str, status: str = "200 OK") -> Callable[[], Iterable[bytes]]:
    """An answer whose body is 10 GB of zeros, compressed in this way."""
    return lambda: itertools.chain(body(status, f"Content-Encoding: {how}", of=())(), zeros_in(how))


@functools.cache
def zeros_in(how: str) -> list[bytes]:
    """10 GB of zeros, compressed."""
    zeros = bytes(10_000_000)
    if how == "gzip":
        return [gzip.compress(zeros)] * 1000
    if how == "deflate":
        packer = zlib.compressobj()
        first = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
        # After a full flush a packer has forgotten everything: what it makes then can stand there any number of times.
        return [first, *[packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)] * 999]
    return [gzip.compress(b"".join(zeros_in(how.removesuffix(", gzip"))))]


OK, CHUNKED = "HTTP/1.1 200 OK\r\n", "Transfer-Encoding: chunked\r\n\r\n"
MEGABYTE = b" " * 1_000_000
EMOJI = "🎨".encode()
#: Blocks of no bytes: a compressed file may have any number of them and hold nothing.
NOTHING = b"\x00\x00\x00\xff\xff" * 10_000
GZIP_HEAD = gzip.compress(b"")[:10].decode("latin-1")
PAGE = b"<!DOCTYPE html><title>Error</title>"

SCENES = [
    # Slow
    Scene("drips its body", endlessly(OK + CHUNKED, b"1\r\n \r\n"), "TIMEOUT", seconds=SHORT, pause=0.02),
    Scene("drips its head", endlessly(OK + "X: ", b"x"), "TIMEOUT", seconds=SHORT, pause=0.02),
    Scene("is always about to begin", endlessly("", b"HTTP/1.1 100 Continue\r\n\r\n"), "TIMEOUT", seconds=SHORT),
    Scene("never comes to an end", endlessly(OK + CHUNKED, b"0\r\nX: y\r\n"), "TIMEOUT", seconds=SHORT),
    # Broken
    Scene("closes in the middle", body("200 OK", "Content-Length: 20000000", of=[MEGABYTE] * 10), "SERVER_ERROR", 24),
    Scene("closes in the head", body("200 OK\r\nContent-Len", of=()), "SERVER_ERROR"),
    # Long
    Scene("200 MB, as announced", body("200 OK", "Content-Length: 200000000", of=[MEGABYTE] * 200), "SERVER_ERROR"),
    Scene("200 MB, unannounced", body("200 OK", of=[MEGABYTE] * 200), "SERVER_ERROR", ONE_BODY),
    Scene("200 MB in one chunk", endlessly(OK + CHUNKED + "bebc200\r\n", MEGABYTE), "SERVER_ERROR", ONE_BODY),
    Scene("a header without an end", endlessly(OK + "X: ", MEGABYTE), "SERVER_ERROR"),
    Scene("headers without an end", endlessly(OK, b"X: y\r\n" * 10_000), "SERVER_ERROR"),
    Scene("a chunk's length without an end", endlessly(OK + CHUNKED, b"1" * 1_000_000), "SERVER_ERROR"),
    # Compressed, although nobody asked for it
    Scene("10 GB in gzip", packed("gzip"), "SERVER_ERROR", ONE_BODY),
    Scene("10 GB in deflate", packed("deflate"), "SERVER_ERROR", ONE_BODY),
    Scene("10 GB in gzip in gzip", packed("gzip, gzip"), "SERVER_ERROR", ONE_BODY),
    Scene("10 GB in gzip, five times over", packed("gzip, gzip, gzip, gzip, gzip"), "SERVER_ERROR", ONE_BODY),
    Scene("what is called br", body("200 OK", "Content-Encoding: br", of=[b"\x8b\x07\x00" * 1000]), "SERVER_ERROR"),
    Scene(
        "nothing in gzip, without an end",
        endlessly(f"{OK}Content-Encoding: gzip\r\n\r\n{GZIP_HEAD}", NOTHING),
        "TIMEOUT",
        seconds=SHORT,
    ),
    # JSON
    Scene("90 MB of lists", body("200 OK", of=[b"[[],", *[b"[]," * 300_000] * 100]), "SERVER_ERROR", BODY_AND_TEXT),
    Scene("90 MB of nested lists", body("200 OK", of=[b"[" * 1_000_000] * 90), "SERVER_ERROR", BODY_AND_TEXT),
    Scene("90 MB of one text", body("200 OK", of=[b'"', *[b"x" * 1_000_000] * 90]), "SERVER_ERROR", BODY_AND_TEXT),
    Scene(
        "90 MB, and an emoji",
        body("200 OK", of=[b'"' + EMOJI, *[b"x" * 1_000_000] * 90]),
        "SERVER_ERROR",
        BODY_AND_TEXT,
    ),
    Scene("90 MB of emojis", body("200 OK", of=[EMOJI * 250_000] * 90), "SERVER_ERROR", BODY_AND_TEXT),
    Scene("90 MB, and a bad letter", body("200 OK", of=[b'"\xff', *[MEGABYTE] * 90]), "SERVER_ERROR", BODY_AND_TEXT),
    # Pages
    Scene("a page with 200", body("200 OK", "Content-Type: text/html", of=[PAGE]), "SERVER_ERROR"),
    Scene("a page with 502", body("502 Bad Gateway", "Content-Type: text/html", of=[PAGE]), "SERVER_ERROR"),
    Scene("200 MB with 403", body("403 Forbidden", of=[PAGE, *[MEGABYTE] * 200]), "INVALID_API_KEY"),
    Scene("10 GB in gzip with 429", packed("gzip", "429 Too Many Requests"), "RATE_LIMIT_EXCEEDED"),
    # Redirects
    Scene("a redirect", body("302 Found", "Location: /", "Content-Length: 0", of=()), "SERVER_ERROR"),
    Scene("a redirect with 200 MB", body("307 Temporary", "Location: /", of=[MEGABYTE] * 200), "SERVER_ERROR"),
    Scene("a redirect with 10 GB in gzip", packed("gzip", "302 Found\r\nLocation: /"), "SERVER_ERROR"),
]


def call(url: str, seconds: float) -> str:
    """In the child: one attempt; its failure's code, or the type of the image."""
    drawing = GenerationRequest("a lighthouse", GenerationParameters("a-model", "1:1", "1K", None, None, 39_000, 40.0))
    try:
        with GeminiModel(url, gate=1).generate(drawing, "a-key", seconds) as generated:
            return generated.content_type
    except AttemptFailed as failed:
        return failed.failure.code


def main() -> None:
    """Play every scene and print the table."""
    sys.stdout.write("| the server | ends in | MB | seconds | of |\n| --- | --- | --- | --- | --- |\n")
    for scene in SCENES:
        found = scene.play()
        row = f"| {scene.name} | `{found.said}` | {found.grown:.0f} | {found.seconds:.1f} | {scene.seconds:.0f} |\n"
        sys.stdout.write(row)
        sys.stdout.flush()


if __name__ == "__main__":
    address, attempt = sys.argv[1:]
    measure(lambda: call(address, float(attempt)))
