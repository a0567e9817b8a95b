from __future__ import annotations

from typing import Any

import pytest

from imagefactory.domain.cursor import ChangeCursor
from imagefactory.domain.errors import NotFound
from imagefactory.domain.result import FailureCode, ResultStatus
from imagefactory.testing import START, Takes, a_failure
from imagefactory.usecases.status import PageRequest
from tests.harness.factory import KEY, USER, Factory


def indexes(shown: Any) -> list[int]:
    return [result["batch_index"] for result in shown["batch_results"]]


def since(shown: Any) -> ChangeCursor:
    return ChangeCursor.decode(shown["next_since"])


class TestAnExecution:
    def test_is_shown_with_its_counts_and_what_to_expect(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt", "another prompt", "a third one", metadata={"job": "42"})
        factory.script({"one prompt": [Takes(25)]})
        factory.generate(execution_id, 0, 1)

        shown = factory.show_page(execution_id)

        [done, *_] = shown.pop("batch_results")
        assert done == {
            "batch_index": 0,
            "custom_id": None,
            "status": "completed",
            "prompt_text": "one prompt",
            "attempts": 1,
            "result_url": f"memory://executions/{execution_id}/00000.png?until={START.timestamp() + 3600:.0f}",
            "result_url_expires_at": "2026-11-22T13:00:00.000Z",
            "content_type": "image/png",
            "width": 1024,
            "height": 1024,
            "bytes": 14,
            "cost_usd": 0.039,
            "processing_time_ms": 25_000,
            "model_version": None,
            "response_id": None,
            "tokens": {"image": 0, "text": 0, "input": 0},
            "warnings": [],
        }
        assert shown.pop("next_since")
        assert shown == {
            "id": execution_id,
            "workflow_id": "w",
            "status": "processing",
            "progress": 33,
            "model": "small",
            "aspect_ratio": "1:1",
            "resolution": "1K",
            "metadata": {"job": "42"},
            "counts": {
                "total": 3,
                "pending": 2,
                "processing": 0,
                "completed": 1,
                "failed": 0,
                "blocked": 0,
                "cancelled": 0,
            },
            "cost_usd": 0.039,
            "estimated_seconds_left": 42,
            "poll_after_ms": 2000,
            "created_at": "2026-11-22T12:00:00.000Z",
            "started_at": "2026-11-22T12:00:00.000Z",
            "completed_at": None,
            "expires_at": "2026-12-22T12:00:00.000Z",
            "next_cursor": None,
            "has_more": False,
        }

    def test_that_has_ended_says_when_and_needs_no_further_poll(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")
        factory.script({"one prompt": [Takes(25.5)]})
        factory.run()

        shown = factory.show_page(execution_id)

        assert (shown["status"], shown["progress"], shown["completed_at"]) == (
            "completed",
            100,
            "2026-11-22T12:00:25.500Z",
        )
        assert (shown["estimated_seconds_left"], shown["poll_after_ms"]) == (None, None)

    def test_of_another_user_does_not_exist(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")

        with pytest.raises(NotFound):
            factory.show("bob", execution_id, PageRequest())
        with pytest.raises(NotFound):
            factory.show.all_results("bob", execution_id)

    def test_that_expires_between_two_reads_does_not_exist(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")
        factory.store.executions.clear()

        with pytest.raises(NotFound):
            factory.show(USER, execution_id, PageRequest())
        with pytest.raises(NotFound):
            factory.show.all_results(USER, execution_id)

    def test_shows_a_failure_with_what_the_provider_said(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt", "another prompt")
        blocked = a_failure(
            FailureCode.CONTENT_BLOCKED,
            message="No.",
            retryable=False,
            provider_status=200,
            provider_reason="IMAGE_SAFETY",
        )
        factory.script({"one prompt": [blocked], "another prompt": [a_failure(FailureCode.TIMEOUT, message="Late.")]})
        factory.generate(execution_id, 0, 1)
        factory.generate(execution_id, 1, 1)

        first, second = factory.show_page(execution_id)["batch_results"]

        assert first["error"] == {
            "code": "CONTENT_BLOCKED",
            "message": "No.",
            "retryable": False,
            "provider_status": 200,
            "provider_reason": "IMAGE_SAFETY",
        }
        assert second["error"] == {"code": "TIMEOUT", "message": "Late.", "retryable": True}
        assert (second["status"], second["next_attempt_at"]) == ("pending", "2026-11-22T12:00:05.000Z")

    def test_never_shows_the_key(self, factory: Factory) -> None:
        assert KEY not in str(factory.show_page(factory.submit_prompts("one prompt")))


class TestAConditionalPoll:
    def test_of_an_unchanged_execution_costs_one_read(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")
        etag = factory.show(USER, execution_id, PageRequest()).version
        before = len(factory.faults.calls)

        again = factory.show(USER, execution_id, PageRequest(), is_known=etag.__eq__)

        assert (again.version, again.page) == (etag, None)
        assert factory.faults.calls[before:] == ["executions.read_progress"]

    def test_sees_every_change_of_a_result(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")
        etag = factory.show(USER, execution_id, PageRequest()).version
        factory.run()

        assert factory.show(USER, execution_id, PageRequest(), is_known=etag.__eq__).page is not None

    def test_of_another_page_is_another_answer(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")

        etags = {factory.show(USER, execution_id, PageRequest(limit=limit)).version for limit in (1, 2)}

        assert len(etags) == 2

    def test_gets_new_addresses_before_the_old_ones_end(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")
        factory.run()
        etag = factory.show(USER, execution_id, PageRequest()).version
        factory.clock.advance(1800)

        assert factory.show(USER, execution_id, PageRequest(), is_known=etag.__eq__).page is not None


class TestAPage:
    def test_shows_every_prompt_in_input_order_whatever_became_of_it(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*(f"prompt {number}" for number in range(7)))
        factory.generate(execution_id, 4, 1)

        first = factory.show_page(execution_id, limit=3)
        second = factory.show_page(execution_id, limit=3, first=int(first["next_cursor"]))
        third = factory.show_page(execution_id, limit=3, first=int(second["next_cursor"]))

        assert [indexes(page) for page in (first, second, third)] == [[0, 1, 2], [3, 4, 5], [6]]
        assert third["next_cursor"] is None
        assert [result["status"] for result in second["batch_results"]] == ["pending", "completed", "pending"]

    def test_behind_the_end_is_empty(self, factory: Factory) -> None:
        shown = factory.show_page(factory.submit_prompts("one prompt"), first=10)

        assert (shown["batch_results"], shown["next_cursor"]) == ([], None)

    def test_shows_only_the_statuses_asked_for(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*(f"prompt {number}" for number in range(6)))
        factory.script({f"prompt {number}": [a_failure(retryable=False)] for number in (1, 3, 5)})
        for index in range(6):
            factory.generate(execution_id, index, 1)

        first = factory.show_page(execution_id, limit=2, statuses=(ResultStatus.FAILED,))
        second = factory.show_page(
            execution_id, limit=2, statuses=(ResultStatus.FAILED,), first=int(first["next_cursor"])
        )

        assert [indexes(first), indexes(second)] == [[1, 3], [5]]
        assert second["next_cursor"] is None

    def test_finds_pending_results_that_nothing_has_happened_to(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*(f"prompt {number}" for number in range(1200)))
        for index in (0, 1, 1199):
            factory.generate(execution_id, index, 1)

        first = factory.show_page(execution_id, limit=2, statuses=(ResultStatus.PENDING,))
        last = factory.show_page(
            execution_id, limit=500, statuses=(ResultStatus.PENDING, ResultStatus.COMPLETED), first=1100
        )

        assert (indexes(first), first["next_cursor"]) == ([2, 3], "4")
        assert indexes(last) == list(range(1100, 1200))


class TestChanges:
    def test_come_once_and_then_no_more(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt", "another prompt")
        cursor = since(factory.show_page(execution_id))
        factory.clock.advance(60)
        factory.generate(execution_id, 1, 1)

        first = factory.show_page(execution_id, since=cursor)
        second = factory.show_page(execution_id, since=since(first))

        assert (indexes(first), indexes(second)) == ([1], [])

    def test_that_are_more_than_a_page_lead_on_to_the_rest(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*(f"prompt {number}" for number in range(5)))
        cursor = since(factory.show_page(execution_id))
        factory.cancel(USER, execution_id)

        seen = []
        for _ in range(4):
            page = factory.show_page(execution_id, limit=2, since=cursor)
            seen.append(indexes(page))
            cursor = since(page)

        assert seen == [[0, 1], [2, 3], [4], []]

    def test_can_be_narrowed_to_statuses(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt", "another prompt")
        cursor = since(factory.show_page(execution_id))
        factory.script({"one prompt": [a_failure(retryable=False)]})
        factory.generate(execution_id, 0, 1)
        factory.generate(execution_id, 1, 1)

        page = factory.show_page(execution_id, since=cursor, statuses=(ResultStatus.FAILED,))

        assert indexes(page) == [0]

    def test_look_back_a_little_because_commits_may_overtake_each_other(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt", "another prompt")
        factory.generate(execution_id, 0, 1)
        cursor = since(factory.show_page(execution_id))
        factory.clock.advance(4)
        factory.generate(execution_id, 1, 1)

        assert indexes(factory.show_page(execution_id, since=cursor)) == [0, 1]


class TestLines:
    def test_there_is_one_for_every_prompt_in_input_order(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*(f"prompt {number}" for number in range(501)))
        factory.generate(execution_id, 500, 1)

        lines = list(factory.show.all_results(USER, execution_id))

        assert [line.result.index for line in lines] == list(range(501))
        assert [lines[0].result.status, lines[500].result.status] == [ResultStatus.PENDING, ResultStatus.COMPLETED]


class TestTheEndOfAPage:
    """A page that holds the last result leads nowhere; one result more, and there is a next page."""

    @pytest.mark.parametrize(("count", "next_cursor"), [(2, None), (3, None), (4, "3")])
    def test_of_all_results(self, factory: Factory, count: int, next_cursor: str | None) -> None:
        shown = factory.show_page(factory.submit_prompts(*(f"prompt {number}" for number in range(count))), limit=3)

        assert (len(shown["batch_results"]), shown["next_cursor"]) == (min(count, 3), next_cursor)
        assert shown["has_more"] is (next_cursor is not None)

    @pytest.mark.parametrize(("count", "next_cursor"), [(2, None), (3, None), (4, "3")])
    @pytest.mark.parametrize("status", [ResultStatus.PENDING, ResultStatus.CANCELLED])
    def test_of_results_in_a_status(
        self, factory: Factory, status: ResultStatus, count: int, next_cursor: str | None
    ) -> None:
        execution_id = factory.submit_prompts(*(f"prompt {number}" for number in range(count)))
        if status is ResultStatus.CANCELLED:
            factory.cancel(USER, execution_id)

        shown = factory.show_page(execution_id, limit=3, statuses=(status,))

        assert (len(shown["batch_results"]), shown["next_cursor"]) == (min(count, 3), next_cursor)
        assert shown["has_more"] is (next_cursor is not None)

    @pytest.mark.parametrize(("count", "has_more"), [(2, False), (3, True), (4, True)])
    def test_of_changes_is_known_by_looking(self, factory: Factory, count: int, has_more: bool) -> None:  # noqa: FBT001 - a table
        execution_id = factory.submit_prompts(*(f"prompt {number}" for number in range(count)))
        cursor = since(factory.show_page(execution_id))
        factory.clock.advance(60)
        factory.cancel(USER, execution_id)

        shown = factory.show_page(execution_id, limit=3, since=cursor)

        assert (len(shown["batch_results"]), shown["has_more"]) == (min(count, 3), has_more)
        assert shown["next_cursor"] is None

    def test_of_a_scan_is_looked_for_no_further_than_needed(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*(f"prompt {number}" for number in range(1200)))
        before = factory.faults.calls.count("executions.results")

        factory.show_page(execution_id, limit=499, statuses=(ResultStatus.PENDING,))
        factory.show_page(execution_id, limit=500, statuses=(ResultStatus.PENDING,))

        assert factory.faults.calls.count("executions.results") == before + 1 + 2

    def test_that_nothing_is_asked_of_is_fifty(self, factory: Factory) -> None:
        shown = factory.show_page(factory.submit_prompts(*(f"prompt {number}" for number in range(60))))

        assert (indexes(shown), shown["next_cursor"]) == (list(range(50)), "50")


def test_what_does_not_exist_is_named(factory: Factory) -> None:
    with pytest.raises(NotFound, match=r"^There is no execution nowhere\.$"):
        factory.show(USER, "nowhere", PageRequest())
