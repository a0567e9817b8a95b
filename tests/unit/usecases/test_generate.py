from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Conflict
from imagefactory.domain.generation import Reference
from imagefactory.domain.result import Failure, FailureCode, ResultStatus
from imagefactory.domain.task import Task
from imagefactory.ports import GeneratedImage
from imagefactory.testing import Crash, Moment, Takes, a_failure, an_image, some_parameters, the_bytes_of
from imagefactory.usecases.generate import Outcome
from tests.unit.world import KEY, World

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution

DAILY_QUOTA = a_failure(FailureCode.RATE_LIMIT_EXCEEDED, retryable=False, retry_after=35.0)
REFUSED = a_failure(FailureCode.CONTENT_BLOCKED, retryable=False, provider_reason="SAFETY")
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


class TestOutcomes:
    def test_completed_the_image_is_stored_and_the_counters_say_so(self, world: World) -> None:
        execution = world.given()
        world.scripted({"first prompt": [Takes(25)]})

        outcome = generate(world, execution)

        result = world.result(execution.id)
        assert outcome is Outcome.COMPLETED
        assert (result.status, result.attempts, result.processing_time_ms) == (ResultStatus.COMPLETED, 1, 25_000)
        assert result.image is not None
        assert world.images.objects[result.image.name].data == the_bytes_of()
        assert (world.progress(execution.id).completed, world.progress(execution.id).cost_microusd) == (1, 39_000)

    @pytest.mark.parametrize("is_thought", [True, False])
    def test_completed_an_interim_image_is_kept_and_says_so(self, world: World, is_thought: bool) -> None:  # noqa: FBT001 - the two cases
        execution = world.given()
        world.scripted({"first prompt": [replace(an_image(), is_thought=is_thought)]})

        generate(world, execution)

        image = world.result(execution.id).image
        assert image is not None
        warnings = ("the model marked it as an interim image, and made no other",)
        assert image.provenance.warnings == (warnings if is_thought else ())

    @pytest.mark.parametrize(
        ("failure", "status"), [(REFUSED, "blocked"), (DAILY_QUOTA, "failed"), (a_failure(retryable=False), "failed")]
    )
    def test_ended_what_cannot_be_mended_ends_at_once(self, world: World, failure: Failure, status: str) -> None:
        execution = world.given()
        world.scripted({"first prompt": [Takes(3, failure)]})

        outcome = generate(world, execution)

        result = world.result(execution.id)
        assert outcome is Outcome.ENDED
        assert (result.status, result.failure, result.attempts) == (status, failure, 1)
        assert result.processing_time_ms == 3000
        assert len(world.tasks.created) == 3

    def test_postponed_the_next_attempt_has_its_own_task_before_the_answer(self, world: World) -> None:
        execution = world.given()
        world.scripted({"first prompt": [a_failure()]})

        outcome = generate(world, execution)

        result = world.result(execution.id)
        assert outcome is Outcome.POSTPONED
        assert (result.status, result.attempts, result.lease) == (ResultStatus.PENDING, 1, None)
        assert world.tasks.created[-1] == Task(execution.id, 0, 2, world.clock.now() + timedelta(seconds=2))
        assert result.next_attempt_at == world.tasks.created[-1].schedule_at

    def test_already_ended_a_duplicate_delivery_costs_nothing(self, world: World) -> None:
        execution = world.given()
        generate(world, execution)

        outcomes = [generate(world, execution, attempt=attempt) for attempt in (1, 2, 3)]

        assert outcomes == [Outcome.ALREADY_ENDED] * 3
        assert len(world.model.calls) == 1
        assert world.progress(execution.id).completed == 1

    def test_waiting_a_duplicate_of_a_failed_attempt_waits_for_the_next(self, world: World) -> None:
        execution = world.given()
        world.scripted({"first prompt": [a_failure()]})
        generate(world, execution)

        outcome = generate(world, execution)

        assert outcome is Outcome.WAITING
        assert len(world.model.calls) == 1

    def test_waiting_creates_the_next_task_that_a_crash_lost(self, world: World) -> None:
        execution = world.given()
        world.scripted({"first prompt": [a_failure()]})
        die_in(world, execution, "tasks.enqueue", Moment.BEFORE)

        outcome = generate(world, execution)

        assert outcome is Outcome.WAITING
        assert [(task.batch_index, task.attempt) for task in world.tasks.created[3:]] == [(0, 2)]

    def test_cancelled_no_attempt_begins_after_the_request(self, world: World) -> None:
        execution = world.given()
        world.executions.request_cancel(execution.id)

        outcome = generate(world, execution)

        assert outcome is Outcome.CANCELLED
        assert world.result(execution.id).status is ResultStatus.CANCELLED
        assert world.model.calls == []

    def test_cancelled_a_result_between_two_attempts_gets_no_other(self, world: World) -> None:
        execution = world.given()
        world.scripted({"first prompt": [a_failure()]})
        generate(world, execution)
        world.executions.request_cancel(execution.id)

        outcomes = generate(world, execution, attempt=1), generate(world, execution, attempt=2)

        assert outcomes == (Outcome.CANCELLED, Outcome.ALREADY_ENDED)

    @pytest.mark.parametrize("index", [-1, 3, 10_000])
    def test_unknown_there_is_no_such_prompt(self, world: World, index: int) -> None:
        assert generate(world, world.given(), index) is Outcome.UNKNOWN

    def test_unknown_there_is_no_such_execution(self, world: World) -> None:
        assert world.generate("none", 0, 1) is Outcome.UNKNOWN

    def test_unknown_an_execution_does_not_exist_before_its_commit_point(self, world: World) -> None:
        execution = world.given()
        world.store.executions.pop(execution.id)

        assert generate(world, execution) is Outcome.UNKNOWN

    def test_held_elsewhere_one_attempt_at_a_time(self, world: World) -> None:
        execution = world.given()
        die_in(world, execution, "model.generate", Moment.BEFORE)
        world.clock.advance(LEASE_SECONDS - 1)

        assert generate(world, execution) is Outcome.HELD_ELSEWHERE
        assert world.result(execution.id).attempts == 1

    def test_held_elsewhere_when_others_keep_moving_the_result(self, world: World) -> None:
        execution = world.given()
        world.faults.fail("executions.apply", Moment.BEFORE, Conflict(), times=3)

        assert generate(world, execution) is Outcome.HELD_ELSEWHERE
        assert world.model.calls == []

    def test_a_lost_race_for_the_claim_is_run_again(self, world: World) -> None:
        execution = world.given()
        world.faults.fail("executions.apply", Moment.BEFORE, Conflict(), times=2)

        assert generate(world, execution) is Outcome.COMPLETED

    def test_superseded_a_late_attempt_leaves_the_word_to_its_taker(self, world: World) -> None:
        execution = world.given()

        def too_late(*_: object) -> GeneratedImage:
            world.clock.advance(LEASE_SECONDS)
            world.scripted({})
            assert generate(world, execution) is Outcome.COMPLETED
            return an_image("jpg")

        world.scripted(too_late)

        outcome = generate(world, execution)

        assert outcome is Outcome.SUPERSEDED
        assert world.images.of(execution.id, 0) == [f"executions/{execution.id}/00000.png"]
        assert world.progress(execution.id).completed == 1

    def test_superseded_a_late_failure_changes_nothing_and_creates_no_task(self, world: World) -> None:
        execution = world.given()

        def too_late(*_: object) -> Failure:
            world.clock.advance(LEASE_SECONDS)
            world.scripted({})
            generate(world, execution)
            return a_failure()

        world.scripted(too_late)

        assert generate(world, execution) is Outcome.SUPERSEDED
        assert world.result(execution.id).status is ResultStatus.COMPLETED
        assert len(world.tasks.created) == 3


