from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Conflict, Unavailable
from imagefactory.domain.execution import ExecutionStatus, Reference
from imagefactory.domain.result import Failure, FailureCode, Result, ResultStatus
from imagefactory.domain.task import Task
from imagefactory.ports import Generated, Move
from imagefactory.testing import Crash, Moment, Takes, a_failure, a_recipe, an_image, the_bytes_of
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
        assert (world.tally(execution.id).completed, world.tally(execution.id).cost_microusd) == (1, 39_000)

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
        assert world.tally(execution.id).completed == 1

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
        world.faults.fail("executions.move", Moment.BEFORE, Conflict(), times=3)

        assert generate(world, execution) is Outcome.HELD_ELSEWHERE
        assert world.model.calls == []

    def test_a_lost_race_for_the_claim_is_run_again(self, world: World) -> None:
        execution = world.given()
        world.faults.fail("executions.move", Moment.BEFORE, Conflict(), times=2)

        assert generate(world, execution) is Outcome.COMPLETED

    def test_superseded_a_late_attempt_leaves_the_word_to_its_taker(self, world: World) -> None:
        execution = world.given()

        def too_late(*_: object) -> Generated:
            world.clock.advance(LEASE_SECONDS)
            world.scripted({})
            assert generate(world, execution) is Outcome.COMPLETED
            return an_image("jpg")

        world.scripted(too_late)

        outcome = generate(world, execution)

        assert outcome is Outcome.SUPERSEDED
        assert world.images.of(execution.id, 0) == [f"executions/{execution.id}/00000.png"]
        assert world.tally(execution.id).completed == 1

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
        world.executions.move(execution, [Move(failed, failed.reopened())])

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
        execution = world.given("only prompt", recipe=a_recipe(timeout_base=240.0))
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
        assert world.tally(execution.id).status is ExecutionStatus.FAILED


class TestWhatTheModelIsAsked:
    def test_the_prompt_its_recipe_the_references_and_the_callers_key(self, world: World) -> None:
        execution_id = world.submitted("with a reference", references=())
        execution = world.execution(execution_id)
        world.images.put_reference("r", 0, world.generate.pictures.opened(the_bytes_of("webp")))
        reference = Reference("executions/r/references/0.webp", "image/webp")
        world.store.put(execution)
        recipe = a_recipe(references=(reference,))
        other = world.given("with a reference", recipe=recipe, sealed_key=world.vault.seal(KEY, "x"), id="x")

        generate(world, other)

        [asked] = world.model.calls
        assert (asked.drawing.prompt, asked.drawing.recipe) == ("with a reference", recipe)
        assert asked.drawing.references == (("image/webp", the_bytes_of("webp")),)
        assert asked.api_key == KEY

    def test_no_key_where_none_was_given(self, world: World) -> None:
        generate(world, world.given())

        assert world.model.calls[0].api_key == ""

    @pytest.mark.parametrize("output_format", ["png", "jpg", "webp"])
    def test_the_image_is_converted_where_a_format_was_asked_for(self, world: World, output_format: str) -> None:
        execution = world.given(recipe=a_recipe(output_format=output_format))

        generate(world, execution)

        assert world.images.of(execution.id, 0) == [f"executions/{execution.id}/00000.{output_format}"]

    def test_the_format_is_judged_by_the_bytes_not_by_what_the_model_claims(self, world: World) -> None:
        execution = world.given()
        world.scripted({"first prompt": [Generated(the_bytes_of("webp"), "image/png")]})

        generate(world, execution)

        assert world.images.of(execution.id, 0) == [f"executions/{execution.id}/00000.webp"]


