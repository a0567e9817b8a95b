from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagefactory.api import views
from imagefactory.domain.errors import Conflict, NotFound
from imagefactory.domain.execution import ExecutionStatus
from imagefactory.domain.result import Result, ResultStatus
from imagefactory.ports import Transition
from imagefactory.testing import Call, Crash, Moment, Takes, a_failure, a_lease
from imagefactory.usecases.generate import Outcome
from tests.harness.factory import USER, Factory

if TYPE_CHECKING:
    from imagefactory.ports import GenerationRequest


def test_what_has_not_begun_is_cancelled_at_once_with_its_tasks(factory: Factory) -> None:
    execution = factory.store_execution()

    progress = factory.cancel(USER, execution.id).progress

    assert (progress.status, progress.percent) == (ExecutionStatus.CANCELLED, 100)
    assert progress == factory.read_progress(execution.id)
    assert factory.read_progress(execution.id).cancelled == 3
    assert factory.tasks.waiting == {}
    assert factory.read_execution(execution.id).final_status is ExecutionStatus.CANCELLED


def test_what_has_ended_stays_as_it_is(factory: Factory) -> None:
    execution = factory.store_execution()
    factory.script({"second prompt": [a_failure(retryable=False)]})
    factory.generate(execution.id, 0, 1)
    factory.generate(execution.id, 1, 1)

    factory.cancel(USER, execution.id)

    statuses = [factory.read_result(execution.id, index).status for index in range(3)]
    assert statuses == ["completed", "failed", "cancelled"]


def test_what_runs_may_finish_and_is_kept(factory: Factory) -> None:
    execution = factory.store_execution()

    def cancelled_meanwhile(drawing: GenerationRequest, _: int) -> Takes:
        progress = factory.cancel(USER, execution.id).progress
        assert progress.status is ExecutionStatus.PROCESSING, drawing
        return Takes(20)

    factory.script(cancelled_meanwhile)

    assert factory.generate(execution.id, 0, 1) is Outcome.COMPLETED
    progress = factory.read_progress(execution.id)
    assert (progress.completed, progress.cancelled, progress.status) == (1, 2, ExecutionStatus.CANCELLED)
    assert factory.read_execution(execution.id).final_status is ExecutionStatus.CANCELLED


def test_what_fails_while_it_is_cancelled_gets_no_other_attempt(factory: Factory) -> None:
    execution = factory.store_execution("only prompt")

    def cancelled_meanwhile(*_: object) -> object:
        factory.cancel(USER, execution.id)
        return a_failure()

    factory.script(cancelled_meanwhile)  # type: ignore[arg-type] # object is what a script may return here

    factory.run()

    assert factory.read_result(execution.id).status is ResultStatus.CANCELLED
    assert len(factory.model.calls) == 1


def test_what_waits_for_its_next_attempt_is_cancelled_with_its_task(factory: Factory) -> None:
    execution = factory.store_execution("only prompt")
    factory.script({"only prompt": [a_failure()]})
    [first] = factory.tasks.due(factory.clock.now())
    factory.deliver(first)

    factory.cancel(USER, execution.id)

    assert factory.read_result(execution.id).status is ResultStatus.CANCELLED
    assert factory.tasks.waiting == {}


def test_cancelling_again_changes_nothing(factory: Factory) -> None:
    execution = factory.store_execution()
    first = views.execution(factory.cancel(USER, execution.id))
    factory.clock.advance(60)

    assert views.execution(factory.cancel(USER, execution.id)) == first


def test_an_execution_that_has_ended_stays_as_it_ended(factory: Factory) -> None:
    execution = factory.store_execution()
    factory.run()

    assert factory.cancel(USER, execution.id).progress.status is ExecutionStatus.COMPLETED
    assert not factory.read_execution(execution.id).cancel_requested


def test_an_execution_of_another_user_does_not_exist(factory: Factory) -> None:
    execution = factory.store_execution()

    for user, execution_id in (("bob", execution.id), (USER, "none")):
        with pytest.raises(NotFound):
            factory.cancel(user, execution_id)


def test_an_execution_that_expires_meanwhile_does_not_exist(factory: Factory) -> None:
    execution = factory.store_execution()
    factory.store.executions.clear()

    with pytest.raises(NotFound):
        factory.cancel(USER, execution.id)


def test_a_claim_that_slips_in_between_keeps_its_result_only(factory: Factory) -> None:
    execution = factory.store_execution(*(f"prompt {number}" for number in range(10)))

    def claim_one(call: Call) -> None:
        if call.name == "executions.apply":
            factory.faults.hook = None
            factory.executions.apply(execution, [Transition(None, Result(6).claimed(a_lease()))])

    factory.faults.hook = claim_one

    assert factory.cancel(USER, execution.id).progress.status is ExecutionStatus.PROCESSING
    progress = factory.read_progress(execution.id)
    assert (progress.processing, progress.cancelled) == (1, 9)


def test_results_that_keep_moving_are_left_to_their_tasks(factory: Factory) -> None:
    execution = factory.store_execution()
    factory.faults.fail("executions.apply", Moment.BEFORE, Conflict(), times=5)

    assert factory.cancel(USER, execution.id).progress.status is ExecutionStatus.QUEUED
    factory.run()
    assert factory.read_progress(execution.id).cancelled == 3


def test_a_large_batch_is_cancelled_in_several_commits(factory: Factory) -> None:
    execution = factory.store_execution(*(f"prompt {number}" for number in range(450)))

    factory.cancel(USER, execution.id)

    assert factory.read_progress(execution.id).cancelled == 450
    assert factory.faults.calls.count("executions.apply") == 3


def test_one_that_has_ended_is_closed_should_its_closer_have_died(factory: Factory) -> None:
    execution_id = factory.submit_prompts("one prompt")
    factory.faults.fail("executions.close", Moment.BEFORE, Crash())
    with pytest.raises(Crash):
        factory.generate(execution_id, 0, 1)

    factory.cancel(USER, execution_id)

    closed = factory.read_execution(execution_id)
    assert (closed.final_status, closed.encrypted_key) == (ExecutionStatus.COMPLETED, None)
