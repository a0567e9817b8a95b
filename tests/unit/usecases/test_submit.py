from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from imagefactory.api import views
from imagefactory.domain.errors import (
    Conflict,
    FieldError,
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
    StillAccepting,
    Unavailable,
)
from imagefactory.domain.execution import Execution, Phase, Prompt
from imagefactory.domain.generation import Reference
from imagefactory.domain.submission import MAX_REFERENCE_BYTES, Upload
from imagefactory.testing import (
    START,
    Call,
    Crash,
    FakeImageCodec,
    InMemoryWorkflows,
    Moment,
    a_submission,
    a_workflow,
    some_prompts,
    the_bytes_of,
)
from tests.harness.factory import KEY, USER, Factory

if TYPE_CHECKING:
    from imagefactory.ports import DecodedImage


def reserved(factory: Factory) -> list[Execution]:
    return [one for one in factory.store.executions.values() if one.phase is Phase.RESERVED]


def crash_in(factory: Factory, call: str, moment: Moment, key: str | None = "once") -> None:
    factory.faults.fail(call, moment, Crash())
    with pytest.raises(Crash):
        factory.accept("one prompt", "another prompt", key=key)


class TestAnAcceptedBatch:
    def test_is_answered_with_what_to_expect_and_where_to_look(self, factory: Factory) -> None:
        execution = factory.accept("one prompt", "another prompt", "a third one").execution

        execution_id = execution.id
        path = f"/api/executions/{execution_id}"
        assert views.acceptance(execution) == {
            "execution_id": execution_id,
            "workflow_id": "w",
            "status": "queued",
            "prompt_count": 3,
            "estimated_time_seconds": 42,
            "estimated_cost_usd": 0.117,
            "warnings": [],
            "urls": {
                "self": path,
                "results": f"{path}/results.jsonl",
                "cancel": f"{path}/cancel",
                "retry": f"{path}/retry",
            },
        }

    def test_exists_with_everything_that_was_asked(self, factory: Factory) -> None:
        uploads = (Upload(the_bytes_of("webp"), "image/webp"), Upload(the_bytes_of("jpg")))
        execution_id = factory.submit_prompts(
            "one prompt",
            "another prompt",
            model="large",
            resolution="4K",
            aspect_ratio="21:9",
            output_format="webp",
            metadata={"job": "42"},
            references=uploads,
        )

        execution = factory.read_execution(execution_id)
        prompts = factory.executions.prompts(execution, [0, 1])
        assert (execution.user, execution.workflow_id, execution.prompt_count) == (USER, "w", 2)
        assert (execution.phase, execution.metadata) == (Phase.ENQUEUED, {"job": "42"})
        assert prompts == {0: Prompt("one prompt"), 1: Prompt("another prompt")}
        parameters = execution.parameters
        assert (parameters.model, parameters.resolution, parameters.image_size, parameters.aspect_ratio) == (
            "large",
            "4K",
            "4K",
            "21:9",
        )
        assert (parameters.price_microusd, parameters.timeout_base, parameters.output_format) == (
            240_000,
            240.0,
            "webp",
        )
        assert parameters.references == (
            Reference(f"executions/{execution_id}/references/0.webp", "image/webp"),
            Reference(f"executions/{execution_id}/references/1.jpg", "image/jpeg"),
        )
        assert factory.images.reference(parameters.references[0].name) == the_bytes_of("webp")

    def test_sends_no_size_to_a_model_that_has_none(self, factory: Factory) -> None:
        assert factory.read_execution(factory.submit_prompts("one prompt")).parameters.image_size is None

    def test_keeps_the_key_only_encrypted_for_this_execution(self, factory: Factory) -> None:
        execution = factory.read_execution(factory.submit_prompts("one prompt"))

        assert execution.encrypted_key is not None
        assert KEY not in str(execution)
        assert KEY.encode() not in execution.encrypted_key.ciphertext
        assert factory.encryption.decrypt(execution.encrypted_key, execution.id) == KEY
        with pytest.raises(ValueError, match="encrypted"):
            factory.encryption.decrypt(execution.encrypted_key, "another execution")

    def test_keeps_no_key_where_none_is_needed(self, factory: Factory) -> None:
        submit = replace(factory.submit, workflows=InMemoryWorkflows([a_workflow(requires_api_key=False)]))

        answer = submit(USER, "w", a_submission(api_key=None))

        assert factory.read_execution(str(answer.execution.id)).encrypted_key is None

    def test_has_a_task_for_each_prompt_one_rate_apart(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*(prompt.text for prompt in some_prompts(120)))

        tasks = factory.tasks.created
        assert [(task.execution_id, task.batch_index, task.attempt) for task in tasks] == [
            (execution_id, index, 1) for index in range(120)
        ]
        assert [task.schedule_at for task in tasks] == [START + timedelta(seconds=place) for place in range(120)]

    def test_expires_when_results_do(self, factory: Factory) -> None:
        assert factory.read_execution(factory.submit_prompts("one prompt")).expires_at == START + timedelta(days=30)

    def test_waits_for_its_turns_among_those_before_it(self, factory: Factory) -> None:
        factory.submit_prompts(*(prompt.text for prompt in some_prompts(100)))

        promised = factory.accept("one prompt", "another prompt").execution.acceptance

        assert promised is not None
        assert promised.estimated_seconds == 1 + 2 + 40

    def test_is_another_one_each_time_without_a_key(self, factory: Factory) -> None:
        assert factory.submit_prompts("one prompt") != factory.submit_prompts("one prompt")


