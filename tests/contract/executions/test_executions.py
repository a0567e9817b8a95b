from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import EncryptedSecret, ExecutionStatus, Phase
from imagefactory.domain.result import Result, ResultStatus
from imagefactory.ports import Transition
from imagefactory.testing import START, some_prompts

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution
    from tests.contract.executions.stores import Stores

STATUSES = tuple(ResultStatus)
SEALED, OTHER = EncryptedSecret("v", b"n", b"c"), EncryptedSecret("v2", b"n", b"c")


class TestWhatDoesNotExist:
    def test_is_none(self, stores: Stores) -> None:
        executions = stores.executions

        assert executions.get("none") is None
        assert executions.load("none", 0) == (None, None)
        assert executions.read_progress("none") is None
        assert executions.results("none", 0, 10) == {}
        assert executions.results_in("none", STATUSES, 0, 10) == []
        assert executions.results_since("none", START, None, 10) == []

    def test_cannot_be_moved_cancelled_reopened_or_closed(self, stores: Stores) -> None:
        execution = stores.reserved(phase=Phase.RESERVED)
        stores.reservations.release(execution)

        with pytest.raises(Conflict):
            stores.executions.apply(execution, [Transition(None, Result(0).cancelled())])
        with pytest.raises(Conflict):
            stores.executions.request_cancel(execution.id)
        with pytest.raises(Conflict):
            stores.executions.reopen(execution, None, [Transition(None, Result(0))])
        with pytest.raises(Conflict):
            stores.executions.close(execution, ExecutionStatus.FAILED)
        with pytest.raises(Conflict):
            stores.executions.note_recovery(execution)
        assert stores.executions.results(execution.id, 0, 10) == {}

    def test_is_left_out_of_several_tallies(self, stores: Stores) -> None:
        first, second = stores.accepted(1), stores.accepted(2)

        every_progress = stores.executions.read_all_progress([second.id, "none", first.id])

        assert [progress.execution_id for progress in every_progress] == [second.id, first.id]
        assert stores.executions.read_all_progress([]) == []


class TestResults:
    def test_of_a_window_are_those_that_were_touched(self, stores: Stores) -> None:
        execution = stores.accepted(120)
        for index in (0, 9, 10, 99, 100):
            stores.claimed(execution, index)

        assert sorted(stores.executions.results(execution.id, 0, 120)) == [0, 9, 10, 99, 100]
        assert sorted(stores.executions.results(execution.id, 9, 90)) == [9, 10]
        assert stores.executions.results(execution.id, 101, 19) == {}

    def test_in_states_come_by_index_from_the_first_on(self, stores: Stores) -> None:
        execution = stores.accepted(120)
        for index in (100, 3, 20, 1):
            stores.claimed(execution, index)
        stores.moved(execution, None, Result(2).cancelled())

        def found(statuses: list[ResultStatus], first: int, limit: int) -> list[int]:
            return [one.index for one in stores.executions.results_in(execution.id, statuses, first, limit)]

        running, cancelled = ResultStatus.PROCESSING, ResultStatus.CANCELLED
        assert found([running], 0, 10) == [1, 3, 20, 100]
        assert found([running], 3, 2) == [3, 20]
        assert found([running, cancelled], 2, 10) == [2, 3, 20, 100]
        assert found([ResultStatus.PENDING], 0, 10) == []

    def test_since_a_moment_come_in_the_order_of_their_changes(self, stores: Stores) -> None:
        execution = stores.accepted(10)
        stores.claimed(execution, 7)
        stores.tick()
        stores.executions.apply(execution, [Transition(None, Result(index).cancelled()) for index in (3, 1, 2)])
        stores.tick()
        stores.claimed(execution, 0)

        everything = stores.executions.results_since(execution.id, START - timedelta(days=9999), None, 10)

        assert [result.index for _, result in everything] == [7, 1, 2, 3, 0]
        moments = [at for at, _ in everything]
        assert moments == sorted(moments)
        assert moments[1] == moments[3]
        assert moments[4] == stores.progress(execution).updated_at

    def test_since_a_change_go_on_behind_it(self, stores: Stores) -> None:
        execution = stores.accepted(10)
        stores.executions.apply(execution, [Transition(None, Result(index).cancelled()) for index in range(4)])
        stores.tick()
        stores.claimed(execution, 9)
        [(moment, _), *_] = stores.executions.results_since(execution.id, START - timedelta(days=9999), None, 10)

        def since(after: int | None, limit: int = 10) -> list[int]:
            found = stores.executions.results_since(execution.id, moment, after, limit)
            return [result.index for _, result in found]

        assert since(None) == [0, 1, 2, 3, 9]
        assert since(1) == [2, 3, 9]
        assert since(1, 2) == [2, 3]
        assert since(3) == [9]


