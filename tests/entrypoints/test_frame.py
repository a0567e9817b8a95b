"""What every request has in common: routes, methods, sizes, request ids, pages of other origins, the envelope."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain import errors
from tests.entrypoints.apps import WORKFLOW
from tests.entrypoints.function import (
    EXECUTE,
    LIGHTHOUSE,
    NOBODY_HAS,
    data_of,
    error_of,
    faults_of,
)

if TYPE_CHECKING:
    from tests.entrypoints.function import Function

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PADDED = json.dumps(LIGHTHOUSE).encode()


def test_the_list_of_error_codes_is_closed() -> None:
    refusals = {kind.code: kind.status for kind in errors.ClientError.__subclasses__()}

    assert refusals == {
        "MALFORMED_REQUEST": 400,
        "VALIDATION_FAILED": 400,
        "UNAUTHENTICATED": 401,
        "NOT_FOUND": 404,
        "METHOD_NOT_ALLOWED": 405,
        "STILL_ACCEPTING": 409,
        "NOTHING_TO_RETRY": 409,
        "PAYLOAD_TOO_LARGE": 413,
        "UNSUPPORTED_MEDIA_TYPE": 415,
        "IDEMPOTENCY_KEY_REUSED": 422,
        "TOO_MANY_IN_FLIGHT": 429,
    }
    assert (errors.Unavailable.code, errors.Unavailable.status) == ("UNAVAILABLE", 503)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/executions/",
        f"/api/executions/{NOBODY_HAS}/",
        "/api/executions/1",
        "/api/executions/..%2f..%2fetc%2fpasswd",
        f"/api/executions/{NOBODY_HAS}%00",
        f"/api/executions/{NOBODY_HAS}/results.json",
        f"/api/executions/{NOBODY_HAS}/results.jsonl/..",
        f"/api/executions/{NOBODY_HAS[:-1]}é",
        f"/api/executions/{NOBODY_HAS[:-1]}",
        "/api/executions/%ff%fe",
        "/api/executions/" + "a" * 5000,
        "/API/EXECUTIONS",
        "/%2e%2e/api/executions",
        "//api/executions",
        "/<script>alert(1)</script>",
    ],
)
def test_a_path_that_leads_nowhere_is_not_found(status: Function, path: str) -> None:
    answer = status.get(path)

    error = error_of(answer, 404, "NOT_FOUND")
    assert len(error["message"]) < 300
    assert "Location" not in answer.headers


def test_a_path_with_a_line_break_leads_nowhere_too(status: Function) -> None:
    answer = status.get(f"/api/executions/{NOBODY_HAS}%0d%0aSet-Cookie:%20a=b")

    error_of(answer, 404, "NOT_FOUND")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_the_framework_adds_no_path_of_its_own(status: Function, method: str) -> None:
    error_of(status.ask(method, "/static/page.html"), 404, "NOT_FOUND")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_another_method_is_refused_with_those_that_are_taken(status: Function, method: str) -> None:
    answer = status.ask(method, f"/api/executions/{NOBODY_HAS}")

    error_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "path", [EXECUTE, f"/api/executions/{NOBODY_HAS}/cancel", f"/api/executions/{NOBODY_HAS}/retry"]
)
def test_what_changes_something_takes_post_alone(submit: Function, path: str) -> None:
    answer = submit.get(path)

    error_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/mixed"]
)
def test_another_content_type_is_refused(submit: Function, content_type: str) -> None:
    answer = submit.post(EXECUTE, data=PADDED, content_type=content_type)

    error_of(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_a_content_type_may_be_written_in_any_case_and_have_parameters(submit: Function, content_type: str) -> None:
    data_of(submit.post(EXECUTE, data=PADDED, content_type=content_type), 202)


def test_every_answer_has_a_request_id_of_its_own(status: Function) -> None:
    first, second = status.get("/api/executions"), status.get("/nowhere")

    ids = [answer.headers["X-Request-Id"] for answer in (first, second)]
    assert all(UUID.fullmatch(one) for one in ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize("asked", ["a", "Order_66.b-2", "x" * 128])
def test_a_well_formed_request_id_is_echoed_and_logged(
    status: Function, asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = status.get("/api/executions", headers={"X-Request-Id": asked})

    assert answer.headers["X-Request-Id"] == asked
    assert json.loads(capsys.readouterr().out)["request_id"] == asked


@pytest.mark.parametrize("asked", ["", " ", "a b", "ä", "x" * 129, "a;b", '"', "<script>", "a\tb", "{}"])
def test_any_other_request_id_is_replaced(status: Function, asked: str) -> None:
    answer = status.get("/api/executions", headers={"X-Request-Id": asked})

    assert UUID.fullmatch(answer.headers["X-Request-Id"])


def test_the_log_has_one_line_a_request_with_its_trace(status: Function, capsys: pytest.CaptureFixture[str]) -> None:
    trace = "105445aa7843bc8bf206b12000100000"

    status.get("/api/executions", headers={"X-Cloud-Trace-Context": f"{trace}/1;o=1"})
    status.get("/api/executions", headers={"X-Cloud-Trace-Context": "nonsense"})

    traced, other = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert traced["logging.googleapis.com/trace"] == f"projects/image-factory-test/traces/{trace}"
    assert (traced["severity"], traced["message"], traced["method"], traced["status"]) == (
        "INFO",
        "request",
        "GET",
        200,
    )
    assert "logging.googleapis.com/trace" not in other


@pytest.mark.parametrize("path", ["/api/executions", f"/api/workflows/{WORKFLOW['id']}", "/nowhere"])
def test_answers_are_neither_kept_nor_guessed_at(status: Function, path: str) -> None:
    answer = status.get(path)

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype == "application/json"


def test_details_of_a_fault_without_a_place_have_no_index(submit: Function) -> None:
    answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"model": "x", "prompts_text": "no"})

    assert faults_of(answer) == [("prompts", 0), ("model", None)]
    details = error_of(answer, 400, "VALIDATION_FAILED")["details"]
    assert [set(detail) for detail in details] == [{"field", "message", "index"}, {"field", "message"}]


def test_text_beyond_ascii_is_sent_as_it_is(submit: Function) -> None:
    answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"model": "größer"})

    assert "“größer”" in answer.get_data().decode()
