"""Measure what hostile answers cost a generate process: `make bench` prints the table, a test checks the limits.

Each scene is a hostile or broken server. The client runs in a process that measures its own memory.
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

from bench.processes import Measurement, measure_module, report_measurement
from imagefactory.adapters.gemini import GeminiModel
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.generation import GenerationParameters
from imagefactory.ports import GenerationRequest
from tests.unit.gemini.server import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: By how many MB a process may grow: for an answer that it drops at once, for a body of the maximal length, and for
#: such a body with its text.
SMALL_GROWTH, ONE_BODY, BODY_AND_TEXT = 12, 130, 240
#: Seconds of an attempt with an endless server, and with any other.
SHORT, LONG = 1.0, 60.0


@dataclass(frozen=True)
class Scene:
    """The bytes that a server sends, and the code in which the attempt must end, within its seconds and MB."""

    name: str
    pieces: Callable[[], Iterable[bytes]]
    code: str
    growth_mb: float = SMALL_GROWTH
    seconds: float = LONG
    pause: float = 0.0

    def play(self) -> Measurement:
        """Run the client against the server in a process of its own."""

        def answer(connection: socket.socket) -> None:
            for piece in self.pieces():
                connection.sendall(piece)
                time.sleep(self.pause)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        with serving(answer) as server:
            return measure_module("bench.hostile_answers", server.url, str(self.seconds))


def raw_answer(status: str, *headers: str, of: Iterable[bytes]) -> Callable[[], Iterable[bytes]]:
    """An answer whose body consists of these pieces and ends with the connection."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()
    return lambda: itertools.chain([head], of)


def endless_answer(head: str, piece: bytes) -> Callable[[], Iterable[bytes]]:
    """An answer that begins with `head` and then repeats `piece` without an end."""
    return lambda: itertools.chain([head.encode("latin-1")], itertools.repeat(piece))


def zeros_answer(how: str, status: str = "200 OK") -> Callable[[], Iterable[bytes]]:
    """An answer whose body is 10 GB of zeros, compressed by `how`, such as "gzip, gzip"."""
    return lambda: itertools.chain(raw_answer(status, f"Content-Encoding: {how}", of=())(), zeros_in(how))


@functools.cache
def zeros_in(how: str) -> list[bytes]:
    """10 GB of zeros, compressed."""
    zeros = bytes(10_000_000)
    if how == "gzip":
        return [gzip.compress(zeros)] * 1000
    if how == "deflate":
        packer = zlib.compressobj()
        first = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
        # After a full flush the output no longer depends on the input before: it can repeat any number of times.
        return [first, *[packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)] * 999]
    return [gzip.compress(b"".join(zeros_in(how.removesuffix(", gzip"))))]


OK, CHUNKED = "HTTP/1.1 200 OK\r\n", "Transfer-Encoding: chunked\r\n\r\n"
MEGABYTE = b" " * 1_000_000
EMOJI = "🎨".encode()
#: Empty blocks: a compressed file may have any number of them.
NOTHING = b"\x00\x00\x00\xff\xff" * 10_000
GZIP_HEAD = gzip.compress(b"")[:10].decode("latin-1")
HTML_PAGE = b"<!DOCTYPE html><title>Error</title>"