class TestTheList:
    def test_has_the_users_own_newest_first(self, stores: Stores) -> None:
        days = [stores.accepted(1, created_at=START + timedelta(days=day)) for day in (2, 0, 1)]
        stores.accepted(1, user="bob")
        stores.reserved(phase=Phase.RESERVED)

        def listed(days_before: int | None = None, limit: int = 10) -> list[str]:
            before = None if days_before is None else START + timedelta(days=days_before)
            return [one.id for one in stores.executions.list_by_user("alice", None, before, limit)]

        newest, oldest, middle = (one.id for one in days)
        assert listed() == [newest, middle, oldest]
        assert listed(limit=2) == [newest, middle]
        assert listed(days_before=2) == [middle, oldest]
        assert listed(days_before=0) == []

    def test_can_be_narrowed_by_how_they_ended(self, stores: Stores) -> None:
        running, failed, done = (stores.accepted(1, created_at=START + timedelta(days=day)) for day in (3, 2, 1))
        stores.executions.close(failed, ExecutionStatus.FAILED)
        stores.executions.close(done, ExecutionStatus.COMPLETED)

        def listed(*final_status: ExecutionStatus | None) -> list[str]:
            return [one.id for one in stores.executions.list_by_user("alice", final_status, None, 10)]

        assert listed(None) == [running.id]
        assert listed(ExecutionStatus.FAILED) == [failed.id]
        assert listed(ExecutionStatus.COMPLETED, None) == [running.id, done.id]
        assert listed(ExecutionStatus.CANCELLED) == []
        assert listed() == [running.id, failed.id, done.id]


class TestTheEnd:
    def test_is_noted_and_takes_the_key_along(self, stores: Stores) -> None:
        execution = stores.accepted(encrypted_key=SEALED)

        stores.executions.close(execution, ExecutionStatus.FAILED)

        assert stores.executions.get(execution.id) == replace(
            execution, final_status=ExecutionStatus.FAILED, encrypted_key=None
        )

    def test_is_not_noted_on_an_execution_that_has_changed(self, stores: Stores) -> None:
        execution = stores.accepted(encrypted_key=SEALED)
        stores.executions.request_cancel(execution.id)

        with pytest.raises(Conflict):
            stores.executions.close(execution, ExecutionStatus.FAILED)

        assert stores.executions.get(execution.id) == replace(execution, cancel_requested=True)

    def test_again_makes_another_version(self, stores: Stores) -> None:
        execution = stores.accepted()
        stores.executions.close(execution, ExecutionStatus.FAILED)
        closed = stores.now(execution)

        stores.executions.close(closed, ExecutionStatus.FAILED)

        assert stores.now(execution).version != closed.version


class TestReopening:
    def ended(self, stores: Stores) -> tuple[Execution, list[Result]]:
        """A cancelled and closed execution, and its results."""
        execution = stores.accepted(2, encrypted_key=SEALED)
        stores.executions.request_cancel(execution.id)
        transitions = [Transition(None, Result(index).cancelled()) for index in range(2)]
        results = stores.executions.apply(execution, transitions).results
        stores.executions.close(stores.now(execution), ExecutionStatus.CANCELLED)
        return stores.now(execution), list(results)

    def test_takes_end_and_cancel_back_together_with_the_results(self, stores: Stores) -> None:
        execution, results = self.ended(stores)

        reopened = stores.executions.reopen(execution, OTHER, [Transition(one, one.reopened()) for one in results])

        found = stores.now(execution)
        assert found == reopened.execution
        assert found == replace(execution, final_status=None, cancel_requested=False, encrypted_key=OTHER)
        assert list(stores.executions.results(execution.id, 0, 2).values()) == list(reopened.results)
        assert (stores.progress(execution).pending, stores.progress(execution).cancelled) == (2, 0)

    def test_goes_on_from_the_version_that_it_wrote(self, stores: Stores) -> None:
        execution, results = self.ended(stores)
        first = stores.executions.reopen(execution, OTHER, [Transition(results[0], results[0].reopened())])

        second = stores.executions.reopen(first.execution, OTHER, [Transition(results[1], results[1].reopened())])

        assert second.execution.version == stores.now(execution).version
        assert second.results[0] == results[1].reopened()
        stores.moved(execution, second.results[0], second.results[0].cancelled())

    def test_writes_nothing_where_the_execution_has_changed(self, stores: Stores) -> None:
        execution, results = self.ended(stores)
        stores.executions.close(execution, ExecutionStatus.CANCELLED)

        with pytest.raises(Conflict):
            stores.executions.reopen(execution, OTHER, [Transition(results[0], results[0].reopened())])

        assert stores.progress(execution).cancelled == 2
        assert stores.executions.results(execution.id, 0, 1)[0] == results[0]

    def test_writes_nothing_where_a_result_has_changed(self, stores: Stores) -> None:
        execution, results = self.ended(stores)
        stores.moved(execution, results[0], results[0].reopened())

        with pytest.raises(Conflict):
            stores.executions.reopen(execution, OTHER, [Transition(one, one.reopened()) for one in results])

        assert stores.now(execution).version == execution.version
        assert stores.progress(execution).cancelled == 1


def test_recoveries_are_counted_one_by_one(stores: Stores) -> None:
    execution = stores.accepted()

    first = stores.executions.note_recovery(execution)
    second = stores.executions.note_recovery(first)

    assert (first.recovery_count, second.recovery_count) == (1, 2)
    assert stores.executions.get(execution.id) == second
    with pytest.raises(Conflict):
        stores.executions.note_recovery(first)


def test_prompts_of_several_executions_are_not_mixed_up(stores: Stores) -> None:
    one, other = stores.accepted(some_prompts(3)), stores.accepted(some_prompts(600)[::-1])

    found = stores.executions.prompts(one, [2])[2], stores.executions.prompts(other, [599])[599]

    assert (found[0].text, found[1].text) == ("prompt number 2", "prompt number 0")