class TestARefusedBatch:
    def test_an_unknown_workflow_does_not_exist(self, factory: Factory) -> None:
        with pytest.raises(NotFound):
            factory.submit(USER, "another", a_submission())

    def test_every_fault_is_told_whoever_found_it(self, factory: Factory) -> None:
        asked = a_submission("ab", references=(Upload(b"no image"), Upload(bytes(MAX_REFERENCE_BYTES + 1))))

        with pytest.raises(InvalidRequest) as refusal:
            factory.submit(USER, "w", asked, [FieldError("colour", "there is no such field")])

        assert [(fault.field, fault.index) for fault in refusal.value.errors] == [
            ("colour", None),
            ("reference_images", 0),
            ("prompts", 0),
            ("reference_images", 1),
        ]

    def test_leaves_nothing_behind(self, factory: Factory) -> None:
        with pytest.raises(InvalidRequest):
            factory.accept("ab", references=(Upload(the_bytes_of()),), key="once")

        assert (factory.store.executions, factory.images.objects, factory.tasks.created) == ({}, {}, [])


def test_of_too_many_references_none_is_opened(factory: Factory) -> None:
    opened: list[bytes] = []

    class Watched(FakeImageCodec):
        def decode(self, data: bytes) -> DecodedImage:
            opened.append(data)
            return super().decode(data)

    submit = replace(factory.submit, codec=Watched())

    with pytest.raises(InvalidRequest, match="at most 3 are taken"):
        submit(USER, "w", a_submission("one prompt", references=(Upload(the_bytes_of()),) * 4))

    assert opened == []


class TestAnIdempotencyKey:
    def test_gets_the_first_answer_again_for_the_same_request(self, factory: Factory) -> None:
        first = factory.accept("one prompt", key="once")
        factory.clock.advance(3600)

        again = factory.accept("one prompt", key="once")

        assert (first.is_replay, again.is_replay) == (False, True)
        assert views.acceptance(again.execution) == views.acceptance(first.execution)
        assert len(factory.tasks.created) == 1

    def test_counts_a_default_that_changed_as_the_same_request(self, factory: Factory) -> None:
        first = factory.accept("one prompt", key="once")
        changed = InMemoryWorkflows([a_workflow(default_model="large", default_aspect_ratio="16:9")])

        again = replace(factory.submit, workflows=changed)(
            USER, "w", a_submission("one prompt"), idempotency_key="once"
        )

        assert (again.is_replay, again.execution.acceptance) == (True, first.execution.acceptance)

    def test_counts_a_new_api_key_as_the_same_request(self, factory: Factory) -> None:
        first = factory.accept("one prompt", key="once")

        again = factory.accept("one prompt", key="once", api_key="another-key")

        assert views.acceptance(again.execution) == views.acceptance(first.execution)

    @pytest.mark.parametrize(
        "other",
        [
            {"prompts": (Prompt("another prompt"),)},
            {"prompts": (Prompt("one prompt", "with-an-id"),)},
            {"model": "large"},
            {"aspect_ratio": "16:9"},
            {"output_format": "png"},
            {"metadata": {"a": "b"}},
            {"references": (Upload(the_bytes_of()),)},
        ],
    )
    def test_is_refused_for_another_request(self, factory: Factory, other: dict[str, object]) -> None:
        factory.accept("one prompt", key="once")

        with pytest.raises(IdempotencyKeyReused):
            factory.accept("one prompt", key="once", **other)

    def test_belongs_to_its_user(self, factory: Factory) -> None:
        alices = factory.accept("one prompt", key="once").execution
        bobs = factory.submit("bob", "w", a_submission("one prompt"), idempotency_key="once").execution

        assert alices.id != bobs.id

    @pytest.mark.parametrize(
        "call",
        [
            "reservations.reserve",
            "reservations.write_prompts",
            "reservations.count_pending_elsewhere",
            "encryption.encrypt",
        ],
    )
    def test_of_a_submit_that_still_runs_is_told_to_wait(self, factory: Factory, call: str) -> None:
        crash_in(factory, call, Moment.AFTER)
        factory.clock.advance(119)

        with pytest.raises(StillAccepting):
            factory.accept("one prompt", "another prompt", key="once")

    def test_of_a_dead_submit_can_be_used_for_any_request(self, factory: Factory) -> None:
        crash_in(factory, "reservations.write_prompts", Moment.AFTER)
        factory.clock.advance(120)

        answer = factory.accept("one other prompt", key="once")

        assert not answer.is_replay
        assert factory.read_progress(str(answer.execution.id)).total == 1

    def test_given_back_between_two_looks_is_free_in_a_moment(self, factory: Factory) -> None:
        factory.faults.fail("reservations.reserve", Moment.BEFORE, Conflict())

        with pytest.raises(StillAccepting):
            factory.accept("one prompt", key="once")

        assert not factory.accept("one prompt", key="once").is_replay

    def test_of_a_dead_submit_goes_to_the_first_of_two_that_come_at_once(self, factory: Factory) -> None:
        crash_in(factory, "reservations.reserve", Moment.AFTER)
        factory.clock.advance(120)
        factory.faults.fail("reservations.take_over", Moment.BEFORE, Conflict())

        with pytest.raises(StillAccepting):
            factory.accept("one prompt", "another prompt", key="once")

    def test_completes_the_tasks_of_a_submit_that_died_behind_the_commit_point(self, factory: Factory) -> None:
        crash_in(factory, "tasks.enqueue", Moment.BEFORE)
        factory.clock.advance(120)

        answer = factory.accept("one prompt", "another prompt", key="once")

        assert answer.is_replay
        assert len(factory.tasks.created) == 2
        assert factory.read_execution(str(answer.execution.id)).phase is Phase.ENQUEUED

    def test_behind_the_commit_point_has_its_answer_and_leaves_the_tasks_to_the_first(self, factory: Factory) -> None:
        crash_in(factory, "tasks.enqueue", Moment.BEFORE)

        assert factory.accept("one prompt", "another prompt", key="once").is_replay
        assert factory.tasks.created == []

        factory.watch()
        assert len(factory.model.calls) == 2

    def test_creates_no_task_twice_when_only_the_mark_was_missing(self, factory: Factory) -> None:
        crash_in(factory, "reservations.mark_enqueued", Moment.BEFORE)
        factory.run()
        factory.clock.advance(120)

        answer = factory.accept("one prompt", "another prompt", key="once")

        assert answer.is_replay
        assert len(factory.tasks.created) == 2
        assert len(factory.model.calls) == 2


