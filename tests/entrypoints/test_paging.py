"""The results of an execution, in pages: by index, by status, by what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagefactory.domain.result import FailureCode
from imagefactory.testing import a_failure
from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, NOBODY_HAS, data_of, execution_of, faults_of
from tests.hostile.retries import NONE, SHOWN

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory

REFUSED = a_failure(FailureCode.CONTENT_BLOCKED, retryable=False, provider_status=200, provider_reason="IMAGE_SAFETY")


def indexes(data: dict[str, Any]) -> list[int]:
    return [one["batch_index"] for one in data["batch_results"]]


def test_another_page_of_the_same_execution_has_another_validator(submit: Function, status: Function) -> None:
    execution_id = execution_of(submit)
    first = status.get(f"/api/executions/{execution_id}?limit=1")

    other = status.get(f"/api/executions/{execution_id}?limit=2", headers={"If-None-Match": first.headers["ETag"]})

    assert data_of(other)


def test_results_come_in_pages(submit: Function, status: Function) -> None:
    execution_id = execution_of(submit, prompts_text="\n".join(f"prompt {n}" for n in range(7)))

    seen, cursor = [], "0"
    while cursor is not None:
        data = data_of(status.get(f"/api/executions/{execution_id}?limit=3&cursor={cursor}"))
        seen.append(indexes(data))
        cursor = data["next_cursor"]

    assert seen == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_page_has_fifty_results_unless_asked_otherwise(submit: Function, status: Function) -> None:
    execution_id = execution_of(submit, prompts_text="\n".join(f"prompt {n}" for n in range(60)))

    data = data_of(status.get(f"/api/executions/{execution_id}"))

    assert (len(data["batch_results"]), data["next_cursor"]) == (50, "50")


def test_a_cursor_behind_the_end_finds_nothing(submit: Function, status: Function) -> None:
    execution_id = execution_of(submit)

    data = data_of(status.get(f"/api/executions/{execution_id}?cursor=999999"))

    assert (data["batch_results"], data["next_cursor"]) == ([], None)


def test_results_may_be_asked_for_by_status(submit: Function, status: Function, factory: Factory) -> None:
    factory.model.script = {"a harbour": [REFUSED]}
    execution_id = execution_of(submit)
    factory.work(deliveries=2)

    found = {
        asked: indexes(data_of(status.get(f"/api/executions/{execution_id}?status={asked}")))
        for asked in ("completed", "blocked", "completed,blocked", "pending", "pending,completed", "failed")
    }

    assert found == {
        "completed": [0],
        "blocked": [1],
        "completed,blocked": [0, 1],
        "pending": [2],
        "pending,completed": [0, 2],
        "failed": [],
    }


@pytest.mark.parametrize(
    "query",
    [
        "status=completed,blocked",
        "status=completed&status=blocked",
        "status=completed%2Cblocked",
        "status=completed,+blocked",
        "status=blocked,completed,",
        "status=completed,,blocked",
        "status=&status=completed&status=blocked&status=",
        "status=completed,blocked&status=completed&status=blocked,blocked",
        "status[]=completed&status[]=blocked",
        "status%5B0%5D=completed&status%5B1%5D=blocked",
        "status[]=completed&status=blocked",
    ],
)
def test_a_list_of_statuses_may_be_sent_in_every_usual_way(
    submit: Function, status: Function, factory: Factory, query: str
) -> None:
    factory.model.script = {"a harbour": [REFUSED]}
    execution_id = execution_of(submit)
    factory.work(deliveries=2)

    assert indexes(data_of(status.get(f"/api/executions/{execution_id}?{query}"))) == [0, 1]


@pytest.mark.parametrize(
    "query",
    ["limit=", "cursor=", "since=", "status=", "status=,", "status[]=", "limit=&cursor=&since=&status=", "limit=+"],
)
def test_a_parameter_without_a_value_was_not_given(submit: Function, status: Function, query: str) -> None:
    path = f"/api/executions/{execution_of(submit)}"

    assert data_of(status.get(f"{path}?{query}")) == data_of(status.get(path))


def test_a_parameter_without_a_value_does_not_clash_with_another(submit: Function, status: Function) -> None:
    path = f"/api/executions/{execution_of(submit)}"
    since = data_of(status.get(path))["next_since"]

    assert data_of(status.get(f"{path}?cursor=&since={since}&limit=1&limit="))


def test_a_poll_with_since_gets_only_what_changed(submit: Function, status: Function, factory: Factory) -> None:
    execution_id = execution_of(submit)
    path = f"/api/executions/{execution_id}"
    before = data_of(status.get(path))["next_since"]
    factory.clock.advance(60)
    factory.work(deliveries=1)

    changed = data_of(status.get(f"{path}?since={before}"))
    nothing = data_of(status.get(f"{path}?since={changed['next_since']}"))

    assert (indexes(changed), indexes(nothing)) == ([0], [])
    assert nothing["counts"]["completed"] == 1


def test_more_changes_than_a_page_lead_on_by_the_next_token(
    submit: Function, status: Function, factory: Factory
) -> None:
    execution_id = execution_of(submit)
    since = data_of(status.get(f"/api/executions/{execution_id}"))["next_since"]
    factory.work()

    seen = []
    for _ in range(4):
        data = data_of(status.get(f"/api/executions/{execution_id}?limit=2&since={since}"))
        seen += indexes(data)
        since = data["next_since"]

    assert set(seen) == {0, 1, 2}


@pytest.mark.parametrize(("query", "field"), SHOWN)
def test_a_query_that_makes_no_sense_is_refused_by_its_parameter(status: Function, query: str, field: str) -> None:
    answer = status.get(f"/api/executions/{NOBODY_HAS}?{query}")

    assert {named for named, _ in faults_of(answer)} == {field}


def test_everything_wrong_with_a_query_is_told_at_once(status: Function) -> None:
    answer = status.get(f"/api/executions/{NOBODY_HAS}?limit=0&cursor=x&status=y&since=z&page=1")

    assert sorted(faults_of(answer)) == [
        ("cursor", None),
        ("cursor", None),
        ("limit", None),
        ("page", None),
        ("since", None),
        ("status", None),
    ]


@pytest.mark.parametrize(("query", "field"), NONE)
@pytest.mark.parametrize("path", [f"/api/executions/{NOBODY_HAS}/results.jsonl", f"/api/workflows/{NOBODY_HAS}"])
def test_what_takes_no_query_refuses_every_one(status: Function, path: str, query: str, field: str) -> None:
    answer = status.get(f"{path}?{query}")

    assert faults_of(answer) == [(field, None)]


@pytest.mark.parametrize(
    "path", [EXECUTE, f"/api/executions/{NOBODY_HAS}/cancel", f"/api/executions/{NOBODY_HAS}/retry"]
)
def test_what_changes_something_takes_no_query(submit: Function, path: str) -> None:
    answer = submit.post(f"{path}?status=failed", json=LIGHTHOUSE)

    assert faults_of(answer) == [("status", None)]
