"""What the owner of an execution may do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.entrypoints.function import (
    NOBODY_HAS,
    data_of,
    error_of,
    execution_of,
    faults_of,
)

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


def test_cancel_tells_how_the_execution_stands_and_may_be_repeated(submit: Function) -> None:
    execution_id = execution_of(submit)

    first = submit.post(f"/api/executions/{execution_id}/cancel")
    again = submit.post(f"/api/executions/{execution_id}/cancel")

    assert data_of(first) == data_of(again)
    assert (data_of(first)["status"], data_of(first)["counts"]["cancelled"]) == ("cancelled", 3)


def test_retry_runs_cancelled_results_again_with_the_key_in_the_request(submit: Function, factory: Factory) -> None:
    execution_id = execution_of(submit)
    submit.post(f"/api/executions/{execution_id}/cancel")

    answer = submit.post(f"/api/executions/{execution_id}/retry", json={"api_key": "new-key"})

    data = data_of(answer, 202)
    assert (data["retried"], data["status"], data["counts"]["pending"]) == (3, "queued", 3)
    factory.work()
    assert {call.api_key for call in factory.model.calls} == {"new-key"}


def test_retry_takes_only_what_all_its_filters_take(submit: Function) -> None:
    execution_id = execution_of(submit)
    submit.post(f"/api/executions/{execution_id}/cancel")
    filters = {"status": ["cancelled", "failed"], "batch_index": [1], "api_key": "k"}

    answer = submit.post(f"/api/executions/{execution_id}/retry", json=filters)

    assert data_of(answer, 202)["retried"] == 1


def test_retry_refuses_an_index_that_the_batch_does_not_have(submit: Function) -> None:
    execution_id = execution_of(submit)
    submit.post(f"/api/executions/{execution_id}/cancel")

    answer = submit.post(f"/api/executions/{execution_id}/retry", json={"batch_index": [1, 3], "api_key": "k"})

    problem = error_of(answer, 400, "VALIDATION_FAILED")
    assert problem["details"] == [{"field": "batch_index", "message": "3 is none of this execution's 0 to 2"}]


def test_retry_without_a_body_means_all_and_needs_the_key_once_it_was_deleted(submit: Function) -> None:
    execution_id = execution_of(submit)
    submit.post(f"/api/executions/{execution_id}/cancel")

    answer = submit.post(f"/api/executions/{execution_id}/retry")

    assert faults_of(answer) == [("api_key", None)]


def test_retry_with_nothing_to_run_is_refused(submit: Function) -> None:
    execution_id = execution_of(submit)

    answer = submit.post(f"/api/executions/{execution_id}/retry", json={"error_codes": ["TIMEOUT"]})

    error_of(answer, 409, "NOTHING_TO_RETRY")


def test_every_fault_of_a_retry_is_told_at_once(submit: Function) -> None:
    body = {
        "status": ["completed", 7],
        "error_codes": "TIMEOUT",
        "batch_index": [0, -1, True, 1.0, "2"],
        "api_key": "two words",
        "force": True,
    }

    answer = submit.post(f"/api/executions/{NOBODY_HAS}/retry", json=body)

    assert faults_of(answer) == [
        ("force", None),
        ("status", 0),
        ("status", 1),
        ("error_codes", None),
        ("batch_index", 1),
        ("batch_index", 2),
        ("batch_index", 3),
        ("batch_index", 4),
        ("api_key", None),
    ]


def test_retry_takes_json_alone(submit: Function) -> None:
    answer = submit.post(f"/api/executions/{NOBODY_HAS}/retry", data={"status": "failed"})

    error_of(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("verb", ["cancel", "retry"])
@pytest.mark.parametrize("user", ["ada", "bob"])
def test_an_execution_of_another_user_does_not_exist(submit: Function, verb: str, user: str) -> None:
    execution_id = execution_of(submit, user="carol")

    theirs = submit.post(f"/api/executions/{execution_id}/{verb}", user=user)
    nobodys = submit.post(f"/api/executions/{NOBODY_HAS}/{verb}", user=user)

    assert (
        error_of(theirs, 404, "NOT_FOUND")["message"].replace(execution_id, NOBODY_HAS)
        == (error_of(nobodys, 404, "NOT_FOUND")["message"])
    )
