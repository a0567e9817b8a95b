from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Unavailable
from imagefactory.domain.execution import ExecutionStatus
from imagefactory.domain.result import Failure, FailureCode, ResultStatus
from imagefactory.ports import Transition
from imagefactory.testing import Moment, Takes, a_failure, some_parameters
from imagefactory.usecases.generate import Outcome
from tests.unit.usecases.attempts import LEASE_SECONDS, die_in, generate

if TYPE_CHECKING:
    from tests.harness.factory import Factory


class TestAdoption:
    def test_an_attempt_that_died_after_the_upload_is_not_paid_again(self, factory: Factory) -> None:
        execution = factory.store_execution()
        die_in(factory, execution, "images.put", Moment.AFTER)
        factory.clock.advance(LEASE_SECONDS)

        outcome = generate(factory, execution)

        assert outcome is Outcome.ADOPTED
        assert len(factory.model.calls) == 1
        assert factory.read_result(execution.id).image == factory.images.find(execution.id, 0)

    def test_an_attempt_that_died_before_the_upload_is_taken_over_and_counted(self, factory: Factory) -> None:
        execution = factory.store_execution()
        die_in(factory, execution, "images.put", Moment.BEFORE)
        factory.clock.advance(LEASE_SECONDS)

        outcome = generate(factory, execution)

        assert outcome is Outcome.COMPLETED
        assert factory.read_result(execution.id).attempts == 2

    def test_an_upload_whose_success_was_not_told_is_not_paid_again(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.faults.fail("images.put", Moment.AFTER, Unavailable())
        assert generate(factory, execution) is Outcome.POSTPONED

        outcome = generate(factory, execution, attempt=2)

        assert outcome is Outcome.ADOPTED
        assert len(factory.model.calls) == 1

    def test_an_image_stored_before_an_explicit_retry_is_not_paid_again(self, factory: Factory) -> None:
        execution = factory.store_execution("only prompt")
        factory.script({"only prompt": [a_failure(), a_failure()]})
        factory.faults.fail("images.put", Moment.AFTER, Unavailable())
        for attempt in (1, 2, 3):
            generate(factory, execution, attempt=attempt)
        failed = factory.read_result(execution.id)
        factory.executions.apply(execution, [Transition(failed, failed.reopened())])

        outcome = generate(factory, execution)

        assert failed.status is ResultStatus.FAILED
        assert outcome is Outcome.ADOPTED
        assert len(factory.model.calls) == 3

    def test_a_prompt_that_kills_its_process_ends_after_three_attempts(self, factory: Factory) -> None:
        execution = factory.store_execution()
        for _ in range(3):
            die_in(factory, execution, "model.generate", Moment.BEFORE)
            factory.clock.advance(400)

        outcome = generate(factory, execution)

        result = factory.read_result(execution.id)
        assert outcome is Outcome.ENDED
        assert (result.status, result.attempts) == (ResultStatus.FAILED, 3)
        assert result.failure is not None
        assert result.failure.code is FailureCode.INTERNAL

    def test_a_third_attempt_that_died_after_the_upload_has_its_image_adopted(self, factory: Factory) -> None:
        execution = factory.store_execution()
        for moment in (Moment.BEFORE, Moment.BEFORE, Moment.AFTER):
            die_in(factory, execution, "images.put", moment)
            factory.clock.advance(400)

        outcome = generate(factory, execution)

        assert outcome is Outcome.ADOPTED
        assert len(factory.model.calls) == 3

    def test_a_cancelled_execution_keeps_an_image_that_was_stored_before(self, factory: Factory) -> None:
        execution = factory.store_execution()
        die_in(factory, execution, "images.put", Moment.AFTER)
        factory.executions.request_cancel(execution.id)
        factory.clock.advance(LEASE_SECONDS)

        assert generate(factory, execution) is Outcome.ADOPTED

    def test_a_dead_attempt_without_an_image_is_cancelled_with_its_execution(self, factory: Factory) -> None:
        execution = factory.store_execution()
        die_in(factory, execution, "images.put", Moment.BEFORE)
        factory.executions.request_cancel(execution.id)
        factory.clock.advance(LEASE_SECONDS)

        assert generate(factory, execution) is Outcome.CANCELLED


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
        self, factory: Factory, failure: Failure, delays: list[float]
    ) -> None:
        execution = factory.store_execution("only prompt")
        factory.script({"only prompt": [failure] * 3})

        waits = []
        for attempt in (1, 2, 3):
            generate(factory, execution, attempt=attempt)
            [*earlier, task] = factory.tasks.created
            if len(earlier) == attempt:
                waits.append((task.schedule_at - factory.clock.now()).total_seconds())
                factory.clock.move_to(task.schedule_at)

        result = factory.read_result(execution.id)
        assert [call.timeout for call in factory.model.calls] == [120, 150, 180]
        assert waits == delays
        assert (result.status, result.failure, result.attempts) == (ResultStatus.FAILED, failure, 3)

    def test_a_slower_model_has_its_own_timeouts_and_leases(self, factory: Factory) -> None:
        execution = factory.store_execution("only prompt", parameters=some_parameters(timeout_base=240.0))
        die_in(factory, execution, "model.generate", Moment.BEFORE)
        factory.clock.advance(299)
        assert generate(factory, execution) is Outcome.HELD_ELSEWHERE
        factory.clock.advance(1)

        generate(factory, execution)

        assert [call.timeout for call in factory.model.calls] == [270]

    @pytest.mark.parametrize(("seconds", "warned"), [(96, False), (97, True)])
    def test_one_that_used_most_of_its_timeout_is_logged(
        self,
        factory: Factory,
        capsys: pytest.CaptureFixture[str],
        seconds: float,
        warned: bool,  # noqa: FBT001 - a table
    ) -> None:
        execution = factory.store_execution()
        factory.script({"first prompt": [Takes(seconds)]})

        generate(factory, execution)

        assert ("the attempt used most of its timeout" in capsys.readouterr().out) is warned

    def test_the_last_one_is_the_last_whatever_the_queue_delivers(self, factory: Factory) -> None:
        execution = factory.store_execution("only prompt")
        factory.script(lambda *_: a_failure())

        factory.run()

        assert len(factory.model.calls) == 3
        assert factory.read_progress(execution.id).status is ExecutionStatus.FAILED
