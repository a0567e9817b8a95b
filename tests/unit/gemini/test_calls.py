from __future__ import annotations

import base64
import contextlib
import json
import socket
import time
from typing import TYPE_CHECKING

import pytest

from imagefactory.adapters.gemini import GeminiModel, client
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.result import Failure, FailureCode
from imagefactory.ports import Drawing
from imagefactory.testing import a_recipe
from tests.unit.gemini.server import Server, answering, answering_json, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagefactory.ports import Generated

KEY = "AIzaSyTheKeyOfAlice_0123456789-abcdefghi"
IMAGE = b"the bytes of an image"


ANSWER = {
    "candidates": [
        {"content": {"parts": [{"inlineData": {"data": base64.b64encode(IMAGE).decode(), "mimeType": "image/png"}}]}}
    ]
}
DRAWING = Drawing("a lighthouse in the fog", a_recipe(model="an-image-model"))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment must not see the key: with this one, no call would arrive."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


@contextlib.contextmanager
def a_model(server: Server, gate: int = 6) -> Iterator[GeminiModel]:
    """A model whose connections are closed at the end: a function's process keeps them for as long as it lives."""
    model = GeminiModel(server.url, gate=gate)
    try:
        yield model
    finally:
        model._session.close()  # noqa: SLF001 - nobody else needs to


def failed(server: Server, timeout: float = 5.0) -> tuple[Failure, float]:
    """The failure of a call, and the seconds it took."""
    with a_model(server) as model:
        began = time.monotonic()
        with pytest.raises(AttemptFailed) as attempt:
            made(model, timeout)
        seconds = time.monotonic() - began
    assert KEY not in attempt.value.failure.message
    return attempt.value.failure, seconds


def made(model: GeminiModel, timeout: float) -> Generated:
    with model.generate(DRAWING, KEY, timeout) as generated:
        return generated


class TestTheRequest:
    def test_goes_to_the_model_with_the_key_in_a_header_alone(self) -> None:
        with serving(answering_json(ANSWER)) as server, a_model(server) as model:
            generated = made(model, 119.2)

        [request] = server.requests
        assert generated.data == IMAGE
        assert request.first_line == "POST /v1beta/models/an-image-model:generateContent HTTP/1.1"
        assert request.headers["x-goog-api-key"] == KEY
        assert request.headers["x-server-timeout"] == "120"
        assert request.headers["content-type"] == "application/json"
        assert KEY.encode() not in request.body

    def test_asks_for_one_image_of_this_shape(self) -> None:
        assert client.request_body(DRAWING) == {
            "contents": [{"role": "user", "parts": [{"text": "a lighthouse in the fog"}]}],
            "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "1:1"}},
        }

    def test_names_a_size_only_for_a_model_that_has_sizes(self) -> None:
        drawing = Drawing("p", a_recipe(image_size="4K", aspect_ratio="21:9"))

        image_config = client.request_body(drawing)["generationConfig"]["imageConfig"]

        assert image_config == {"aspectRatio": "21:9", "imageSize": "4K"}

    def test_shows_the_references_first(self) -> None:
        drawing = Drawing("p", a_recipe(), (("image/webp", b"one"), ("image/jpeg", b"two")))

        parts = client.request_body(drawing)["contents"][0]["parts"]

        assert parts == [
            {"inlineData": {"mimeType": "image/webp", "data": "b25l"}},
            {"inlineData": {"mimeType": "image/jpeg", "data": "dHdv"}},
            {"text": "p"},
        ]

    @pytest.mark.parametrize("prompt", ["café 日本語 👩‍👩‍👧", "a\x00b\u2028c", "\u202ertl", "e\u0301", '"\\'])
    def test_carries_every_prompt_as_it_is(self, prompt: str) -> None:
        drawing = Drawing(prompt, a_recipe())
        with serving(answering_json(ANSWER)) as server, a_model(server) as model, model.generate(drawing, KEY, 5):
            pass

        assert json.loads(server.requests[0].body)["contents"][0]["parts"] == [{"text": prompt}]

    def test_uses_a_connection_again(self) -> None:
        connections = set()

        def answer(connection: socket.socket) -> None:
            connections.add(connection.fileno())
            answering_json(ANSWER)(connection)

        with serving(answer) as server, a_model(server) as model:
            for _ in range(3):
                made(model, 5)

        assert len(server.requests) == 3
        assert len(connections) == 1


class TestTheAnswer:
    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (answering_json({"error": {"message": "no"}}, "400 Bad Request"), FailureCode.INVALID_REQUEST),
            (answering_json({"error": {"message": "no"}}, "429 Too Many Requests"), FailureCode.RATE_LIMIT_EXCEEDED),
            (answering(b"<html>", "502 Bad Gateway"), FailureCode.SERVER_ERROR),
            (answering(b"", "302 Found", "Location: http://127.0.0.1:9/"), FailureCode.SERVER_ERROR),
            (answering(b'{"candidates": [{"content"'), FailureCode.SERVER_ERROR),
            (answering(b"[" * 100_000), FailureCode.SERVER_ERROR),
            (answering(b"\xff\xfe"), FailureCode.SERVER_ERROR),
            (answering(b""), FailureCode.SERVER_ERROR),
            (answering_json({"candidates": []}), FailureCode.NO_IMAGE),
        ],
    )
    def test_is_read_by_its_status_and_what_it_holds(
        self, answer: Callable[[socket.socket], None], code: FailureCode
    ) -> None:
        with serving(answer) as server:
            failure, _ = failed(server)

        assert failure.code is code
        assert len(server.requests) == 1

    def test_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 1000)
        with serving(answering(b"x" * 1001)) as server:
            failure, _ = failed(server)

        assert (failure.code, failure.retryable) == (FailureCode.SERVER_ERROR, True)
        assert "over 1000 bytes" in failure.message


class TestABrokenConnection:
    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Len", id="half of the head"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", id="part of the body"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", id="part of a chunk"),
            pytest.param(b"SSH-2.0-OpenSSH\r\n", id="another protocol"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="no chunk"),
        ],
    )
    def test_is_a_servers_error_that_another_attempt_may_mend(self, sent: bytes) -> None:
        def cut_off(connection: socket.socket) -> None:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_RDWR)

        with serving(cut_off) as server:
            failure, _ = failed(server)

        assert (failure.code, failure.retryable) == (FailureCode.SERVER_ERROR, True)

    def test_is_what_a_server_that_is_not_there_makes(self) -> None:
        failure, _ = failed(Server(answering(b""), port=9))

        assert (failure.code, failure.retryable) == (FailureCode.SERVER_ERROR, True)

    def test_is_told_without_address_or_headers(self) -> None:
        with a_model(Server(answering(b""), port=9)) as model, pytest.raises(AttemptFailed) as attempt:
            made(model, 1)

        assert attempt.value.__cause__ is None
        assert "127.0.0.1" not in str(attempt.value)
