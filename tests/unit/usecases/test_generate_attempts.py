from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Unavailable
from imagefactory.domain.execution import ExecutionStatus
from imagefactory.domain.result import Failure, FailureCode, ResultStatus
from imagefactory.ports import Transition
from imagefactory.testing import Crash, Moment, Takes, a_failure, some_parameters
from imagefactory.usecases.generate import Outcome
from tests.unit.world import World

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution

LEASE_SECONDS = 180.0


@pytest.fixture
def world() -> World:
    return World()


def generate(world: World, execution: Execution, index: int = 0, attempt: int = 1) -> Outcome:
    return world.generate(execution.id, index, attempt)


def die_in(world: World, execution: Execution, call: str, moment: Moment) -> None:
    """Let an attempt die at this call."""
    world.faults.fail(call, moment, Crash())
    with pytest.raises(Crash):
        generate(world, execution)


class TestAdoption:
    def test_an_attempt_that_died_after_the_upload_is_not_paid_again(self, world: World) -> None:
        execution = world.given()
        die_in(world, execution, "images.put", Moment.AFTER)
        world.clock.advance(LEASE_SECONDS)

        outcome = generate(world, execution)

        assert outcome is Outcome.ADOPTED
        assert len(world.model.calls) == 1
        assert world.result(execution.id).image == world.images.find(execution.id, 0)

    def test_an_attempt_that_died_before_the_upload_is_taken_over_and_counted(self, world: World) -> None:
        execution = world.given()
        die_in(world, execution, "images.put", Moment.BEFORE)
        world.clock.advance(LEASE_SECONDS)

        outcome = generate(world, execution)

        assert outcome is Outcome.COMPLETED
        assert world.result(execution.id).attempts == 2

    def test_an_upload_whose_success_was_not_told_is_not_paid_again(self, world: World) -> None:
        execution = world.given()
        world.faults.fail("images.put", Moment.AFTER, Unavailable())
        assert generate(world, execution) is Outcome.POSTPONED

        outcome = generate(world, execution, attempt=2)

        assert outcome is Outcome.ADOPTED
        assert len(world.model.calls) == 1

    def test_an_image_stored_before_an_explicit_retry_is_not_paid_again(self, world: World) -> None:
        execution = world.given("only prompt")
        world.scripted({"only prompt": [a_failure(), a_failure()]})
        world.faults.fail("images.put", Moment.AFTER, Unavailable())
        for attempt in (1, 2, 3):
            generate(world, execution, attempt=attempt)
        failed = world.result(execution.id)
        world.executions.apply(execution, [Transition(failed, failed.reopened())])

        outcome = generate(world, execution)

        assert failed.status is ResultStatus.FAILED
        assert outcome is Outcome.ADOPTED
        assert len(world.model.calls) == 3

    def test_a_prompt_that_kills_its_process_ends_after_three_attempts(self, world: World) -> None:
        execution = world.given()
        for _ in range(3):
            die_in(world, execution, "model.generate", Moment.BEFORE)
            world.clock.advance(400)

        outcome = generate(world, execution)

        result = world.result(execution.id)
        assert outcome is Outcome.ENDED
        assert (result.status, result.attempts) == (ResultStatus.FAILED, 3)
        assert result.failure is not None
        assert result.failure.code is FailureCode.INTERNAL

    def test_a_third_attempt_that_died_after_the_upload_has_its_image_adopted(self, world: World) -> None:
        execution = world.given()
        for moment in (Moment.BEFORE, Moment.BEFORE, Moment.AFTER):
            die_in(world, execution, "images.put", moment)
            world.clock.advance(400)

        outcome = generate(world, execution)

        assert outcome is Outcome.ADOPTED
        assert len(world.model.calls) == 3

    def test_a_cancelled_execution_keeps_an_image_that_was_stored_before(self, world: World) -> None:
        execution = world.given()
        die_in(world, execution, "images.put", Moment.AFTER)
        world.executions.request_cancel(execution.id)
        world.clock.advance(LEASE_SECONDS)

        assert generate(world, execution) is Outcome.ADOPTED

    def test_a_dead_attempt_without_an_image_is_cancelled_with_its_execution(self, world: World) -> None:
        execution = world.given()
        die_in(world, execution, "images.put", Moment.BEFORE)
        world.executions.request_cancel(execution.id)
        world.clock.advance(LEASE_SECONDS)

        assert generate(world, execution) is Outcome.CANCELLED


class TestAttempts:
    @pytest.mark.parametrize(
        ("failure", "delays"),
        [
            pytest.param(a_failure(FailureCode.TIMEOUT), [5, 10], id="5 n after a timeout"),
            pytest.param(a_failure(FailureCode.SERVER_ERROR), [2, 4], id="2 n after another error"),
            pytest.param(a_failure(FailureCode.NO_IMAGE), [2, 4], id="2 n without an image"),
            pytest.param(a_failure(FailureCode.RATE_LIMIT_EXCEEDED, retry_after=3.0), [3, 4], id="RetryInfo if longer"),
            pytest.param(a_failure(FailureCode.RATE_LIMIT_EXCEEDED, retry_after=35.5), [35.5, 35.5], id="RetryInfo"),
            pytest.param(a_failure(FailureCode.SERVER_ERROR, retry_after=20.0), [20, 20], id="a 503 that asks to wait"),
        ],
    )
    def test_there_are_three_each_with_its_timeout_after_its_delay(
        self, world: World, failure: Failure, delays: list[float]
    ) -> None:
        execution = world.given("only prompt")
        world.scripted({"only prompt": [failure] * 3})

        waits = []
        for attempt in (1, 2, 3):
            generate(world, execution, attempt=attempt)
            [*earlier, task] = world.tasks.created
            if len(earlier) == attempt:
                waits.append((task.schedule_at - world.clock.now()).total_seconds())
                world.clock.move_to(task.schedule_at)

        result = world.result(execution.id)
        assert [call.timeout for call in world.model.calls] == [120, 150, 180]
        assert waits == delays
        assert (result.status, result.failure, result.attempts) == (ResultStatus.FAILED, failure, 3)

    def test_a_slower_model_has_its_own_timeouts_and_leases(self, world: World) -> None:
        execution = world.given("only prompt", parameters=some_parameters(timeout_base=240.0))
        die_in(world, execution, "model.generate", Moment.BEFORE)
        world.clock.advance(299)
        assert generate(world, execution) is Outcome.HELD_ELSEWHERE
        world.clock.advance(1)

        generate(world, execution)

        assert [call.timeout for call in world.model.calls] == [270]

    @pytest.mark.parametrize(("seconds", "warned"), [(96, False), (97, True)])
    def test_one_that_used_most_of_its_timeout_is_logged(
        self,
        world: World,
        capsys: pytest.CaptureFixture[str],
        seconds: float,
        warned: bool,  # noqa: FBT001 - a table
    ) -> None:
        execution = world.given()
        world.scripted({"first prompt": [Takes(seconds)]})

        generate(world, execution)

        assert ("the attempt used most of its timeout" in capsys.readouterr().out) is warned

    def test_the_last_one_is_the_last_whatever_the_queue_delivers(self, world: World) -> None:
        execution = world.given("only prompt")
        world.scripted(lambda *_: a_failure())

        world.run()

        assert len(world.model.calls) == 3
        assert world.progress(execution.id).status is ExecutionStatus.FAILED