class TestFailuresOfOurOwn:
    def test_an_image_that_cannot_be_opened_is_the_providers_failure(self, world: World) -> None:
        execution = world.given()
        world.scripted({"first prompt": [Generated(b"no image", "image/png")]})

        assert generate(world, execution) is Outcome.POSTPONED
        failure = world.result(execution.id).failure
        assert failure is not None
        assert (failure.code, failure.retryable) == (FailureCode.SERVER_ERROR, True)

    @pytest.mark.parametrize("call", ["images.put", "executions.prompts", "vault.open"])
    def test_a_service_that_fails_costs_an_attempt_and_says_storage(self, world: World, call: str) -> None:
        execution = world.given("only", sealed_key=world.vault.seal(KEY, "x"), id="x")
        world.faults.fail(call, Moment.BEFORE, Unavailable())

        assert generate(world, execution) is Outcome.POSTPONED
        failure = world.result(execution.id).failure
        assert failure is not None
        assert (failure.code, failure.retryable) == (FailureCode.STORAGE_ERROR, True)

    def test_a_key_that_cannot_be_decrypted_any_more_ends_the_prompt(self, world: World) -> None:
        sealed = world.vault.seal(KEY, "x")
        execution = world.given("only", sealed_key=sealed, id="x")
        world.vault.disable(sealed.key_version)

        assert generate(world, execution) is Outcome.ENDED
        failure = world.result(execution.id).failure
        assert failure is not None
        assert (failure.code, failure.retryable) == (FailureCode.INTERNAL, False)
        assert world.model.calls == []

    def test_a_defect_ends_the_delivery_and_leaves_the_rest_to_the_lease(self, world: World) -> None:
        execution = world.given("only prompt")
        world.scripted({"only prompt": [KeyError("a defect")]})

        with pytest.raises(KeyError):
            generate(world, execution)

        assert generate(world, execution) is Outcome.HELD_ELSEWHERE
        world.clock.advance(LEASE_SECONDS)
        assert generate(world, execution) is Outcome.COMPLETED

    def test_an_outage_of_the_store_is_left_to_the_queue(self, world: World) -> None:
        execution = world.given()
        world.faults.fail("executions.load", Moment.BEFORE, Unavailable())

        with pytest.raises(Unavailable):
            generate(world, execution)

    def test_no_log_line_holds_a_prompt_or_a_key(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        execution = world.given("only prompt", sealed_key=world.vault.seal(KEY, "x"), id="x")
        world.scripted({"only prompt": [Takes(119, a_failure()), Generated(b"?", "image/png")]})
        world.faults.fail("images.put", Moment.BEFORE, Unavailable(f"{KEY} only prompt"))

        world.run()

        lines = capsys.readouterr().out.splitlines()
        assert len(lines) >= 4
        assert all(json.loads(line) for line in lines)
        assert not any(secret in line for line in lines for secret in (KEY, "only prompt", execution.fingerprint * 9))


class TestClosing:
    def test_the_last_result_closes_the_execution_and_deletes_its_key(self, world: World) -> None:
        execution_id = world.submitted("one prompt", "another prompt")

        world.run()

        closed = world.execution(execution_id)
        assert (closed.closed, closed.sealed_key) == (ExecutionStatus.COMPLETED, None)

    def test_a_death_before_closing_is_made_good_by_the_next_delivery(self, world: World) -> None:
        execution = world.given("only", sealed_key=world.vault.seal(KEY, "x"), id="x")
        die_in(world, execution, "executions.close", Moment.BEFORE)
        assert world.execution("x").sealed_key is not None

        assert generate(world, execution) is Outcome.ALREADY_ENDED
        assert world.execution("x").sealed_key is None

    def test_an_execution_that_changes_meanwhile_is_read_again_and_closed(self, world: World) -> None:
        execution = world.given("only")
        world.faults.fail("executions.close", Moment.BEFORE, Conflict(), times=2)

        generate(world, execution)

        assert world.execution(execution.id).closed is ExecutionStatus.COMPLETED

    def test_one_that_keeps_changing_is_left_with_a_warning(
        self, world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        execution = world.given("only")
        world.faults.fail("executions.close", Moment.BEFORE, Conflict(), times=5)

        assert generate(world, execution) is Outcome.COMPLETED
        assert world.execution(execution.id).closed is None
        assert "kept changing" in capsys.readouterr().out

    def test_one_that_was_reopened_in_between_stays_open(self, world: World) -> None:
        execution = world.given("only")
        world.scripted({"only": [REFUSED]})

        def reopen(call: object) -> None:
            if getattr(call, "name", "") == "executions.close" and len(world.store.results[execution.id]) == 1:
                world.faults.hook = None
                blocked = world.result(execution.id)
                world.executions.move(execution, [Move(blocked, blocked.reopened())])
                world.executions.reopen(execution, None)

        world.faults.hook = reopen
        generate(world, execution)

        assert world.execution(execution.id).closed is None
        assert world.result(execution.id) == Result(0, generation=1)

    def test_one_that_has_expired_meanwhile_is_nothing_to_close(self, world: World) -> None:
        execution = world.given("only")

        def expire(call: object) -> None:
            if getattr(call, "name", "") == "executions.close":
                world.store.executions.pop(execution.id, None)

        world.faults.hook = expire

        assert generate(world, execution) is Outcome.COMPLETED
