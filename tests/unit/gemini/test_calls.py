from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefactory.adapters.gemini import client, deadline
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.result import FailureCode
from tests.unit.gemini.calling import ANSWER, IMAGE, a_model, failed, made
from tests.unit.gemini.server import Server, answering, answering_json, answering_until_it_closes, serving

if TYPE_CHECKING:
    from collections.abc import Callable


class TestTheConnection:
    def test_is_used_again(self) -> None:
        connections = set()

        def answer(connection: socket.socket) -> None:
            connections.add(connection.fileno())
            answering_json(ANSWER)(connection)

        with serving(answer) as server, a_model(server) as model:
            for _ in range(3):
                made(model, 5)

        assert len(server.requests) == 3
        assert len(connections) == 1

    def test_is_not_used_again_when_it_was_idle_for_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deadline, "IDLE_SECONDS", 0.1)
        known = set()

        # The server closes as a second request comes: to the client that is one moment too late.
        def answer(connection: socket.socket) -> None:
            _, port = connection.getpeername()
            if port not in known:
                known.add(port)
                answering_json(ANSWER)(connection)
            else:
                connection.shutdown(socket.SHUT_RDWR)

        with serving(answer) as server, a_model(server) as model:
            images = []
            for _ in range(3):
                images.append(made(model).data)
                time.sleep(0.15)

        assert images == [IMAGE] * 3

    def test_that_the_server_has_closed_is_replaced(self) -> None:
        def answer(connection: socket.socket) -> None:
            answering_json(ANSWER)(connection)
            connection.shutdown(socket.SHUT_RDWR)

        with serving(answer) as server, a_model(server) as model:
            images = []
            for _ in range(3):
                images.append(made(model).data)
                time.sleep(0.05)

        assert images == [IMAGE] * 3

    def test_carries_nothing_from_one_callers_request_to_anothers(self) -> None:
        cookie = answering(json.dumps(ANSWER).encode(), "200 OK", "Set-Cookie: session=of-alice; Path=/")
        with serving(cookie) as server, a_model(server) as model:
            for _ in range(2):
                made(model)

        assert [request.headers.get("cookie") for request in server.requests] == [None, None]


def compressed(how: str) -> bytes:
    """An answer with an image, compressed in this way."""
    body = json.dumps(ANSWER).encode()
    return {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "gzip, gzip": lambda data: gzip.compress(gzip.compress(data)),
    }[how](body)


