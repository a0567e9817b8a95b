"""What belongs to a user, and what may be asked: the list of executions and the workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.entrypoints.apps import WORKFLOW
from tests.entrypoints.function import NOBODY_HAS, data_of, error_of, execution_of, faults_of
from tests.hostile.retries import LISTED

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


def test_the_list_shows_ones_own_executions_newest_first(submit: Function, status: Function, factory: Factory) -> None:
    mine = []
    for user in ("ada", "bob", "ada", "ada"):
        factory.clock.advance(1)
        execution_id = execution_of(submit, user=user)
        mine += [execution_id] if user == "ada" else []

    data = data_of(status.get("/api/executions"))

    assert [one["id"] for one in data["executions"]] == mine[::-1]
    assert data["next_cursor"] is None
    assert "batch_results" not in data["executions"][0]
    assert set(data["executions"][0]["counts"]) >= {"total", "pending"}


def test_the_list_comes_in_pages(submit: Function, status: Function, factory: Factory) -> None:
    mine = []
    for _ in range(5):
        factory.clock.advance(1)
        mine.append(execution_of(submit))

    seen, path = [], "/api/executions?limit=2"
    while path:
        data = data_of(status.get(path))
        seen.append([one["id"] for one in data["executions"]])
        cursor = data["next_cursor"]
        path = cursor and f"/api/executions?limit=2&cursor={cursor}"

    assert seen == [mine[4:2:-1], mine[2:0:-1], mine[:1]]


def test_the_list_may_be_asked_for_by_status(submit: Function, status: Function, factory: Factory) -> None:
    done = execution_of(submit)
    factory.work()
    waiting = execution_of(submit)

    found = {
        asked: [one["id"] for one in data_of(status.get(f"/api/executions?status={asked}"))["executions"]]
        for asked in ("completed", "queued", "processing", "queued,completed", "queued&status=completed")
    }

    both = [waiting, done]
    assert found == {
        "completed": [done],
        "queued": [waiting],
        "processing": [],
        "queued,completed": both,
        "queued&status=completed": both,
    }


@pytest.mark.parametrize("query", ["limit=", "cursor=", "status=", "limit=&cursor=&status="])
def test_a_parameter_without_a_value_was_not_given(submit: Function, status: Function, query: str) -> None:
    mine = execution_of(submit)

    assert [one["id"] for one in data_of(status.get(f"/api/executions?{query}"))["executions"]] == [mine]


@pytest.mark.parametrize(("query", "field"), LISTED)
def test_a_query_of_the_list_that_makes_no_sense_is_refused_by_its_parameter(
    status: Function, query: str, field: str
) -> None:
    answer = status.get(f"/api/executions?{query}")

    assert {named for named, _ in faults_of(answer)} == {field}


def test_the_workflow_is_what_a_form_needs(status: Function) -> None:
    data = data_of(status.get(f"/api/workflows/{WORKFLOW['id']}"))

    assert data == WORKFLOW


def test_an_unknown_workflow_is_not_found(status: Function) -> None:
    error_of(status.get(f"/api/workflows/{NOBODY_HAS}"), 404, "NOT_FOUND")