class TestAnOutage:
    @pytest.mark.parametrize(
        "call",
        [
            "images.put_reference",
            "reservations.write_prompts",
            "encryption.encrypt",
            "reservations.count_pending_elsewhere",
        ],
    )
    @pytest.mark.parametrize("moment", Moment)
    def test_before_the_commit_point_leaves_nothing_a_user_can_see(
        self, factory: Factory, call: str, moment: Moment
    ) -> None:
        factory.faults.fail(call, moment, Unavailable())

        with pytest.raises(Unavailable):
            factory.accept("one prompt", key="once", references=(Upload(the_bytes_of()),))

        assert factory.store.executions == {}
        assert not factory.accept("one prompt", key="once").is_replay

    @pytest.mark.parametrize("call", ["tasks.enqueue", "reservations.mark_enqueued"])
    @pytest.mark.parametrize("moment", Moment)
    def test_behind_the_commit_point_is_left_to_the_watchdog(self, factory: Factory, call: str, moment: Moment) -> None:
        factory.faults.fail(call, moment, Unavailable())

        execution_id = factory.submit_prompts("one prompt", "another prompt")

        factory.watch()
        assert factory.read_progress(execution_id).completed == 2
        assert len(factory.model.calls) == 2

    @pytest.mark.parametrize("error", [Conflict("no such bucket"), KeyError("a defect")])
    def test_that_is_a_defect_of_ours_is_no_outage_and_gives_the_reservation_back(
        self, factory: Factory, error: Exception
    ) -> None:
        factory.faults.fail("reservations.write_prompts", Moment.BEFORE, error)

        with pytest.raises(type(error)):
            factory.accept("one prompt", key="once")

        assert factory.store.executions == {}

    def test_that_keeps_the_reservation_from_being_given_back_is_told_as_it_was(self, factory: Factory) -> None:
        def hook(call: Call) -> None:
            if call.name in {"encryption.encrypt", "reservations.release"}:
                raise Unavailable(call.name)

        factory.faults.hook = hook

        with pytest.raises(Unavailable, match=r"encryption\.encrypt"):
            factory.accept("one prompt", key="once")

    def test_that_hides_the_commit_leaves_the_execution_to_its_next_request(self, factory: Factory) -> None:
        factory.faults.fail("reservations.accept", Moment.AFTER, Unavailable())
        with pytest.raises(Unavailable):
            factory.accept("one prompt", key="once")
        factory.clock.advance(120)

        answer = factory.accept("one prompt", key="once")

        assert answer.is_replay
        assert len(factory.tasks.created) == 1
        assert reserved(factory) == []

    def test_so_long_that_its_reservation_went_to_another_is_one_too(self, factory: Factory) -> None:
        factory.faults.fail("reservations.accept", Moment.BEFORE, Conflict())

        with pytest.raises(Unavailable, match="took too long"):
            factory.accept("one prompt", key="once")

        assert factory.tasks.created == []