class TestTheAnswer:
    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            pytest.param(
                answering_json({"error": {"message": "no"}}, "400 Bad Request"), "INVALID_REQUEST", id="an error"
            ),
            pytest.param(answering_json({}, "429 Too Many Requests"), "RATE_LIMIT_EXCEEDED", id="an error of no words"),
            pytest.param(answering(b"<html>", "502 Bad Gateway"), "SERVER_ERROR", id="an error's page"),
            pytest.param(answering(b"<html>"), "SERVER_ERROR", id="a page"),
            pytest.param(answering(b'{"candidates": [{"content"'), "SERVER_ERROR", id="cut JSON"),
            pytest.param(answering(b"[" * 100_000), "SERVER_ERROR", id="nested too deep"),
            pytest.param(answering(b'{"candidates":[' + b"[]," * 200_000 + b"[]]}"), "SERVER_ERROR", id="crowded"),
            pytest.param(answering(b"\xff\xfe"), "SERVER_ERROR", id="no text"),
            pytest.param(answering(b""), "SERVER_ERROR", id="empty"),
            pytest.param(answering(b"{}", "200 OK", "Content-Encoding: br"), "NO_IMAGE", id="only said to be packed"),
            pytest.param(answering(b"{}", "200 OK", "Content-Encoding: gzip"), "SERVER_ERROR", id="not packed at all"),
            pytest.param(answering_json({"candidates": []}), "NO_IMAGE", id="no candidate"),
        ],
    )
    def test_is_read_by_its_status_and_what_it_holds(self, answer: Callable[[socket.socket], None], code: str) -> None:
        with serving(answer) as server:
            failure, _ = failed(server)

        assert failure.code == code
        assert len(server.requests) == 1

    @pytest.mark.parametrize("how", ["gzip", "deflate", "gzip, gzip"])
    def test_is_taken_compressed_too(self, how: str) -> None:
        packed = answering(compressed(how), "200 OK", f"Content-Encoding: {how}")
        with serving(packed) as server, a_model(server) as model:
            generated = made(model)

        assert generated.data == IMAGE
        assert server.requests[0].headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize("announced", [True, False])
    def test_is_bounded(self, monkeypatch: pytest.MonkeyPatch, announced: bool) -> None:  # noqa: FBT001 - the two cases
        monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 1000)
        endless = answering_until_it_closes(b"x" * 1001, "Connection: close")
        with serving(answering(b"x" * 1001) if announced else endless) as server:
            failure, _ = failed(server)

        assert (failure.code, failure.retryable, failure.provider_status) == (FailureCode.SERVER_ERROR, True, 200)
        assert "over 1000 bytes" in failure.message

    @pytest.mark.parametrize("announced", [True, False])
    def test_is_taken_up_to_its_bound(self, monkeypatch: pytest.MonkeyPatch, announced: bool) -> None:  # noqa: FBT001 - the two cases
        body = json.dumps(ANSWER).encode()
        monkeypatch.setattr(client, "MAX_ANSWER_BYTES", len(body))
        endless = answering_until_it_closes(body, "Connection: close")
        with serving(answering(body) if announced else endless) as server, a_model(server) as model:
            assert made(model).data == IMAGE

    @pytest.mark.parametrize(
        ("status", "code"), [("403 Forbidden", "INVALID_API_KEY"), ("429 Too Many", "RATE_LIMIT_EXCEEDED")]
    )
    @pytest.mark.parametrize("sent", [b"x" * 1001, b'{"error": {'])
    def test_that_is_an_error_is_told_by_its_status_where_its_words_cannot_be_read(
        self, monkeypatch: pytest.MonkeyPatch, sent: bytes, status: str, code: str
    ) -> None:
        monkeypatch.setattr(client, "MAX_ERROR_BYTES", 1000)

        def cut_off(connection: socket.socket) -> None:
            connection.sendall(f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            connection.sendall(b"%x\r\n%b" % (5000, sent))
            connection.shutdown(socket.SHUT_RDWR)

        with serving(cut_off) as server:
            failure, _ = failed(server)

        assert failure.code == code

    @pytest.mark.parametrize("location", ["http://127.0.0.1:9/", "/", "//[", "\xff", "data:,"])
    def test_that_is_a_redirect_is_not_followed(self, location: str) -> None:
        with serving(answering(b"moved", "302 Found", f"Location: {location}")) as server:
            failure, _ = failed(server)

        assert (failure.code, failure.retryable, failure.provider_status) == (FailureCode.SERVER_ERROR, True, 302)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
    @pytest.mark.parametrize(
        "headers",
        [
            ("Retry-After: 17",),
            ("Retry-After: 7", "Retry-After: 17"),
            ("Retry-After: Wed, 25 Nov 2015 12:00:17 GMT", "Date: Wed, 25 Nov 2015 12:00:00 GMT"),
        ],
    )
    def test_of_a_front_end_may_say_in_a_header_when_to_come_again(self, status: str, headers: tuple[str, ...]) -> None:
        with serving(answering(b"<html>", status, *headers)) as server:
            failure, _ = failed(server)

        assert failure.retry_after == 17


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
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", id="two lengths"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{", id="less than nothing"),
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


FIELDS = [
    # Two lengths are a case of their own, above: urllib3 leaves the connection of some such answers to the collector.
    *("Content-Length: 5", "Content-Length: \xb2"),
    *(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Content-Encoding: gzip",
        "Content-Encoding: br",
    ),
    *(
        "Content-Encoding: deflate" + ", gzip" * 9,
        "Location: //[",
        "Location: \xff\xfe",
        "Set-Cookie: a=b; Domain=\xff",
    ),
    *("X", ": y", " folded", "\x00: \x00", "Retry-After: \xb2", "Connection: close", "Content-Type: a/b; charset=\xff"),
]


BODIES = [b"{}", b"5\r\nhello\r\n0\r\n\r\n", b"-5\r\n", b"\x1f\x8b\x08", b'{"a": 1e999}']


def test_whatever_a_server_sends_is_an_answer_or_a_failure() -> None:
    said = b""

    def answer(connection: socket.socket) -> None:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_RDWR)

    @given(
        st.sampled_from(["HTTP/1.1 200 OK", "HTTP/1.1 302 Found", "HTTP/1.0 429", "HTTP/1.1 204 No", "HTTP/2 999", ""]),
        st.lists(st.sampled_from(FIELDS), max_size=4),
        st.sampled_from(BODIES) | st.binary(max_size=20),
    )
    @settings(max_examples=150, deadline=None)
    def call(status: str, fields: list[str], body: bytes) -> None:
        nonlocal said
        said = "\r\n".join([status, *fields]).encode("latin-1") + b"\r\n\r\n" + body

        failure, _ = failed(server)

        assert failure.message

    with serving(answer) as server:
        call()
