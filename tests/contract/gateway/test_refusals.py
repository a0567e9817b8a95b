"""What the gateway refuses by itself is refused as the API does it; nothing that a client sends is a server's error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.servers import run_gateway
from tests.hostile.client import sent
from tests.hostile.entries import HEADERS, REFUSED_HEADERS
from tests.hostile.transports import TORN, TRANSPORTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.gateway.conftest import FakeFunction
    from tests.hostile.client import Reply
    from tests.hostile.row import Headers, Transport

#: Without those that end in the middle: the gateway waits for the rest.
WHOLE = [one for one in TRANSPORTS if 0 not in one.statuses]
UNREADABLE_CHUNKS = [one for one in TORN if "chunk" in one.name and one.data.endswith(b"0\r\n\r\n")]


@pytest.fixture(scope="module")
def gateway_with_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("web")
    (folder / "index.html").write_text("the page")
    with run_gateway("http://127.0.0.1:1", "http://127.0.0.1:1", str(folder)) as url:
        yield url


def error_code(reply: Reply) -> str:
    """The code of a refusal in the API's form; fails the test on anything else."""
    answer = reply.json()
    assert answer is not None, reply
    assert (answer["success"], set(answer["error"])) == (False, {"code", "message", "details"})
    assert reply.headers["content-type"].startswith("application/json")
    assert len(reply.headers["x-request-id"]) == 36
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"
    code: str = answer["error"]["code"]
    return code


def request(
    target: str = "/api/executions", *, method: str = "GET", headers: Headers = (), host: str = "gateway.test"
) -> bytes:
    given = [*headers, *(one for one in (("Host", host), ("Connection", "close")) if one[0] not in dict(headers))]
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given)
    return head.encode("latin-1") + b"\r\n"


@pytest.mark.parametrize("transport", [pytest.param(one, id=one.name) for one in [*WHOLE, *UNREADABLE_CHUNKS]])
def test_what_is_no_http_is_passed_on_or_malformed(gateway: str, status: FakeFunction, transport: Transport) -> None:
    data = transport.data.replace(b"METHOD", b"GET").replace(b"PATH", b"/api/executions")

    reply = sent(gateway, data, half_closed=False)

    if reply.status == 200 and status.seen:
        return
    assert (reply.status, error_code(reply)) in [(400, "MALFORMED_REQUEST"), (404, "NOT_FOUND")]


@pytest.mark.parametrize(
    "headers", [pytest.param(one, id=name) for name, one in (HEADERS | REFUSED_HEADERS).items()]
)  # fmt: skip
def test_odd_headers_pass_to_the_function(gateway: str, headers: Headers) -> None:
    reply = sent(gateway, request(headers=headers), half_closed=False)

    assert reply.json() == {"function": "status"}


@pytest.mark.parametrize(
    ("sent_target", "passed"),
    [
        ("http://evil.test/api/executions?a=%20", "/api/executions?a=%20"),
        ("https://user:word@evil.test:99/api/executions", "/api/executions"),
        ("/api/executions%0d%0aSet-Cookie:a=b", "/api/executions%0d%0aSet-Cookie:a=b"),
        ("/api/%2e%2e/x", "/api/%2e%2e/x"),
        ("/api//x", "/api//x"),
    ],
)
def test_odd_targets_pass_as_they_are_without_their_host(
    gateway: str, status: FakeFunction, sent_target: str, passed: str
) -> None:
    reply = sent(gateway, request(sent_target), half_closed=False)

    assert (reply.status, status.last.target) == (200, passed)


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("GET", "/nowhere", "NOT_FOUND"),
        ("GET", "/" + "a" * 5000, "NOT_FOUND"),
        ("GET", "/%00", "NOT_FOUND"),
        ("GET", "/a%0ab", "NOT_FOUND"),
        ("GET", "http://evil.test//api/executions", "NOT_FOUND"),
        ("CONNECT", "evil.test:443", "NOT_FOUND"),
        ("POST", "/nowhere", "NOT_FOUND"),
        ("GET", "/api/" + "a" * 9000, "MALFORMED_REQUEST"),
        ("GET", "http://evil.test:99999/api/executions", "MALFORMED_REQUEST"),
        ("get", "/api/executions", "MALFORMED_REQUEST"),
        ("BREW", "/api/executions", "MALFORMED_REQUEST"),
    ],
)
def test_what_leads_to_no_function_is_told_in_the_api_s_words(
    gateway: str, gateway_with_page: str, method: str, target: str, code: str
) -> None:
    for address in (gateway, gateway_with_page):
        reply = sent(address, request(target, method=method), half_closed=False)

        assert error_code(reply) == code
        assert reply.status < 500


@pytest.mark.parametrize("host", ["", "...", "[::1", "a:b:c", "a:99999", "\xff", "<script>", "a" * 5000])
def test_the_help_does_not_repeat_an_odd_host(gateway: str, host: str) -> None:
    reply = sent(gateway, request("/", host=host), half_closed=False)

    assert reply.status == 200
    assert f"curl -s {gateway}/api/".encode() in reply.body


def test_a_refusal_leaves_no_stack_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with run_gateway("http://127.0.0.1:1", "http://127.0.0.1:1") as gateway:
        replies = [
            sent(gateway, data, half_closed=False)
            for data in (b"\x00\xff\r\n\r\n", request("*"), request(headers=(("Content-Length", "x"),)))
        ]

    assert {error_code(reply) for reply in replies} == {"MALFORMED_REQUEST"}
    assert capfd.readouterr() == ("", "")
