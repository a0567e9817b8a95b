"""Clients that send slowly: how long they hold a thread of a server that reads from blocking sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from flask import Blueprint, Response, request
from werkzeug.test import EnvironBuilder

from imagefactory.api.app import create_app
from imagefactory.api.body import stream
from imagefactory.api.body.requests import read_json
from imagefactory.api.body.stream import BodyLimits, RequestBody
from imagefactory.api.errors import Unauthenticated
from imagefactory.api.responses import success

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 0.2
#: How much later than that a busy machine may be.
PATIENCE = 10.0


class Line:
    """A connection whose one end sends a body now and then; the other is read as gunicorn reads it, until a size."""

    def __init__(self) -> None:
        # Closing the reading half of a Unix socket would break the other end; these are what functions have.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname())
            self.server, _ = listener.accept()
        self._file = self.server.makefile("rb")
        self._over = threading.Event()
        self._sender = threading.Thread(target=self._send)

    def environ(self, **changes: Any) -> dict[str, Any]:
        environ = EnvironBuilder(method="POST").get_environ()
        sent = {"CONTENT_LENGTH": "100000", "CONTENT_TYPE": "application/json"}
        as_gunicorn = {"wsgi.input": self._file, "wsgi.input_terminated": True, "gunicorn.socket": self.server}
        return environ | sent | as_gunicorn | changes

    def drip(self) -> None:
        self._sender.start()

    def _send(self) -> None:
        while not self._over.wait(0.02):
            self.client.sendall(b" ")

    def close(self) -> None:
        self._over.set()
        if self._sender.ident:
            self._sender.join()
        self._file.close()
        self.client.close()
        self.server.close()


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


def reading() -> Response:
    return success(read_json(request))


def refusing() -> Response:
    raise Unauthenticated


def ask(line: Line, handler: Any) -> tuple[int, str, float]:
    """What an application with this route answers: the status, the message, and after how many seconds."""
    routes = Blueprint("routes", __name__)
    routes.post("/")(handler)
    app = create_app(routes, "project")
    started = time.monotonic()
    answer = Response.from_app(BodyLimits(app), line.environ())
    body = json.loads(answer.get_data())
    return answer.status_code, body["error"]["message"], time.monotonic() - started


def test_a_body_that_drips_is_given_up_and_answered(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BODY_SECONDS", SOON)
    line.drip()

    status, message, seconds = ask(line, reading)

    assert (status, message) == (400, "The body had not arrived after 0 s.")
    assert SOON <= seconds < SOON + PATIENCE
    line.server.sendall(b"HTTP/1.1 400 BAD REQUEST\r\n")
    assert line.client.recv(8) == b"HTTP/1.1"


def test_whoever_is_refused_holds_a_thread_for_less_whatever_they_send(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "REST_SECONDS", SOON)
    line.drip()

    status, _, seconds = ask(line, refusing)

    assert status == 401
    assert SOON <= seconds < SOON + PATIENCE


def test_a_body_of_which_nothing_comes_is_given_up_too(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BODY_SECONDS", SOON)

    status, _, seconds = ask(line, reading)

    assert status == 400
    assert seconds < SOON + PATIENCE


def test_a_body_that_is_cut_is_told_from_a_late_one(line: Line) -> None:
    line.client.sendall(b"{}")
    line.client.shutdown(socket.SHUT_WR)

    status, message, _ = ask(line, reading)

    assert (status, message) == (400, "The body ended before it was whole.")


def test_a_connection_whose_body_has_arrived_is_left_alone(line: Line) -> None:
    body_stream = RequestBody(line.environ(CONTENT_LENGTH="2"))
    line.client.sendall(b"{}")

    with body_stream.within(SOON):
        body = body_stream.read(2)
        while not body_stream.is_late:
            time.sleep(0.01)

    assert body == b"{}"
    assert body_stream.read(2) == b""
    line.client.sendall(b"GET / HTTP/1.1\r\n")
    assert line.server.recv(3) == b"GET"


def test_a_request_without_a_body_needs_no_timer(line: Line) -> None:
    body_stream = RequestBody(line.environ(CONTENT_LENGTH=""))
    before = threading.active_count()

    with body_stream.within(SOON):
        during = threading.active_count()

    assert during == before


def test_a_client_that_has_gone_meanwhile_is_waited_for_no_longer(line: Line) -> None:
    body_stream = RequestBody(line.environ(CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"))
    threading.Timer(SOON, line.client.close).start()

    with body_stream.within(PATIENCE):
        rest = body_stream.read(100)

    assert (rest, body_stream.is_late) == (b"", False)


def test_a_server_that_hides_its_socket_is_read_to_the_next_pause(line: Line) -> None:
    environ = line.environ()
    del environ["gunicorn.socket"]
    body_stream = RequestBody(environ)
    threading.Timer(2 * SOON, line.client.sendall, (b"late",)).start()

    with body_stream.within(SOON):
        first, then = body_stream.read(4), body_stream.read(4)

    assert (first, then) == (b"late", b"")
