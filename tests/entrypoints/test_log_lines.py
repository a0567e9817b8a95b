"""What an operator finds in the log of each request: its lines' severity and fields, by which they are searched."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from imagefactory.domain.errors import Unavailable
from imagefactory.testing import Moment
from tests.entrypoints.apps import GENERATE_URL, SERVICE_ACCOUNT
from tests.entrypoints.function import NOBODY_HAS, execution_of

if TYPE_CHECKING:
    from tests.entrypoints.apps import HttpFactory
    from tests.entrypoints.function import Function
    from tests.entrypoints.issuer import Issuer

ID = {"X-Request-Id": "r-1"}
TRACE = "105445aa7843bc8bf206b12000100000"
ROUND = {"since": "2026-11-22T12:00:00+00:00", "round": 3, "seen": "", "idle": 0}


@pytest.fixture
def queue(issuer: Issuer) -> dict[str, str]:
    """The headers that the queue sends."""
    token = issuer.token(aud=GENERATE_URL, sub="1", email=SERVICE_ACCOUNT, email_verified=True)
    return {"Authorization": f"Bearer {token}"} | ID


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """All lines, without where an exception came from and how long a request took."""
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in found:
        assert line.pop("stack", True)
        assert line.pop("request_id") == "r-1"
        assert 0 <= line.pop("milliseconds", 0) < 60_000
    return found


def asked(method: str, status: int) -> dict[str, Any]:
    return {"severity": "INFO", "message": "request", "method": method, "status": status}


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/api/executions", 200), ("GET", "/nowhere", 404), ("X" * 30, "/api/executions", 405)],
)
def test_a_request_is_a_line(
    status: Function, capsys: pytest.CaptureFixture[str], method: str, path: str, code: int
) -> None:
    status.ask(method, path, headers=ID)

    assert lines(capsys) == [asked(method[:20], code)]


def test_a_request_that_takes_time_says_how_much(
    status: Function, factory: HttpFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    factory.faults.hook = lambda _: time.sleep(0.05)

    status.get("/api/executions", headers=ID)

    [line] = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    assert 100 <= line["milliseconds"] < 10_000


@pytest.mark.parametrize("header", [TRACE, f"{TRACE}/1;o=1", TRACE.upper()])
def test_a_request_of_a_trace_is_found_by_it(status: Function, capsys: pytest.CaptureFixture[str], header: str) -> None:
    status.get("/nowhere", headers=ID | {"X-Cloud-Trace-Context": header})

    [line] = lines(capsys)
    assert line.pop("logging.googleapis.com/trace").lower() == f"projects/image-factory-test/traces/{TRACE}"
    assert line == asked("GET", 404)


@pytest.mark.parametrize("header", ["", "x", TRACE[:-1], f"{TRACE}x", f"x{TRACE}"])
def test_a_trace_that_is_none_is_left_out(status: Function, capsys: pytest.CaptureFixture[str], header: str) -> None:
    status.get("/nowhere", headers=ID | {"X-Cloud-Trace-Context": header})

    assert lines(capsys) == [asked("GET", 404)]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Unavailable("down"), ("a service is unavailable", 503)),
        (ZeroDivisionError("oh"), ("the request failed", 500)),
    ],
)
def test_what_fails_is_a_line_of_its_own(
    status: Function,
    factory: HttpFactory,
    capsys: pytest.CaptureFixture[str],
    failure: Exception,
    expected: tuple[str, int],
) -> None:
    factory.faults.fail("executions.list_by_user", Moment.BEFORE, failure)

    status.get("/api/executions", headers=ID)

    event, code = expected
    assert lines(capsys) == [
        {"severity": "ERROR", "message": event, "exception": type(failure).__name__},
        asked("GET", code),
    ]


def test_an_attempt_is_found_by_its_execution_and_its_prompt(
    submit: Function, generate: Function, queue: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    execution_id = execution_of(submit)
    capsys.readouterr()

    generate.post("/", user=None, headers=queue, json={"execution_id": execution_id, "batch_index": 1, "attempt": 1})

    assert lines(capsys) == [
        {
            "severity": "INFO",
            "message": "task done",
            "execution_id": execution_id,
            "batch_index": 1,
            "outcome": "COMPLETED",
        },
        asked("POST", 200),
    ]


def test_a_round_of_a_watchdog_is_found_by_its_execution(
    generate: Function, queue: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    generate.post("/", user=None, headers=queue, json={"execution_id": NOBODY_HAS, "watch": ROUND})

    assert lines(capsys) == [
        {
            "severity": "INFO",
            "message": "watchdog check done",
            "execution_id": NOBODY_HAS,
            "result": "WAITING",
            "round": 3,
        },
        asked("POST", 200),
    ]


def test_an_outage_that_the_queue_shall_outlast_is_an_error(
    submit: Function,
    generate: Function,
    factory: HttpFactory,
    queue: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    execution_id = execution_of(submit)
    capsys.readouterr()
    factory.faults.fail("executions.load", Moment.BEFORE, Unavailable("down"))

    generate.post("/", user=None, headers=queue, json={"execution_id": execution_id, "batch_index": 0, "attempt": 1})

    assert lines(capsys) == [
        {"severity": "ERROR", "message": "a service is unavailable", "exception": "Unavailable"},
        asked("POST", 500),
    ]
