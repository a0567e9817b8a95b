"""The gateway sends each request to its function, changes nothing on the way, and says so when a function is down."""

from __future__ import annotations

import gzip
import http.client
import os
import socket
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from http.server import BaseHTTPRequestHandler

    from tests.contract.gateway.conftest import FakeFunction

    Starter = Callable[..., AbstractContextManager[str]]


@pytest.mark.parametrize(
    ("method", "path", "owner"),
    [
        ("POST", "/api/workflows/f8b20b59/execute", "submit"),
        ("OPTIONS", "/api/workflows/f8b20b59/execute", "submit"),
        ("GET", "/api/workflows/f8b20b59/execute", "submit"),
        ("POST", "/api/executions/123/cancel", "submit"),
        ("POST", "/api/executions/123/retry", "submit"),
        ("GET", "/api/executions/123", "status"),
        ("GET", "/api/executions", "status"),
        ("GET", "/api/executions/123/results.jsonl", "status"),
        ("GET", "/api/workflows/f8b20b59", "status"),
        ("DELETE", "/api/nothing/like/it", "status"),
        ("GET", "/api/executions/a/b/cancel", "status"),
        ("GET", "/api/executions/cancel", "status"),
    ],
)
def test_each_path_reaches_the_function_that_serves_it(gateway: str, method: str, path: str, owner: str) -> None:
    answer = requests.request(method, gateway + path, timeout=5)

    assert answer.json() == {"function": owner}


def test_no_request_is_sent_into_a_connection_that_the_function_closes(
    start_gateway: Starter, start_closing: Callable[[float], AbstractContextManager[str]]
) -> None:
    """The function closes what rests for about two seconds, as gunicorn does; clients poll at the same pace."""
    with start_closing(1.8) as function, start_gateway(function, function) as gateway:
        statuses = []
        for pause in (0.0, 0.5, 1.9, 2.0, 2.1):
            time.sleep(pause)
            statuses.append(requests.post(f"{gateway}/api/executions", data=b"{}", timeout=10).status_code)

    assert statuses == [200] * 5


def test_a_proxys_whole_address_reaches_the_function_as_its_path(gateway: str, submit: FakeFunction) -> None:
    connection = http.client.HTTPConnection(urlsplit(gateway).netloc, timeout=5)
    connection.request("POST", "http://elsewhere.test/api/workflows/a%2Fb/execute?x=%C3%A9", body=b"")

    assert connection.getresponse().status == 200
    assert submit.last.target == "/api/workflows/a%2Fb/execute?x=%C3%A9"
    connection.close()


def test_method_query_headers_and_body_arrive_as_they_were_sent(gateway: str, submit: FakeFunction) -> None:
    connection = http.client.HTTPConnection(urlsplit(gateway).netloc, timeout=5)
    connection.putrequest("POST", "/api/workflows/a%2Fb/execute?x=%C3%A9&x=2&empty=", skip_accept_encoding=True)
    sent = [
        ("Authorization", "Bearer t"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
        ("Cookie", "a=b"),
        ("Content-Length", "4"),
    ]
    for name, value in sent:
        connection.putheader(name, value)
    connection.endheaders(b"\x00\xff\r\n")

    connection.getresponse().read()
    connection.close()

    assert (submit.last.method, submit.last.body) == ("POST", b"\x00\xff\r\n")
    assert submit.last.target == "/api/workflows/a%2Fb/execute?x=%C3%A9&x=2&empty="
    assert sorted(submit.last.headers) == sorted([("Host", urlsplit(gateway).netloc), *sent])


def test_headers_of_one_connection_stay_on_it(gateway: str, status: FakeFunction) -> None:
    headers = {"Connection": "keep-alive, X-Mine", "X-Mine": "1", "TE": "trailers", "Upgrade": "h2c", "X-Theirs": "1"}

    requests.get(f"{gateway}/api/executions", headers=headers, timeout=5)

    names = {name.lower() for name, _ in status.last.headers}
    assert "x-theirs" in names
    assert names.isdisjoint({"x-mine", "te", "upgrade", "keep-alive"})


def test_status_headers_and_body_come_back_as_they_were_answered(gateway: str, status: FakeFunction) -> None:
    body = gzip.compress(b'{"success": false}')
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
        ("ETag", '"abc"'),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Server", "function"),
        ("Date", "Sun, 22 Nov 2026 16:00:00 GMT"),
    ]
    status.answers(418, body, headers)
    connection = http.client.HTTPConnection(urlsplit(gateway).netloc, timeout=5)

    connection.request("GET", "/api/executions/1")
    answer = connection.getresponse()
    content = answer.read()
    connection.close()

    assert (answer.status, content) == (418, body)
    assert sorted(answer.getheaders()) == sorted([*headers, ("Content-Length", str(len(body)))])


@pytest.mark.parametrize("code", [301, 404, 405, 409, 413, 422, 500, 503])
def test_a_function_s_status_code_is_the_caller_s(gateway: str, status: FakeFunction, code: int) -> None:
    status.answers(code, b"x", [("Location", "/elsewhere")])

    answer = requests.get(f"{gateway}/api/executions/1", timeout=5, allow_redirects=False)

    assert (answer.status_code, answer.content) == (code, b"x")


