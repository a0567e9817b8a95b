from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from imagefactory.domain.errors import Conflict, Unavailable
from imagefactory.domain.result import ResultStatus
from imagefactory.testing import START, Crash, Moment, a_failure
from imagefactory.usecases.generate import Outcome
from imagefactory.usecases.retry import RetryRequest
from imagefactory.usecases.watchdog import CheckResult
from tests.harness.factory import KEY, USER, Factory

PROMPTS = ("good prompt", "stubborn prompt", "bad prompt")


def all_claimed_and_dead(factory: Factory) -> str:
    """An execution all of whose attempts died in the model's call."""
    execution_id = factory.submit_prompts(*PROMPTS)
    factory.faults.fail("model.generate", Moment.BEFORE, Crash(), times=3)
    for index in range(3):
        with pytest.raises(Crash):
            factory.generate(execution_id, index, 1)
    return execution_id


class TestLostTasks:
    def test_are_created_anew_under_names_that_are_free(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*PROMPTS)
        lost = factory.tasks.due(START + timedelta(days=1))
        factory.make_round()
        factory.tasks.lose()

        assert factory.make_round() is CheckResult.RECOVERED
        anew = factory.tasks.created[3:]
        assert [(task.batch_index, task.attempt, task.recovery) for task in anew] == [(0, 1, 1), (1, 1, 1), (2, 1, 1)]
        assert [(task.schedule_at - factory.clock.now()).total_seconds() for task in anew] == [0, 1, 2]
        assert {task.id for task in anew}.isdisjoint(task.id for task in lost)
        factory.run()
        assert factory.read_progress(execution_id).completed == 3

    def test_can_be_lost_again(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*PROMPTS)
        factory.make_round()
        for recovery in (1, 2, 3):
            factory.tasks.lose()
            assert factory.make_round() is CheckResult.RECOVERED
            assert factory.read_execution(execution_id).recovery_count == recovery

        factory.run()

        assert factory.read_progress(execution_id).completed == 3

    def test_are_created_anew_for_those_only_whose_task_is_gone(self, factory: Factory) -> None:
        factory.submit_prompts(*PROMPTS)
        factory.make_round()
        factory.tasks.lose(factory.tasks.created[1])

        assert factory.make_round() is CheckResult.RECOVERED
        assert [task.batch_index for task in factory.tasks.created[3:]] == [1]
        assert factory.make_round() is CheckResult.WAITING

    def test_of_a_next_attempt_are_created_anew(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("stubborn prompt")
        factory.script({"stubborn prompt": [a_failure()]})
        factory.deliver(factory.tasks.created[0])
        factory.tasks.lose()

        factory.watch()

        assert factory.read_progress(execution_id).completed == 1
        assert [task.attempt for task in factory.tasks.created] == [1, 2, 2]

    def test_of_dead_attempts_are_created_anew_when_their_lease_has_run_out(self, factory: Factory) -> None:
        execution_id = all_claimed_and_dead(factory)
        factory.tasks.lose()

        factory.watch()

        assert factory.read_progress(execution_id).completed == 3
        assert [factory.read_result(execution_id, index).attempts for index in range(3)] == [2, 2, 2]

    def test_of_a_live_attempt_are_left_to_it(self, factory: Factory) -> None:
        all_claimed_and_dead(factory)
        factory.tasks.lose()

        rounds = [factory.make_round(), factory.make_round()]

        assert rounds == [CheckResult.MOVING, CheckResult.WAITING]
        assert len(factory.tasks.created) == 3

    def test_that_another_round_creates_at_the_same_time_are_left_to_it(self, factory: Factory) -> None:
        factory.submit_prompts(*PROMPTS)
        factory.make_round()
        factory.tasks.lose()
        factory.faults.fail("executions.note_recovery", Moment.BEFORE, Conflict())

        assert factory.make_round() is CheckResult.MOVING
        assert len(factory.tasks.created) == 3

    def test_of_a_large_batch_are_found_through_the_first_few(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*(f"prompt {number}" for number in range(1100)))
        factory.make_round()
        factory.tasks.lose()

        factory.make_round()

        assert len(factory.tasks.waiting) == 1100
        assert factory.read_execution(execution_id).recovery_count == 1


class TestOtherWaysToLoseATask:
    @pytest.mark.parametrize("moment", Moment)
    @pytest.mark.parametrize("call", ["tasks.enqueue_check", "executions.reopen", "tasks.enqueue"])
    def test_a_retry_that_died_is_completed(self, factory: Factory, call: str, moment: Moment) -> None:
        execution_id = factory.submit_prompts(*PROMPTS)
        factory.cancel(USER, execution_id)
        factory.watch()
        factory.clock.advance(3600)
        factory.faults.fail(call, moment, Crash())
        with pytest.raises(Crash):
            factory.retry(USER, execution_id, RetryRequest(api_key=KEY))

        factory.watch()

        results = [factory.read_result(execution_id, index) for index in range(3)]
        assert all(result.status.is_terminal for result in results)
        assert factory.read_execution(execution_id).encrypted_key is None
        has_reopened = call == "tasks.enqueue" or (call, moment) == ("executions.reopen", Moment.AFTER)
        assert results[0].status is (ResultStatus.COMPLETED if has_reopened else ResultStatus.CANCELLED)

    def test_a_task_that_the_queue_gave_up_is_created_anew(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")
        [task] = factory.tasks.created
        factory.faults.fail("executions.load", Moment.BEFORE, Unavailable(), times=10)
        for _ in range(10):
            with pytest.raises(Unavailable):
                factory.generate(execution_id, 0, 1)
        factory.tasks.lose(task)

        factory.watch()

        assert factory.read_progress(execution_id).completed == 1

    def test_a_watchdog_that_dies_is_delivered_again(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts(*PROMPTS)
        factory.make_round()
        factory.tasks.lose()
        factory.faults.fail("tasks.enqueue", Moment.BEFORE, Crash())

        factory.watch()

        assert factory.read_progress(execution_id).completed == 3

    def test_a_recovered_task_and_its_lost_twin_do_the_work_once(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")
        [task] = factory.tasks.created
        factory.make_round()
        factory.tasks.lose()
        factory.make_round()

        outcomes = [factory.deliver(task), factory.deliver(replace(task, recovery=1))]

        assert outcomes == [Outcome.COMPLETED, Outcome.ALREADY_ENDED]
        assert factory.read_progress(execution_id).completed == 1
