"""What the largest requests cost the process that reads them: its peak of memory, and the time until the answer."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from local.stack.settings import ROOT
from tests.hostile import images
from tests.hostile.client import sent
from tests.hostile.entries import ENTRIES
from tests.hostile.row import FORM_TYPE, JSON_TYPE, form, part

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.harness.stack import Stack

MB = 1_000_000
#: The largest that is taken, but for what a form puts around it.
BODY = 32 * MB - 1000
#: In MB of 2**20 bytes, above what the process held before: what one request may cost at most, and what it may leave.
PEAK, LEFT = 420, 60
SECONDS = 20
EXECUTE = ENTRIES[0].path
FILE = b'; filename="a"'


def filled(start: bytes, again: bytes, end: bytes) -> bytes:
    """A body of the largest size."""
    return start + again * ((BODY - len(start) - len(end)) // len(again)) + end


def typed(content_type: str, body: bytes) -> bytes:
    return b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n" % (content_type.encode(), len(body)) + body


def of_json(start: bytes, again: bytes, end: bytes) -> Callable[[], bytes]:
    return lambda: typed(JSON_TYPE, filled(start, again, end))


def of_form(*parts: bytes) -> bytes:
    return typed(FORM_TYPE, form(*parts))


def of_images(*data: bytes) -> bytes:
    return of_form(part("prompts_text", b"no"), *(part("reference_images", one, FILE) for one in data))


def chunked(size: int) -> bytes:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    return (
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk * (size // 65_536)
        + b"0\r\n\r\n"
    )


def prompts(count: int, emoji: str = "\U0001f600") -> bytes:
    return json.dumps({"prompts": [emoji + "x" * (BODY // count - 10)] * count}, ensure_ascii=False).encode()


LARGEST_IMAGE = (5000, 5000)
#: One emoji makes every character of its text four bytes in memory.
WIDE = "\U0001f600".encode() + b"x" * 780 + b"\n"

COSTLY: dict[str, Callable[[], bytes]] = {
    "100 MB in chunks": lambda: chunked(100 * MB),
    "JSON: `[[[[`": of_json(b"", b"[", b""),
    "JSON: ten million lists": of_json(b'{"prompts":[', b"[],", b"[]]}"),
    "JSON: five million strings": of_json(b'{"prompts":[', b'"abc",', b'"abc"]}'),
    "JSON: three million fields": of_json(b"{", b'"abcdef":1,', b'"a":1}'),
    "JSON: a number": of_json(b'{"prompts":1.', b"7", b"}"),
    "JSON: one text": of_json(b'{"prompts_text":"', b"x", b'"}'),
    "JSON: one text with an emoji": of_json('{"prompts_text":"\U0001f600'.encode(), b"x", b'"}'),
    "JSON: a text of line ends": of_json(b'{"prompts_text":"', rb"\n", b'"}'),
    "JSON: ten thousand prompts with emojis": lambda: typed(JSON_TYPE, prompts(10_000)),
    "form: half a million parts": lambda: of_form(filled(b"", part("a", b""), b"")),
    "form: a header": lambda: of_form(filled(b"--b\r\nContent-Disposition: form-data; name=", b"a", b"\r\n\r\n\r\n")),
    "form: five million header lines": lambda: of_form(filled(b"--b\r\n", b"a: b\r\n", b"\r\n\r\n")),
    "form: lines with emojis": lambda: of_form(part("prompts_text", filled(b"", WIDE, b""))),
    "form: what looks like boundaries": lambda: of_form(part("prompts_text", filled(b"", b"\r\n--bb", b""))),
    "form: one file": lambda: of_form(part("reference_images", filled(b"\xff\xd8", b"\xff", b""), FILE)),
    "an image of 25 megapixels, PNG": lambda: of_images(images.picture(size=LARGEST_IMAGE, mode="RGBA")),
    "an image of 25 megapixels, WebP": lambda: of_images(images.picture("WEBP", LARGEST_IMAGE, lossless=True)),
    "an image of 25 megapixels, progressive JPEG": lambda: of_images(
        images.picture("JPEG", LARGEST_IMAGE, mode="CMYK", progressive=True)
    ),
}
WORST = ["form: lines with emojis", "JSON: ten thousand prompts with emojis", "an image of 25 megapixels, WebP"]


@dataclass(frozen=True)
class Cost:
    """The statuses of the answers, MB before, at the peak and afterwards, and seconds."""

    statuses: list[int]
    before: float
    peak: float
    after: float
    seconds: float

    def told(self, name: str) -> str:
        """A row of the table in docs/operations.md."""
        return f"| {name} | {self.peak:.0f} | {self.after:.0f} | {self.seconds:.1f} |"


def cost(stack: Stack, body: bytes, at_once: int = 1) -> Cost:
    """What it costs to answer this request so many times at once."""
    head = f"POST {EXECUTE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    worker = stack.find_worker("submit")
    request = f"{head}Authorization: Bearer {stack.token(user='ada')}\r\n".encode() + body
    before, began = worker.memory(), time.monotonic()
    worker.forget()
    with ThreadPoolExecutor(at_once) as pool:
        replies = list(pool.map(lambda _: sent(stack.state["submit"], request), range(at_once)))
    return Cost([one.status for one in replies], before, worker.peak(), worker.memory(), time.monotonic() - began)


@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_request_is_refused_at_a_bounded_cost(
    stack: Stack, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = cost(stack, COSTLY[name]())

    with capsys.disabled():
        print(f"\n{found.told(name)}", end="")  # noqa: T201 - the figures are for the document
    assert found.statuses[0] in (400, 413)
    assert found.peak < found.before + PEAK
    assert found.after < found.before + LEFT
    assert found.seconds < SECONDS


@pytest.mark.parametrize("name", WORST if os.environ.get("FUZZ_LONG") else WORST[:1])
def test_as_many_at_once_as_an_instance_takes_stay_within_its_memory(
    stack: Stack, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / "infra/settings.env").read_text(), re.MULTILINE))
    at_once, memory = int(deployed["API_CONCURRENCY"]), int(deployed["API_MEMORY"].removesuffix("Gi")) * 1024

    found = cost(stack, COSTLY[name](), at_once)

    with capsys.disabled():
        print(f"\n{found.told(f'{at_once} at once: {name}')}", end="")  # noqa: T201 - as above
    assert set(found.statuses) == {400}
    assert found.peak < memory
    assert found.after < found.before + LEFT


def test_a_client_that_drips_is_answered_within_seconds(stack: Stack) -> None:
    def dripped(function: str) -> tuple[bytes, float]:
        host, port = stack.state[function].removeprefix("http://").split(":")
        began = time.monotonic()
        with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
            connection.sendall(b"POST /api/executions HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            connection.settimeout(0.2)
            while time.monotonic() < began + SECONDS:
                connection.sendall(b"x")
                try:
                    return connection.recv(100), time.monotonic() - began
                except TimeoutError:
                    continue
        return b"", time.monotonic() - began

    with ThreadPoolExecutor() as pool:
        replies = list(pool.map(dripped, ["submit", "status", "generate"]))

    for reply, seconds in replies:
        assert reply.startswith(b"HTTP/1.1 40")
        assert seconds < 10