SCENES = [
    # Slow
    Scene("drips its body", endless_answer(OK + CHUNKED, b"1\r\n \r\n"), "TIMEOUT", seconds=SHORT, pause=0.02),
    Scene("drips its head", endless_answer(OK + "X: ", b"x"), "TIMEOUT", seconds=SHORT, pause=0.02),
    Scene("is always about to begin", endless_answer("", b"HTTP/1.1 100 Continue\r\n\r\n"), "TIMEOUT", seconds=SHORT),
    Scene("never comes to an end", endless_answer(OK + CHUNKED, b"0\r\nX: y\r\n"), "TIMEOUT", seconds=SHORT),
    # Broken
    Scene(
        "closes in the middle", raw_answer("200 OK", "Content-Length: 20000000", of=[MEGABYTE] * 10), "SERVER_ERROR", 24
    ),
    Scene("closes in the head", raw_answer("200 OK\r\nContent-Len", of=()), "SERVER_ERROR"),
    # Long
    Scene(
        "200 MB, as announced", raw_answer("200 OK", "Content-Length: 200000000", of=[MEGABYTE] * 200), "SERVER_ERROR"
    ),
    Scene("200 MB, unannounced", raw_answer("200 OK", of=[MEGABYTE] * 200), "SERVER_ERROR", ONE_BODY),
    Scene("200 MB in one chunk", endless_answer(OK + CHUNKED + "bebc200\r\n", MEGABYTE), "SERVER_ERROR", ONE_BODY),
    Scene("a header without an end", endless_answer(OK + "X: ", MEGABYTE), "SERVER_ERROR"),
    Scene("headers without an end", endless_answer(OK, b"X: y\r\n" * 10_000), "SERVER_ERROR"),
    Scene("a chunk's length without an end", endless_answer(OK + CHUNKED, b"1" * 1_000_000), "SERVER_ERROR"),
    # Compressed, although nobody asked for it
    Scene("10 GB in gzip", zeros_answer("gzip"), "SERVER_ERROR", ONE_BODY),
    Scene("10 GB in deflate", zeros_answer("deflate"), "SERVER_ERROR", ONE_BODY),
    Scene("10 GB in gzip in gzip", zeros_answer("gzip, gzip"), "SERVER_ERROR", ONE_BODY),
    Scene("10 GB in gzip, five times over", zeros_answer("gzip, gzip, gzip, gzip, gzip"), "SERVER_ERROR", ONE_BODY),
    Scene(
        "what is called br", raw_answer("200 OK", "Content-Encoding: br", of=[b"\x8b\x07\x00" * 1000]), "SERVER_ERROR"
    ),
    Scene(
        "nothing in gzip, without an end",
        endless_answer(f"{OK}Content-Encoding: gzip\r\n\r\n{GZIP_HEAD}", NOTHING),
        "TIMEOUT",
        seconds=SHORT,
    ),
    # JSON
    Scene(
        "90 MB of lists", raw_answer("200 OK", of=[b"[[],", *[b"[]," * 300_000] * 100]), "SERVER_ERROR", BODY_AND_TEXT
    ),
    Scene("90 MB of nested lists", raw_answer("200 OK", of=[b"[" * 1_000_000] * 90), "SERVER_ERROR", BODY_AND_TEXT),
    Scene(
        "90 MB of one text", raw_answer("200 OK", of=[b'"', *[b"x" * 1_000_000] * 90]), "SERVER_ERROR", BODY_AND_TEXT
    ),
    Scene(
        "90 MB, and an emoji",
        raw_answer("200 OK", of=[b'"' + EMOJI, *[b"x" * 1_000_000] * 90]),
        "SERVER_ERROR",
        BODY_AND_TEXT,
    ),
    Scene("90 MB of emojis", raw_answer("200 OK", of=[EMOJI * 250_000] * 90), "SERVER_ERROR", BODY_AND_TEXT),
    Scene(
        "90 MB, and a bad letter", raw_answer("200 OK", of=[b'"\xff', *[MEGABYTE] * 90]), "SERVER_ERROR", BODY_AND_TEXT
    ),
    # Pages
    Scene("a page with 200", raw_answer("200 OK", "Content-Type: text/html", of=[HTML_PAGE]), "SERVER_ERROR"),
    Scene("a page with 502", raw_answer("502 Bad Gateway", "Content-Type: text/html", of=[HTML_PAGE]), "SERVER_ERROR"),
    Scene("200 MB with 403", raw_answer("403 Forbidden", of=[HTML_PAGE, *[MEGABYTE] * 200]), "INVALID_API_KEY"),
    Scene("10 GB in gzip with 429", zeros_answer("gzip", "429 Too Many Requests"), "RATE_LIMIT_EXCEEDED"),
    # Redirects
    Scene("a redirect", raw_answer("302 Found", "Location: /", "Content-Length: 0", of=()), "SERVER_ERROR"),
    Scene("a redirect with 200 MB", raw_answer("307 Temporary", "Location: /", of=[MEGABYTE] * 200), "SERVER_ERROR"),
    Scene("a redirect with 10 GB in gzip", zeros_answer("gzip", "302 Found\r\nLocation: /"), "SERVER_ERROR"),
]


def call(url: str, seconds: float) -> str:
    """In the child: make one attempt; return its failure's code, or the type of the image."""
    drawing = GenerationRequest("a lighthouse", GenerationParameters("a-model", "1:1", "1K", None, None, 39_000, 40.0))
    try:
        with GeminiModel(url, max_decodes=1).generate(drawing, "a-key", seconds) as generated:
            return generated.content_type
    except AttemptFailed as failed:
        return failed.failure.code


def main() -> None:
    """Play every scene and print the table."""
    sys.stdout.write("| the server | ends in | MB | seconds | of |\n| --- | --- | --- | --- | --- |\n")
    for scene in SCENES:
        run = scene.play()
        row = f"| {scene.name} | `{run.output}` | {run.growth_mb:.0f} | {run.seconds:.1f} | {scene.seconds:.0f} |\n"
        sys.stdout.write(row)
        sys.stdout.flush()


if __name__ == "__main__":
    address, attempt = sys.argv[1:]
    report_measurement(lambda: call(address, float(attempt)))