def test_an_answer_without_a_body_stays_without_one(gateway: str, status: FakeFunction) -> None:
    def not_modified(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(304)
        handler.send_header("ETag", '"abc"')
        handler.end_headers()

    status.answer = not_modified
    with requests.Session() as session:
        first = session.get(f"{gateway}/api/executions/1", headers={"If-None-Match": '"abc"'}, timeout=5)
        second = session.get(f"{gateway}/api/executions/1", headers={"If-None-Match": '"abc"'}, timeout=5)

    assert [(answer.status_code, answer.content, answer.headers["ETag"]) for answer in (first, second)] == [
        (304, b"", '"abc"')
    ] * 2


def test_head_tells_the_length_and_sends_nothing(gateway: str, status: FakeFunction) -> None:
    status.answers(200, b"12345", [])

    answer = requests.head(f"{gateway}/api/executions/1", timeout=5)

    assert (status.last.method, answer.headers["Content-Length"], answer.content) == ("HEAD", "5", b"")


def test_a_large_body_passes_whole(gateway: str, submit: FakeFunction) -> None:
    body = os.urandom(30 * 1024 * 1024)

    requests.post(f"{gateway}/api/workflows/1/execute", data=body, timeout=30).raise_for_status()

    assert submit.last.body == body
    assert ("Content-Length", str(len(body))) in submit.last.headers


def test_a_chunked_body_passes_whole(gateway: str, submit: FakeFunction) -> None:
    requests.post(f"{gateway}/api/workflows/1/execute", data=iter([b"one", b"two"]), timeout=5).raise_for_status()

    assert submit.last.body == b"onetwo"


def test_a_caller_that_waits_for_100_continue_gets_it(gateway: str, submit: FakeFunction) -> None:
    parts = urlsplit(gateway)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=5) as caller:
        head = "POST /api/workflows/1/execute HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        caller.sendall(head.encode())
        first = caller.recv(1000)
        caller.sendall(b"ok")
        second = caller.recv(1000)

    assert first.startswith(b"HTTP/1.1 100 ")
    assert second.startswith(b"HTTP/1.1 200 ")
    assert submit.last.body == b"ok"


def test_the_caller_sees_the_beginning_before_the_function_has_finished(gateway: str, status: FakeFunction) -> None:
    go_on = threading.Event()

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"6\r\nfirst\n\r\n")
        handler.wfile.flush()
        go_on.wait(5)
        handler.wfile.write(b"7\r\nsecond\n\r\n0\r\n\r\n")

    status.answer = slowly
    with requests.get(f"{gateway}/api/executions/1/results.jsonl", stream=True, timeout=5) as answer:
        lines = answer.iter_lines(chunk_size=1)
        first = next(lines)
        go_on.set()
        rest = list(lines)

    assert (first, rest) == (b"first", [b"second"])


def test_an_answer_that_breaks_off_breaks_off_for_the_caller_too(gateway: str, status: FakeFunction) -> None:
    def breaking_off(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"too little")
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    status.answer = breaking_off

    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        requests.get(f"{gateway}/api/executions/1", timeout=5)


def test_a_function_that_is_down_is_told_in_the_shape_of_the_api_s_errors(start_gateway: Starter) -> None:
    with start_gateway("http://127.0.0.1:1", "http://127.0.0.1:1") as gateway:
        answer = requests.get(f"{gateway}/api/executions/1", timeout=5)

    assert answer.status_code == 502
    assert answer.headers["Content-Type"].startswith("application/json")
    assert len(answer.headers["X-Request-Id"]) == 36
    content = answer.json()
    assert (content["success"], content["error"]["code"], content["error"]["details"]) == (False, "UNAVAILABLE", [])


def test_every_page_may_read_what_the_gateway_itself_says(start_gateway: Starter) -> None:
    asks = {"Origin": "http://localhost:5173"}
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with start_gateway("http://127.0.0.1:1", "http://127.0.0.1:1") as gateway:
        answers = [
            requests.request(method, gateway + path, headers=asks | headers, timeout=5)
            for path in ("/api/executions/1", "/nowhere")
            for method, headers in (("OPTIONS", preflight), ("POST", {}))
        ]

    assert [answer.status_code for answer in answers] == [204, 502, 204, 404]
    assert [answer.headers["Access-Control-Allow-Origin"] for answer in answers] == ["*"] * 4
    assert [answers[0].headers[f"Access-Control-Allow-{name}"] for name in ("Methods", "Headers")] == [
        *preflight.values()
    ]


def test_a_compressed_body_passes_as_it_came(gateway: str, submit: FakeFunction) -> None:
    body = gzip.compress(b"{}")

    for sent in (body, b"no gzip"):
        answer = requests.post(
            f"{gateway}/api/workflows/1/execute", data=sent, headers={"Content-Encoding": "gzip"}, timeout=5
        )

        assert (answer.status_code, submit.last.body) == (200, sent)


def test_many_requests_pass_at_the_same_time(gateway: str, status: FakeFunction) -> None:
    together = threading.Barrier(20)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        together.wait(5)
        handler.send_response_only(204)
        handler.end_headers()

    status.answer = answer
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(requests.get(f"{gateway}/api/executions", timeout=8).status_code))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert codes == [204] * 20
