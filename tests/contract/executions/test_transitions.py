from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import ExecutionStatus
from imagefactory.domain.result import FailureCode, Result, ResultStatus
from imagefactory.ports import Transition
from imagefactory.testing import START, a_failure, a_lease, a_result, a_stored_image

if TYPE_CHECKING:
    from imagefactory.domain.execution import Progress
    from imagefactory.ports import Applied
    from tests.contract.executions.stores import Stores

STATUSES = tuple(ResultStatus)


def counts(progress: Progress) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: count for name, count in progress.counts().items() if count}


class TestAMove:
    def test_of_an_untouched_result_makes_its_document(self, stores: Stores) -> None:
        execution = stores.accepted()
        claimed = Result(1).claimed(a_lease())

        moved = stores.executions.apply(execution, [Transition(None, claimed)])

        assert stores.executions.load(execution.id, 1) == (execution, claimed)
        assert moved.results == (claimed,)
        assert moved.ended == 0
        progress = stores.progress(execution)
        assert counts(progress) == {"total": 3, "pending": 2, "processing": 1}
        assert progress.status is ExecutionStatus.PROCESSING
        assert progress.started_at is not None

    def test_hands_on_the_version_for_the_next_one(self, stores: Stores) -> None:
        execution = stores.accepted()
        claimed = stores.claimed(execution)

        completed = stores.moved(execution, claimed, claimed.completed(a_stored_image(), 39_000, 25_000))

        assert stores.executions.results(execution.id, 0, 1) == {0: completed}
        assert stores.progress(execution).cost_microusd == 39_000

    def test_with_a_version_that_was_read_works_as_well(self, stores: Stores) -> None:
        execution = stores.accepted()
        stores.claimed(execution)
        _, read = stores.executions.load(execution.id, 0)
        assert read is not None

        stores.moved(execution, read, read.ended(a_failure()))

        assert counts(stores.progress(execution)) == {"total": 3, "pending": 2, "failed": 1}

    def test_that_comes_second_conflicts_and_writes_nothing(self, stores: Stores) -> None:
        execution = stores.accepted()
        first = stores.claimed(execution)
        before = stores.progress(execution)

        with pytest.raises(Conflict):
            stores.claimed(execution)

        assert stores.executions.results(execution.id, 0, 1) == {0: first}
        assert stores.progress(execution) == before

    def test_from_a_stale_version_conflicts_and_writes_nothing(self, stores: Stores) -> None:
        execution = stores.accepted()
        stale = stores.claimed(execution)
        waiting = stores.moved(execution, stale, stale.postponed(a_failure(), START))
        before = stores.progress(execution)

        with pytest.raises(Conflict):
            stores.moved(execution, stale, stale.completed(a_stored_image(), 39_000, 1))

        assert stores.executions.results(execution.id, 0, 1) == {0: waiting}
        assert stores.progress(execution) == before

    def test_of_a_result_that_was_never_written_conflicts(self, stores: Stores) -> None:
        execution, other = stores.accepted(), stores.accepted()
        elsewhere = stores.claimed(other)

        with pytest.raises(Conflict):
            stores.moved(execution, elsewhere, elsewhere.cancelled())

    def test_of_many_is_all_or_nothing(self, stores: Stores) -> None:
        execution = stores.accepted()
        stores.claimed(execution, 1)
        before = stores.progress(execution)

        with pytest.raises(Conflict):
            stores.executions.apply(execution, [Transition(None, Result(index).cancelled()) for index in range(3)])

        assert list(stores.executions.results(execution.id, 0, 3)) == [1]
        assert stores.progress(execution) == before

    def test_of_many_tells_how_many_have_ended(self, stores: Stores) -> None:
        execution = stores.accepted(250)
        stores.claimed(execution, 249)

        moved = stores.executions.apply(
            execution, [Transition(None, Result(index).cancelled()) for index in range(200)]
        )

        assert moved.ended == 200
        assert [result.index for result in moved.results] == list(range(200))
        assert counts(stores.progress(execution)) == {"total": 250, "pending": 49, "processing": 1, "cancelled": 200}

    @pytest.mark.parametrize("after", STATUSES)
    @pytest.mark.parametrize("before", STATUSES)
    def test_between_any_two_states_moves_the_counters_so(
        self, stores: Stores, before: ResultStatus, after: ResultStatus
    ) -> None:
        execution = stores.accepted()
        stores.completed(execution, 2)

        first = stores.moved(execution, None, a_result(status=before))
        moved = stores.executions.apply(execution, [Transition(first, a_result(status=after, version=first.version))])

        progress = stores.progress(execution)
        expected = {status.value: 0 for status in STATUSES} | {"total": 3}
        for status in (after, ResultStatus.PENDING, ResultStatus.COMPLETED):
            expected[status.value] += 1
        assert progress.counts() == expected
        assert progress.cost_microusd == 39_000 * expected["completed"]
        assert moved.ended == progress.ended

    def test_keeps_everything_that_a_result_knows(self, stores: Stores) -> None:
        execution = stores.accepted()
        failure = a_failure(
            FailureCode.RATE_LIMIT_EXCEEDED,
            message="Étrange \x00",
            retry_after=35.5,
            provider_status=429,
            provider_reason="RESOURCE_EXHAUSTED",
        )
        result = Result(
            index=0,
            status=ResultStatus.COMPLETED,
            attempts=3,
            generation=2,
            lease=a_lease(),
            next_attempt_at=START + timedelta(microseconds=123_456),
            failure=failure,
            image=a_stored_image(),
            cost_microusd=39_000,
            processing_time_ms=25_000,
        )

        stores.moved(execution, None, result)

        assert stores.executions.load(execution.id, 0)[1] == result

    def test_changes_the_progress_version_each_time(self, stores: Stores) -> None:
        execution = stores.accepted()
        versions = [stores.progress(execution).version]
        result = stores.claimed(execution)
        versions.append(stores.progress(execution).version)
        stores.moved(execution, result, result.postponed(a_failure(), START))
        versions.append(stores.progress(execution).version)

        assert len(set(versions)) == 3

    def test_that_begins_a_later_attempt_keeps_the_first_start(self, stores: Stores) -> None:
        execution = stores.accepted()
        stores.claimed(execution, 0)
        first = stores.progress(execution).started_at
        stores.tick()

        stores.claimed(execution, 1)

        assert stores.progress(execution).started_at == first

    def test_of_twenty_at_once_keeps_the_counters_exact(self, stores: Stores) -> None:
        execution = stores.accepted(20)

        def finish(index: int) -> Applied:
            claimed = stores.claimed(execution, index)
            return stores.executions.apply(
                execution, [Transition(claimed, claimed.completed(a_stored_image(), 39_000, 1))]
            )

        with ThreadPoolExecutor(20) as threads:
            moved = list(threads.map(finish, range(20)))

        progress = stores.progress(execution)
        assert counts(progress) == {"total": 20, "completed": 20}
        assert progress.cost_microusd == 20 * 39_000
        # Exactly one learns that it was the last.
        assert sorted(one.ended for one in moved) == list(range(1, 21))

    def test_of_the_same_result_by_twenty_at_once_succeeds_once(self, stores: Stores) -> None:
        execution = stores.accepted()

        def claim(_: int) -> bool:
            try:
                stores.claimed(execution)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(20) as threads:
            claimed = sum(threads.map(claim, range(20)))

        assert claimed == 1
        assert counts(stores.progress(execution)) == {"total": 3, "pending": 2, "processing": 1}
