from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from imagefactory.adapters.gemini.deadline import DeadlineAdapter, TimedCall
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.result import FailureCode
from tests.unit.gemini.calling import ANSWER, IMAGE, KEY, REQUEST, a_model, failed, made
from tests.unit.gemini.server import answering, answering_json, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagefactory.adapters.gemini import GeminiModel

#: Seconds that a test may take beyond the deadline it is about.
SLACK = 0.4


def drip(head: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    """A server that always says something, and never enough."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(piece)
            time.sleep(0.05)

    return answer


def silent_after(head: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        connection.recv(1)

    return answer


class TestTheDeadline:
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(silent_after(b""), id="silent from the start"),
            pytest.param(silent_after(b"HTTP/1.1 200 OK\r\n"), id="silent in the head"),
            pytest.param(silent_after(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), id="silent in the body"),
            pytest.param(
                silent_after(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"), id="silent in a body without a length"
            ),
            pytest.param(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "), id="drips the body"),
            pytest.param(
                drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"), id="drips chunks"
            ),
            pytest.param(drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"), id="drips the head"),
            pytest.param(drip(b"HTTP/1.1 500 Oops\r\nContent-Length: 9999\r\n\r\n", b" "), id="drips an error"),
        ],
    )
    def test_holds_whatever_the_server_does(self, answer: Callable[[socket.socket], None]) -> None:
        with serving(answer) as server:
            failure, seconds = failed(server, timeout=0.3)

        assert (failure.code, failure.retryable) == (FailureCode.TIMEOUT, True)
        assert 0.25 < seconds < 0.3 + SLACK

    def test_holds_on_a_connection_that_is_used_again(self) -> None:
        answers = iter([answering_json(ANSWER), silent_after(b"")])

        def answer(connection: socket.socket) -> None:
            next(answers)(connection)

        with serving(answer) as server, a_model(server) as model:
            made(model, 5)
            began = time.monotonic()
            with pytest.raises(AttemptFailed) as attempt:
                made(model, 0.3)
            seconds = time.monotonic() - began

        assert attempt.value.failure.code is FailureCode.TIMEOUT
        assert seconds < 0.3 + SLACK

    def test_of_one_call_leaves_the_others_alone(self) -> None:
        def answer(connection: socket.socket) -> None:
            time.sleep(0.5)
            answering_json(ANSWER)(connection)

        def outcome(model: GeminiModel, timeout: float) -> str:
            try:
                return made(model, timeout).content_type
            except AttemptFailed as attempt:
                return attempt.failure.code.value

        with serving(answer) as server, a_model(server) as model, ThreadPoolExecutor(6) as threads:
            outcomes = list(threads.map(outcome, [model] * 6, [0.2, 5, 0.2, 5, 5, 0.2]))

        assert outcomes == ["TIMEOUT", "image/png", "TIMEOUT", "image/png", "image/png", "TIMEOUT"]

    def test_leaves_no_thread_behind(self) -> None:
        with serving(answering_json(ANSWER)) as server, a_model(server) as model:
            made(model, 600)
            time.sleep(0.05)

        assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_no_more_answers_are_in_use_at_once_than_the_gate_lets_through() -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    def use(model: GeminiModel) -> bytes:
        nonlocal inside, most
        with model.generate(REQUEST, KEY, 5) as generated:
            with lock:
                inside += 1
                most = max(most, inside)
            # The time that opening and storing the image take.
            time.sleep(0.1)
            with lock:
                inside -= 1
            return generated.data

    with (
        serving(answering_json(ANSWER)) as server,
        a_model(server, max_decodes=2) as model,
        ThreadPoolExecutor(6) as threads,
    ):
        images = list(threads.map(use, [model] * 6))

    assert images == [IMAGE] * 6
    assert most == 2


class TestADeadlineByItself:
    def test_that_passes_before_there_is_a_connection_shuts_the_first_one(self) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            call = TimedCall(seconds=0)
            call.end()
            call.uses(ours)

            assert theirs.recv(1) == b""
        assert call.is_over

    def test_that_passes_when_the_call_is_over_leaves_its_connection_alone(self) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            call = TimedCall(seconds=60)
            call.uses(ours)
            call.leave()
            call.end()

            ours.sendall(b"x")
            assert theirs.recv(1) == b"x"

    def test_is_not_needed_to_use_the_connection(self) -> None:
        with serving(answering(b"ok")) as server, requests.Session() as session:
            session.mount("http://", DeadlineAdapter())
            session.trust_env = False

            assert session.get(server.url, timeout=5).content == b"ok"
