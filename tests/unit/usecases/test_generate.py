from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from imagefactory.domain.errors import Conflict
from imagefactory.domain.generation import Reference
from imagefactory.domain.image import Provenance
from imagefactory.domain.pricing import TokenUsage
from imagefactory.domain.result import Failure, FailureCode, ResultStatus
from imagefactory.domain.task import Task
from imagefactory.ports import GeneratedImage
from imagefactory.testing import Moment, Takes, a_failure, an_image, some_parameters, the_bytes_of
from imagefactory.usecases.generate import Outcome
from tests.harness.factory import KEY, Factory
from tests.unit.usecases.attempts import LEASE_SECONDS, die_in, generate

DAILY_QUOTA = a_failure(FailureCode.RATE_LIMIT_EXCEEDED, retryable=False, retry_after=35.0)
REFUSED = a_failure(FailureCode.CONTENT_BLOCKED, retryable=False, provider_reason="SAFETY")


class TestOutcomes:
    def test_completed_the_image_is_stored_and_the_counters_say_so(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.script({"first prompt": [Takes(25)]})

        outcome = generate(factory, execution)

        result = factory.read_result(execution.id)
        assert outcome is Outcome.COMPLETED
        assert (result.status, result.attempts, result.processing_time_ms) == (ResultStatus.COMPLETED, 1, 25_000)
        assert result.image is not None
        assert factory.images.objects[result.image.name].data == the_bytes_of()
        assert (factory.read_progress(execution.id).completed, factory.read_progress(execution.id).cost_microusd) == (
            1,
            39_000,
        )

    @pytest.mark.parametrize("is_thought", [True, False])
    def test_completed_an_interim_image_is_kept_and_says_so(self, factory: Factory, is_thought: bool) -> None:  # noqa: FBT001 - the two cases
        execution = factory.store_execution()
        factory.script({"first prompt": [replace(an_image(), is_thought=is_thought)]})

        generate(factory, execution)

        image = factory.read_result(execution.id).image
        assert image is not None
        warnings = ("the model marked it as an interim image, and made no other",)
        assert image.provenance.warnings == (warnings if is_thought else ())

    @pytest.mark.parametrize(
        ("failure", "status"), [(REFUSED, "blocked"), (DAILY_QUOTA, "failed"), (a_failure(retryable=False), "failed")]
    )
    def test_ended_what_cannot_be_mended_ends_at_once(self, factory: Factory, failure: Failure, status: str) -> None:
        execution = factory.store_execution()
        factory.script({"first prompt": [Takes(3, failure)]})

        outcome = generate(factory, execution)

        result = factory.read_result(execution.id)
        assert outcome is Outcome.ENDED
        assert (result.status, result.failure, result.attempts) == (status, failure, 1)
        assert result.processing_time_ms == 3000
        assert len(factory.tasks.created) == 3

    def test_postponed_the_next_attempt_has_its_own_task_before_the_answer(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.script({"first prompt": [a_failure()]})

        outcome = generate(factory, execution)

        result = factory.read_result(execution.id)
        assert outcome is Outcome.POSTPONED
        assert (result.status, result.attempts, result.lease) == (ResultStatus.PENDING, 1, None)
        assert factory.tasks.created[-1] == Task(execution.id, 0, 2, factory.clock.now() + timedelta(seconds=2))
        assert result.next_attempt_at == factory.tasks.created[-1].schedule_at

    def test_already_ended_a_duplicate_delivery_costs_nothing(self, factory: Factory) -> None:
        execution = factory.store_execution()
        generate(factory, execution)

        outcomes = [generate(factory, execution, attempt=attempt) for attempt in (1, 2, 3)]

        assert outcomes == [Outcome.ALREADY_ENDED] * 3
        assert len(factory.model.calls) == 1
        assert factory.read_progress(execution.id).completed == 1

    def test_waiting_a_duplicate_of_a_failed_attempt_waits_for_the_next(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.script({"first prompt": [a_failure()]})
        generate(factory, execution)

        outcome = generate(factory, execution)

        assert outcome is Outcome.WAITING
        assert len(factory.model.calls) == 1

    def test_waiting_creates_the_next_task_that_a_crash_lost(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.script({"first prompt": [a_failure()]})
        die_in(factory, execution, "tasks.enqueue", Moment.BEFORE)

        outcome = generate(factory, execution)

        assert outcome is Outcome.WAITING
        assert [(task.batch_index, task.attempt) for task in factory.tasks.created[3:]] == [(0, 2)]

    def test_cancelled_no_attempt_begins_after_the_request(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.executions.request_cancel(execution.id)

        outcome = generate(factory, execution)

        assert outcome is Outcome.CANCELLED
        assert factory.read_result(execution.id).status is ResultStatus.CANCELLED
        assert factory.model.calls == []

    def test_cancelled_a_result_between_two_attempts_gets_no_other(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.script({"first prompt": [a_failure()]})
        generate(factory, execution)
        factory.executions.request_cancel(execution.id)

        outcomes = generate(factory, execution, attempt=1), generate(factory, execution, attempt=2)

        assert outcomes == (Outcome.CANCELLED, Outcome.ALREADY_ENDED)

    @pytest.mark.parametrize("index", [-1, 3, 10_000])
    def test_unknown_there_is_no_such_prompt(self, factory: Factory, index: int) -> None:
        assert generate(factory, factory.store_execution(), index) is Outcome.UNKNOWN

    def test_unknown_there_is_no_such_execution(self, factory: Factory) -> None:
        assert factory.generate("none", 0, 1) is Outcome.UNKNOWN

    def test_unknown_an_execution_does_not_exist_before_its_commit_point(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.store.executions.pop(execution.id)

        assert generate(factory, execution) is Outcome.UNKNOWN

    def test_held_elsewhere_one_attempt_at_a_time(self, factory: Factory) -> None:
        execution = factory.store_execution()
        die_in(factory, execution, "model.generate", Moment.BEFORE)
        factory.clock.advance(LEASE_SECONDS - 1)

        assert generate(factory, execution) is Outcome.HELD_ELSEWHERE
        assert factory.read_result(execution.id).attempts == 1

    def test_held_elsewhere_when_others_keep_moving_the_result(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.faults.fail("executions.apply", Moment.BEFORE, Conflict(), times=3)

        assert generate(factory, execution) is Outcome.HELD_ELSEWHERE
        assert factory.model.calls == []

    def test_a_lost_race_for_the_claim_is_run_again(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.faults.fail("executions.apply", Moment.BEFORE, Conflict(), times=2)

        assert generate(factory, execution) is Outcome.COMPLETED

    def test_superseded_a_late_attempt_leaves_the_word_to_its_taker(self, factory: Factory) -> None:
        execution = factory.store_execution()

        def too_late(*_: object) -> GeneratedImage:
            factory.clock.advance(LEASE_SECONDS)
            factory.script({})
            assert generate(factory, execution) is Outcome.COMPLETED
            return an_image("jpg")

        factory.script(too_late)

        outcome = generate(factory, execution)

        assert outcome is Outcome.SUPERSEDED
        assert factory.images.of(execution.id, 0) == [f"executions/{execution.id}/00000.png"]
        assert factory.read_progress(execution.id).completed == 1

    def test_superseded_a_late_failure_changes_nothing_and_creates_no_task(self, factory: Factory) -> None:
        execution = factory.store_execution()

        def too_late(*_: object) -> Failure:
            factory.clock.advance(LEASE_SECONDS)
            factory.script({})
            generate(factory, execution)
            return a_failure()

        factory.script(too_late)

        assert generate(factory, execution) is Outcome.SUPERSEDED
        assert factory.read_result(execution.id).status is ResultStatus.COMPLETED
        assert len(factory.tasks.created) == 3


class TestWhatTheModelIsAsked:
    def test_the_prompt_its_recipe_the_references_and_the_callers_key(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("with a reference", references=())
        execution = factory.read_execution(execution_id)
        factory.images.put_reference("r", 0, factory.generate.codec.decode(the_bytes_of("webp")))
        reference = Reference("executions/r/references/0.webp", "image/webp")
        factory.store.put(execution)
        parameters = some_parameters(references=(reference,))
        other = factory.store_execution(
            "with a reference", parameters=parameters, encrypted_key=factory.encryption.encrypt(KEY, "x"), id="x"
        )

        generate(factory, other)

        [asked] = factory.model.calls
        assert (asked.request.prompt, asked.request.parameters) == ("with a reference", parameters)
        assert asked.request.references == (("image/webp", the_bytes_of("webp")),)
        assert asked.api_key == KEY

    def test_no_key_where_none_was_given(self, factory: Factory) -> None:
        generate(factory, factory.store_execution())

        assert factory.model.calls[0].api_key == ""

    @pytest.mark.parametrize("output_format", ["png", "jpg", "webp"])
    def test_the_image_is_converted_where_a_format_was_asked_for(self, factory: Factory, output_format: str) -> None:
        execution = factory.store_execution(parameters=some_parameters(output_format=output_format))

        generate(factory, execution)

        assert factory.images.of(execution.id, 0) == [f"executions/{execution.id}/00000.{output_format}"]

    def test_the_format_is_judged_by_the_bytes_not_by_what_the_model_claims(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.script({"first prompt": [GeneratedImage(the_bytes_of("webp"), "image/png")]})

        generate(factory, execution)

        assert factory.images.of(execution.id, 0) == [f"executions/{execution.id}/00000.webp"]


def test_a_model_that_needs_no_key_is_called_without_one(factory: Factory) -> None:
    execution = factory.store_execution(needs_key=False, encrypted_key=None)

    generate(factory, execution)

    assert [call.api_key for call in factory.model.calls] == [""]


def test_what_the_provider_reports_is_kept_with_the_image(factory: Factory) -> None:
    execution = factory.store_execution()
    tokens = TokenUsage(image=1120, text=30, input=22)
    reported = replace(an_image(), tokens=tokens, model_version="m-1", response_id="r-1")
    factory.script({"first prompt": [reported]})

    generate(factory, execution)

    image = factory.read_result(execution.id).image
    assert image is not None
    assert image.provenance == Provenance(
        cost_microusd=39_000, tokens=tokens, model_version="m-1", response_id="r-1", warnings=image.provenance.warnings
    )
