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
from tests.unit.world import KEY, USER, World

PROMPTS = ("good prompt", "stubborn prompt", "bad prompt")


@pytest.fixture
def world() -> World:
    return World()


def next_round(world: World) -> CheckResult:
    """Let time pass until the next round, and make it."""
    check = world.watched()[0]
    world.clock.move_to(check.schedule_at)
    world.rounds[check.id] = world.watchdog(check)
    return world.rounds[check.id]


def all_claimed_and_dead(world: World) -> str:
    """An execution all of whose attempts died in the model's call."""
    execution_id = world.submitted(*PROMPTS)
    world.faults.fail("model.generate", Moment.BEFORE, Crash(), times=3)
    for index in range(3):
        with pytest.raises(Crash):
            world.generate(execution_id, index, 1)
    return execution_id


class TestLostTasks:
    def test_are_created_anew_under_names_that_are_free(self, world: World) -> None:
        execution_id = world.submitted(*PROMPTS)
        lost = world.tasks.due(START + timedelta(days=1))
        next_round(world)
        world.tasks.lose()

        assert next_round(world) is CheckResult.MENDED
        anew = world.tasks.created[3:]
        assert [(task.batch_index, task.attempt, task.recovery) for task in anew] == [(0, 1, 1), (1, 1, 1), (2, 1, 1)]
        assert [(task.schedule_at - world.clock.now()).total_seconds() for task in anew] == [0, 1, 2]
        assert {task.id for task in anew}.isdisjoint(task.id for task in lost)
        world.run()
        assert world.progress(execution_id).completed == 3

    def test_can_be_lost_again(self, world: World) -> None:
        execution_id = world.submitted(*PROMPTS)
        next_round(world)
        for recovery in (1, 2, 3):
            world.tasks.lose()
            assert next_round(world) is CheckResult.MENDED
            assert world.execution(execution_id).recovery_count == recovery

        world.run()

        assert world.progress(execution_id).completed == 3

    def test_are_created_anew_for_those_only_whose_task_is_gone(self, world: World) -> None:
        world.submitted(*PROMPTS)
        next_round(world)
        world.tasks.lose(world.tasks.created[1])

        assert next_round(world) is CheckResult.MENDED
        assert [task.batch_index for task in world.tasks.created[3:]] == [1]
        assert next_round(world) is CheckResult.WAITING

    def test_of_a_next_attempt_are_created_anew(self, world: World) -> None:
        execution_id = world.submitted("stubborn prompt")
        world.scripted({"stubborn prompt": [a_failure()]})
        world.deliver(world.tasks.created[0])
        world.tasks.lose()

        world.watch()

        assert world.progress(execution_id).completed == 1
        assert [task.attempt for task in world.tasks.created] == [1, 2, 2]

    def test_of_dead_attempts_are_created_anew_when_their_lease_has_run_out(self, world: World) -> None:
        execution_id = all_claimed_and_dead(world)
        world.tasks.lose()

        world.watch()

        assert world.progress(execution_id).completed == 3
        assert [world.result(execution_id, index).attempts for index in range(3)] == [2, 2, 2]

    def test_of_a_live_attempt_are_left_to_it(self, world: World) -> None:
        all_claimed_and_dead(world)
        world.tasks.lose()

        rounds = [next_round(world), next_round(world)]

        assert rounds == [CheckResult.MOVING, CheckResult.WAITING]
        assert len(world.tasks.created) == 3

    def test_that_another_round_creates_at_the_same_time_are_left_to_it(self, world: World) -> None:
        world.submitted(*PROMPTS)
        next_round(world)
        world.tasks.lose()
        world.faults.fail("executions.note_recovery", Moment.BEFORE, Conflict())

        assert next_round(world) is CheckResult.MOVING
        assert len(world.tasks.created) == 3

    def test_of_a_large_batch_are_found_through_the_first_few(self, world: World) -> None:
        execution_id = world.submitted(*(f"prompt {number}" for number in range(1100)))
        next_round(world)
        world.tasks.lose()

        next_round(world)

        assert len(world.tasks.waiting) == 1100
        assert world.execution(execution_id).recovery_count == 1


class TestOtherWaysToLoseATask:
    @pytest.mark.parametrize("moment", Moment)
    @pytest.mark.parametrize("call", ["tasks.enqueue_check", "executions.reopen", "tasks.enqueue"])
    def test_a_retry_that_died_is_completed(self, world: World, call: str, moment: Moment) -> None:
        execution_id = world.submitted(*PROMPTS)
        world.cancel(USER, execution_id)
        world.watch()
        world.clock.advance(3600)
        world.faults.fail(call, moment, Crash())
        with pytest.raises(Crash):
            world.retry(USER, execution_id, RetryRequest(api_key=KEY))

        world.watch()

        results = [world.result(execution_id, index) for index in range(3)]
        assert all(result.status.is_terminal for result in results)
        assert world.execution(execution_id).encrypted_key is None
        has_reopened = call == "tasks.enqueue" or (call, moment) == ("executions.reopen", Moment.AFTER)
        assert results[0].status is (ResultStatus.COMPLETED if has_reopened else ResultStatus.CANCELLED)

    def test_a_task_that_the_queue_gave_up_is_created_anew(self, world: World) -> None:
        execution_id = world.submitted("one prompt")
        [task] = world.tasks.created
        world.faults.fail("executions.load", Moment.BEFORE, Unavailable(), times=10)
        for _ in range(10):
            with pytest.raises(Unavailable):
                world.generate(execution_id, 0, 1)
        world.tasks.lose(task)

        world.watch()

        assert world.progress(execution_id).completed == 1

    def test_a_watchdog_that_dies_is_delivered_again(self, world: World) -> None:
        execution_id = world.submitted(*PROMPTS)
        next_round(world)
        world.tasks.lose()
        world.faults.fail("tasks.enqueue", Moment.BEFORE, Crash())

        world.watch()

        assert world.progress(execution_id).completed == 3

    def test_a_recovered_task_and_its_lost_twin_do_the_work_once(self, world: World) -> None:
        execution_id = world.submitted("one prompt")
        [task] = world.tasks.created
        next_round(world)
        world.tasks.lose()
        next_round(world)

        outcomes = [world.deliver(task), world.deliver(replace(task, recovery=1))]

        assert outcomes == [Outcome.COMPLETED, Outcome.ALREADY_ENDED]
        assert world.progress(execution_id).completed == 1
