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
from tests.unit.world import USER, World

if TYPE_CHECKING:
    from imagefactory.ports import GenerationRequest


@pytest.fixture
def world() -> World:
    return World()


def test_what_has_not_begun_is_cancelled_at_once_with_its_tasks(world: World) -> None:
    execution = world.given()

    progress = world.cancel(USER, execution.id).progress

    assert (progress.status, progress.percent) == (ExecutionStatus.CANCELLED, 100)
    assert progress == world.progress(execution.id)
    assert world.progress(execution.id).cancelled == 3
    assert world.tasks.waiting == {}
    assert world.execution(execution.id).final_status is ExecutionStatus.CANCELLED


def test_what_has_ended_stays_as_it_is(world: World) -> None:
    execution = world.given()
    world.scripted({"second prompt": [a_failure(retryable=False)]})
    world.generate(execution.id, 0, 1)
    world.generate(execution.id, 1, 1)

    world.cancel(USER, execution.id)

    statuses = [world.result(execution.id, index).status for index in range(3)]
    assert statuses == ["completed", "failed", "cancelled"]


def test_what_runs_may_finish_and_is_kept(world: World) -> None:
    execution = world.given()

    def cancelled_meanwhile(drawing: GenerationRequest, _: int) -> Takes:
        progress = world.cancel(USER, execution.id).progress
        assert progress.status is ExecutionStatus.PROCESSING, drawing
        return Takes(20)

    world.scripted(cancelled_meanwhile)

    assert world.generate(execution.id, 0, 1) is Outcome.COMPLETED
    progress = world.progress(execution.id)
    assert (progress.completed, progress.cancelled, progress.status) == (1, 2, ExecutionStatus.CANCELLED)
    assert world.execution(execution.id).final_status is ExecutionStatus.CANCELLED


def test_what_fails_while_it_is_cancelled_gets_no_other_attempt(world: World) -> None:
    execution = world.given("only prompt")

    def cancelled_meanwhile(*_: object) -> object:
        world.cancel(USER, execution.id)
        return a_failure()

    world.scripted(cancelled_meanwhile)  # type: ignore[arg-type] # object is what a script may return here

    world.run()

    assert world.result(execution.id).status is ResultStatus.CANCELLED
    assert len(world.model.calls) == 1


def test_what_waits_for_its_next_attempt_is_cancelled_with_its_task(world: World) -> None:
    execution = world.given("only prompt")
    world.scripted({"only prompt": [a_failure()]})
    [first] = world.tasks.due(world.clock.now())
    world.deliver(first)

    world.cancel(USER, execution.id)

    assert world.result(execution.id).status is ResultStatus.CANCELLED
    assert world.tasks.waiting == {}


def test_cancelling_again_changes_nothing(world: World) -> None:
    execution = world.given()
    first = views.execution(world.cancel(USER, execution.id))
    world.clock.advance(60)

    assert views.execution(world.cancel(USER, execution.id)) == first


def test_an_execution_that_has_ended_stays_as_it_ended(world: World) -> None:
    execution = world.given()
    world.run()

    assert world.cancel(USER, execution.id).progress.status is ExecutionStatus.COMPLETED
    assert not world.execution(execution.id).cancel_requested


def test_an_execution_of_another_user_does_not_exist(world: World) -> None:
    execution = world.given()

    for user, execution_id in (("bob", execution.id), (USER, "none")):
        with pytest.raises(NotFound):
            world.cancel(user, execution_id)


def test_an_execution_that_expires_meanwhile_does_not_exist(world: World) -> None:
    execution = world.given()
    world.store.executions.clear()

    with pytest.raises(NotFound):
        world.cancel(USER, execution.id)


def test_a_claim_that_slips_in_between_keeps_its_result_only(world: World) -> None:
    execution = world.given(*(f"prompt {number}" for number in range(10)))

    def claim_one(call: Call) -> None:
        if call.name == "executions.apply":
            world.faults.hook = None
            world.executions.apply(execution, [Transition(None, Result(6).claimed(a_lease()))])

    world.faults.hook = claim_one

    assert world.cancel(USER, execution.id).progress.status is ExecutionStatus.PROCESSING
    progress = world.progress(execution.id)
    assert (progress.processing, progress.cancelled) == (1, 9)


def test_results_that_keep_moving_are_left_to_their_tasks(world: World) -> None:
    execution = world.given()
    world.faults.fail("executions.apply", Moment.BEFORE, Conflict(), times=5)

    assert world.cancel(USER, execution.id).progress.status is ExecutionStatus.QUEUED
    world.run()
    assert world.progress(execution.id).cancelled == 3


def test_a_large_batch_is_cancelled_in_several_commits(world: World) -> None:
    execution = world.given(*(f"prompt {number}" for number in range(450)))

    world.cancel(USER, execution.id)

    assert world.progress(execution.id).cancelled == 450
    assert world.faults.calls.count("executions.apply") == 3


def test_one_that_has_ended_is_closed_should_its_closer_have_died(world: World) -> None:
    execution_id = world.submitted("one prompt")
    world.faults.fail("executions.close", Moment.BEFORE, Crash())
    with pytest.raises(Crash):
        world.generate(execution_id, 0, 1)

    world.cancel(USER, execution_id)

    closed = world.execution(execution_id)
    assert (closed.final_status, closed.encrypted_key) == (ExecutionStatus.COMPLETED, None)
