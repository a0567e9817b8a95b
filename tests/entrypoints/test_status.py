"""An execution is watched: how it stands, its results in pages, what changed, and everything as lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Unavailable
from imagefactory.domain.result import FailureCode
from imagefactory.testing import Moment, a_failure
from tests.entrypoints.apps import WORKFLOW
from tests.entrypoints.function import LIGHTHOUSE, NOBODY_HAS, data_of, error_of, execution_of

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory

REFUSED = a_failure(FailureCode.CONTENT_BLOCKED, retryable=False, provider_status=200, provider_reason="IMAGE_SAFETY")


def test_the_answer_has_every_key_of_the_contract_and_no_other(
    submit: Function, status: Function, factory: Factory
) -> None:
    factory.model.script = {"a harbour": [REFUSED]}
    execution_id = execution_of(submit, metadata={"project": "postcards"})
    factory.work(deliveries=2)

    data = data_of(status.get(f"/api/executions/{execution_id}"))

    assert len(data.pop("batch_results")) == 3
    assert data.pop("next_since")
    assert data == {
        "id": execution_id,
        "workflow_id": WORKFLOW["id"],
        "status": "processing",
        "progress": 66,
        "model": "gemini-3.1-flash-lite-image",
        "aspect_ratio": "1:1",
        "resolution": "1K",
        "metadata": {"project": "postcards"},
        "counts": {
            "total": 3,
            "pending": 1,
            "processing": 0,
            "completed": 1,
            "failed": 0,
            "blocked": 1,
            "cancelled": 0,
        },
        "cost_usd": 0.0336,
        "estimated_seconds_left": 31,
        "poll_after_ms": 2000,
        "created_at": "2026-11-22T12:00:00.000Z",
        "started_at": "2026-11-22T12:00:00.000Z",
        "completed_at": None,
        "expires_at": "2026-12-22T12:00:00.000Z",
        "next_cursor": None,
        "has_more": False,
    }


def test_each_kind_of_result_has_the_keys_that_belong_to_it(
    submit: Function, status: Function, factory: Factory
) -> None:
    factory.model.script = {"a harbour": [REFUSED]}
    execution_id = execution_of(submit)
    factory.work(deliveries=2)

    data = data_of(status.get(f"/api/executions/{execution_id}"))

    completed, blocked, pending = data["batch_results"]
    assert completed == {
        "batch_index": 0,
        "custom_id": None,
        "status": "completed",
        "prompt_text": "a lighthouse",
        "attempts": 1,
        "result_url": completed["result_url"],
        "result_url_expires_at": "2026-11-22T13:00:00.000Z",
        "content_type": "image/png",
        "width": 1024,
        "height": 1024,
        "bytes": 14,
        "cost_usd": 0.0336,
        "processing_time_ms": 0,
        "model_version": None,
        "response_id": None,
        "tokens": {"image": 0, "text": 0, "input": 0},
        "warnings": [],
    }
    assert blocked == {
        "batch_index": 1,
        "custom_id": None,
        "status": "blocked",
        "prompt_text": "a harbour",
        "attempts": 1,
        "processing_time_ms": 0,
        "error": {
            "code": "CONTENT_BLOCKED",
            "message": REFUSED.message,
            "retryable": False,
            "provider_status": 200,
            "provider_reason": "IMAGE_SAFETY",
        },
    }
    assert pending == {
        "batch_index": 2,
        "custom_id": None,
        "status": "pending",
        "prompt_text": "a gull",
        "attempts": 0,
    }


def test_an_ended_execution_says_so_and_asks_for_no_further_poll(
    submit: Function, status: Function, factory: Factory
) -> None:
    execution_id = execution_of(submit)
    factory.work()

    data = data_of(status.get(f"/api/executions/{execution_id}"))

    assert (data["status"], data["progress"], data["poll_after_ms"]) == ("completed", 100, None)
    assert (data["estimated_seconds_left"], data["completed_at"]) == (None, "2026-11-22T12:00:02.000Z")


def test_an_unchanged_execution_is_not_sent_again(submit: Function, status: Function, factory: Factory) -> None:
    execution_id = execution_of(submit)
    first = status.get(f"/api/executions/{execution_id}")

    again = status.get(f"/api/executions/{execution_id}", headers={"If-None-Match": first.headers["ETag"]})
    weak = status.get(f"/api/executions/{execution_id}", headers={"If-None-Match": f"W/{first.headers['ETag']}"})
    factory.work(deliveries=1)
    changed = status.get(f"/api/executions/{execution_id}", headers={"If-None-Match": first.headers["ETag"]})

    for unchanged in (again, weak):
        assert (unchanged.status_code, unchanged.get_data()) == (304, b"")
        assert unchanged.headers["ETag"] == first.headers["ETag"]
        assert unchanged.headers["X-Request-Id"]
    assert (changed.status_code, changed.headers["ETag"] != first.headers["ETag"]) == (200, True)


def test_lines_hold_every_prompt_in_input_order_whatever_became_of_it(
    submit: Function, status: Function, factory: Factory
) -> None:
    factory.model.script = {"a harbour": [REFUSED]}
    prompts = [{"prompt": text, "custom_id": text[-1]} for text in ("a lighthouse", "a harbour", "ein Bötchen")]
    execution_id = execution_of(submit, prompts_text=None, prompts=prompts)
    factory.work(deliveries=2)

    answer = status.get(f"/api/executions/{execution_id}/results.jsonl")

    found = [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]
    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson")
    assert "Content-Length" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-Id"]
    assert [(one["batch_index"], one["custom_id"], one["status"]) for one in found] == [
        (0, "e", "completed"),
        (1, "r", "blocked"),
        (2, "n", "pending"),
    ]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ({}, "application/x-ndjson"),
        ({"Accept": "*/*"}, "application/x-ndjson"),
        ({"Accept": "application/json, text/plain, */*"}, "application/x-ndjson"),
        ({"Accept": "image/png"}, "application/x-ndjson"),
        ({"Accept": "text/plain"}, "text/plain"),
        ({"Accept": "text/plain, application/x-ndjson;q=0.5"}, "text/plain"),
    ],
)
def test_lines_are_plain_text_for_whoever_prefers_it(
    submit: Function, status: Function, accept: dict[str, str], media_type: str
) -> None:
    answer = status.get(f"/api/executions/{execution_of(submit)}/results.jsonl", headers=accept)

    assert (answer.mimetype, len(answer.get_data(as_text=True).splitlines())) == (media_type, 3)


def test_lines_of_a_large_execution_are_complete(submit: Function, status: Function) -> None:
    execution_id = execution_of(submit, prompts_text="\n".join(f"prompt {n}" for n in range(1201)))

    answer = status.get(f"/api/executions/{execution_id}/results.jsonl")

    found = [json.loads(line)["batch_index"] for line in answer.get_data(as_text=True).splitlines()]
    assert found == list(range(1201))


@pytest.mark.parametrize("rest", ["", "/results.jsonl", "?since=WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgbnVsbCwgIiJd"])
def test_an_execution_of_another_user_does_not_exist(submit: Function, status: Function, rest: str) -> None:
    execution_id = execution_of(submit)

    theirs = status.get(f"/api/executions/{execution_id}{rest}", user="bob")
    nobodys = status.get(f"/api/executions/{NOBODY_HAS}{rest}", user="bob")

    assert (
        error_of(theirs, 404, "NOT_FOUND")["message"].replace(execution_id, NOBODY_HAS)
        == (error_of(nobodys, 404, "NOT_FOUND")["message"])
    )


def test_anothers_validator_reveals_nothing(submit: Function, status: Function) -> None:
    execution_id = execution_of(submit)
    etag = status.get(f"/api/executions/{execution_id}").headers["ETag"]

    answer = status.get(f"/api/executions/{execution_id}", user="bob", headers={"If-None-Match": etag})

    error_of(answer, 404, "NOT_FOUND")


def test_ids_are_taken_in_capitals_too(submit: Function, status: Function) -> None:
    execution_id = execution_of(submit)

    answer = status.get(f"/api/executions/{execution_id.upper()}")

    assert data_of(answer)["id"] == execution_id


def test_a_head_request_gets_the_headers_alone(submit: Function, status: Function) -> None:
    execution_id = execution_of(submit)

    answer = status.ask("HEAD", f"/api/executions/{execution_id}")

    assert (answer.status_code, answer.get_data()) == (200, b"")
    assert answer.headers["ETag"]


def test_a_store_that_is_down_is_told_as_such(submit: Function, status: Function, factory: Factory) -> None:
    execution_id = execution_of(submit)
    factory.faults.fail("executions.read_progress", Moment.BEFORE, Unavailable("down"))

    answer = status.get(f"/api/executions/{execution_id}")

    error_of(answer, 503, "UNAVAILABLE")
    assert answer.headers["Retry-After"] == "5"


def test_no_answer_holds_the_key(submit: Function, status: Function, factory: Factory) -> None:
    execution_id = execution_of(submit, api_key="AIza-very-secret")
    factory.work(deliveries=1)

    answers = [
        status.get(path)
        for path in (
            "/api/executions",
            f"/api/executions/{execution_id}",
            f"/api/executions/{execution_id}/results.jsonl",
        )
    ]

    assert LIGHTHOUSE["api_key"] != "AIza-very-secret"
    assert not any("AIza-very-secret" in answer.get_data(as_text=True) for answer in answers)