class TestWhatTheModelIsAsked:
    def test_the_prompt_its_recipe_the_references_and_the_callers_key(self, world: World) -> None:
        execution_id = world.submitted("with a reference", references=())
        execution = world.execution(execution_id)
        world.images.put_reference("r", 0, world.generate.codec.decode(the_bytes_of("webp")))
        reference = Reference("executions/r/references/0.webp", "image/webp")
        world.store.put(execution)
        parameters = some_parameters(references=(reference,))
        other = world.given(
            "with a reference", parameters=parameters, encrypted_key=world.encryption.encrypt(KEY, "x"), id="x"
        )

        generate(world, other)

        [asked] = world.model.calls
        assert (asked.request.prompt, asked.request.parameters) == ("with a reference", parameters)
        assert asked.request.references == (("image/webp", the_bytes_of("webp")),)
        assert asked.api_key == KEY

    def test_no_key_where_none_was_given(self, world: World) -> None:
        generate(world, world.given())

        assert world.model.calls[0].api_key == ""

    @pytest.mark.parametrize("output_format", ["png", "jpg", "webp"])
    def test_the_image_is_converted_where_a_format_was_asked_for(self, world: World, output_format: str) -> None:
        execution = world.given(parameters=some_parameters(output_format=output_format))

        generate(world, execution)

        assert world.images.of(execution.id, 0) == [f"executions/{execution.id}/00000.{output_format}"]

    def test_the_format_is_judged_by_the_bytes_not_by_what_the_model_claims(self, world: World) -> None:
        execution = world.given()
        world.scripted({"first prompt": [GeneratedImage(the_bytes_of("webp"), "image/png")]})

        generate(world, execution)

        assert world.images.of(execution.id, 0) == [f"executions/{execution.id}/00000.webp"]
