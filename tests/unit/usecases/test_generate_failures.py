from __future__ import annotations

import json
from dataclasses import replace

import pytest

from imagefactory.domain.errors import Conflict, Unavailable
from imagefactory.domain.execution import ExecutionStatus
from imagefactory.domain.generation import Reference
from imagefactory.domain.result import FailureCode, Result
from imagefactory.ports import GeneratedImage, Transition
from imagefactory.testing import Moment, Takes, a_failure, some_parameters
from imagefactory.usecases.generate import Outcome
from tests.harness.factory import KEY, Factory
from tests.unit.usecases.attempts import die_in, generate

REFUSED = a_failure(FailureCode.CONTENT_BLOCKED, retryable=False, provider_reason="SAFETY")


class TestFailuresOfOurOwn:
    def test_an_image_that_cannot_be_opened_is_the_providers_failure(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.script({"first prompt": [GeneratedImage(b"no image", "image/png")]})

        assert generate(factory, execution) is Outcome.POSTPONED
        failure = factory.read_result(execution.id).failure
        assert failure is not None
        assert (failure.code, failure.retryable) == (FailureCode.SERVER_ERROR, True)

    @pytest.mark.parametrize("call", ["images.put", "executions.prompts", "encryption.decrypt"])
    def test_a_service_that_fails_costs_an_attempt_and_says_storage(self, factory: Factory, call: str) -> None:
        execution = factory.store_execution("only", encrypted_key=factory.encryption.encrypt(KEY, "x"), id="x")
        factory.faults.fail(call, Moment.BEFORE, Unavailable())

        assert generate(factory, execution) is Outcome.POSTPONED
        failure = factory.read_result(execution.id).failure
        assert failure is not None
        assert (failure.code, failure.retryable) == (FailureCode.STORAGE_ERROR, True)

    def test_a_reference_image_that_is_gone_ends_the_prompt(self, factory: Factory) -> None:
        parameters = replace(some_parameters(), references=(Reference("executions/x/references/0.png", "image/png"),))
        execution = factory.store_execution("only", parameters=parameters, id="x")

        assert generate(factory, execution) is Outcome.ENDED
        failure = factory.read_result("x").failure
        assert failure is not None
        assert (failure.code, failure.retryable) == (FailureCode.INTERNAL, False)

    def test_a_key_that_cannot_be_decrypted_any_more_ends_the_prompt(self, factory: Factory) -> None:
        encrypted = factory.encryption.encrypt(KEY, "x")
        execution = factory.store_execution("only", encrypted_key=encrypted, id="x")
        factory.encryption.disable(encrypted.key_version)

        assert generate(factory, execution) is Outcome.ENDED
        failure = factory.read_result(execution.id).failure
        assert failure is not None
        assert (failure.code, failure.retryable) == (FailureCode.INTERNAL, False)
        assert factory.model.calls == []

    def test_a_defect_is_reported_at_once_and_costs_an_attempt(self, factory: Factory) -> None:
        execution = factory.store_execution("only prompt")
        factory.script({"only prompt": [KeyError("a defect")]})

        assert generate(factory, execution) is Outcome.POSTPONED
        failure = factory.read_result(execution.id).failure
        assert failure is not None
        assert (failure.code, failure.retryable) == (FailureCode.INTERNAL, True)
        assert generate(factory, execution, attempt=2) is Outcome.COMPLETED

    def test_an_outage_of_the_store_is_left_to_the_queue(self, factory: Factory) -> None:
        execution = factory.store_execution()
        factory.faults.fail("executions.load", Moment.BEFORE, Unavailable())

        with pytest.raises(Unavailable):
            generate(factory, execution)

    def test_no_log_line_holds_a_prompt_or_a_key(self, factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
        execution = factory.store_execution("only prompt", encrypted_key=factory.encryption.encrypt(KEY, "x"), id="x")
        factory.script({"only prompt": [Takes(119, a_failure()), GeneratedImage(b"?", "image/png")]})
        factory.faults.fail("images.put", Moment.BEFORE, Unavailable(f"{KEY} only prompt"))

        factory.run()

        lines = capsys.readouterr().out.splitlines()
        assert len(lines) >= 4
        assert all(json.loads(line) for line in lines)
        assert not any(secret in line for line in lines for secret in (KEY, "only prompt", execution.fingerprint * 9))


class TestClosing:
    def test_the_last_result_closes_the_execution_and_deletes_its_key(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt", "another prompt")

        factory.run()

        closed = factory.read_execution(execution_id)
        assert (closed.final_status, closed.encrypted_key) == (ExecutionStatus.COMPLETED, None)

    def test_a_death_before_closing_is_made_good_by_the_next_delivery(self, factory: Factory) -> None:
        execution = factory.store_execution("only", encrypted_key=factory.encryption.encrypt(KEY, "x"), id="x")
        die_in(factory, execution, "executions.close", Moment.BEFORE)
        assert factory.read_execution("x").encrypted_key is not None

        assert generate(factory, execution) is Outcome.ALREADY_ENDED
        assert factory.read_execution("x").encrypted_key is None

    def test_an_execution_that_changes_meanwhile_is_read_again_and_closed(self, factory: Factory) -> None:
        execution = factory.store_execution("only")
        factory.faults.fail("executions.close", Moment.BEFORE, Conflict(), times=2)

        generate(factory, execution)

        assert factory.read_execution(execution.id).final_status is ExecutionStatus.COMPLETED

    def test_one_that_keeps_changing_is_left_with_a_warning(
        self, factory: Factory, capsys: pytest.CaptureFixture[str]
    ) -> None:
        execution = factory.store_execution("only")
        factory.faults.fail("executions.close", Moment.BEFORE, Conflict(), times=5)

        assert generate(factory, execution) is Outcome.COMPLETED
        assert factory.read_execution(execution.id).final_status is None
        assert "kept changing" in capsys.readouterr().out

    def test_one_that_was_reopened_in_between_stays_open(self, factory: Factory) -> None:
        execution = factory.store_execution("only")
        factory.script({"only": [REFUSED]})

        def reopen(call: object) -> None:
            if getattr(call, "name", "") == "executions.close" and len(factory.store.results[execution.id]) == 1:
                factory.faults.hook = None
                blocked = factory.read_result(execution.id)
                factory.executions.reopen(
                    factory.read_execution(execution.id), None, [Transition(blocked, blocked.reopened())]
                )

        factory.faults.hook = reopen
        generate(factory, execution)

        assert factory.read_execution(execution.id).final_status is None
        assert factory.read_result(execution.id) == Result(0, generation=1)

    def test_one_that_has_expired_meanwhile_is_nothing_to_close(self, factory: Factory) -> None:
        execution = factory.store_execution("only")

        def expire(call: object) -> None:
            if getattr(call, "name", "") == "executions.close":
                factory.store.executions.pop(execution.id, None)

        factory.faults.hook = expire

        assert generate(factory, execution) is Outcome.COMPLETED
