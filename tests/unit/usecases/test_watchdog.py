from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import ExecutionStatus, Phase
from imagefactory.domain.task import first_check
from imagefactory.testing import START, Call, Crash, Moment
from imagefactory.usecases.watchdog import CheckResult
from tests.harness.factory import WATCHDOG_INTERVAL, Factory

PROMPTS = ("good prompt", "stubborn prompt", "bad prompt")


def die_in(factory: Factory, call: str, moment: Moment) -> str:
    """Let a submit without an idempotency key die at this call; the id of its execution."""
    factory.faults.fail(call, moment, Crash())
    with pytest.raises(Crash):
        factory.accept(*PROMPTS)
    [execution_id] = factory.store.executions
    return execution_id


class TestARound:
    def test_finds_what_moves_moving_and_comes_back(self, factory: Factory) -> None:
        factory.submit_prompts(*PROMPTS)

        assert factory.make_round() is CheckResult.MOVING
        [check] = factory.list_rounds()
        assert check.schedule_at == START + timedelta(seconds=2 * WATCHDOG_INTERVAL)
        assert (check.round, check.idle_rounds) == (2, 0)

    def test_costs_two_reads_while_something_moves(self, factory: Factory) -> None:
        factory.submit_prompts(*PROMPTS)
        before = len(factory.faults.calls)

        factory.make_round()

        assert factory.faults.calls[before:] == ["executions.get", "executions.read_progress", "tasks.enqueue_check"]

    def test_finds_what_waits_waiting_and_pauses_longer_each_time(self, factory: Factory) -> None:
        factory.submit_prompts(*PROMPTS)
        factory.make_round()

        pauses = []
        for _ in range(6):
            began = factory.list_rounds()[0].schedule_at
            assert factory.make_round() is CheckResult.WAITING
            pauses.append((factory.list_rounds()[0].schedule_at - began).total_seconds())

        assert pauses == [120, 240, 480, 960, 960, 960]

    def test_is_the_last_once_the_execution_has_ended(self, factory: Factory) -> None:
        factory.submit_prompts(*PROMPTS)
        factory.run()

        assert factory.make_round() is CheckResult.ENDED
        assert factory.list_rounds() == []

    def test_closes_what_its_closer_left_open(self, factory: Factory) -> None:
        execution_id = factory.submit_prompts("one prompt")
        factory.faults.fail("executions.close", Moment.BEFORE, Crash())
        with pytest.raises(Crash):
            factory.generate(execution_id, 0, 1)

        factory.make_round()

        closed = factory.read_execution(execution_id)
        assert (closed.final_status, closed.encrypted_key) == (ExecutionStatus.COMPLETED, None)

    def test_waits_for_a_submit_that_may_still_come_to_its_commit_point(self, factory: Factory) -> None:
        check = first_check("e", START, WATCHDOG_INTERVAL)
        factory.tasks.enqueue_check(check)

        assert [factory.make_round(), factory.make_round()] == [CheckResult.WAITING, CheckResult.GONE]
        assert factory.list_rounds() == []

    def test_keeps_a_submit_that_is_too_late_from_its_commit_point(self, factory: Factory) -> None:
        die_in(factory, "reservations.accept", Moment.BEFORE)
        [late] = factory.store.executions.values()

        factory.watch()

        assert factory.store.executions == {}
        with pytest.raises(Conflict):
            factory.reservations.accept(replace(late, phase=Phase.ACCEPTED))

    def test_comes_back_to_a_late_submit_that_was_accepted_after_all(
        self, factory: Factory, capsys: pytest.CaptureFixture[str]
    ) -> None:
        execution_id = die_in(factory, "reservations.accept", Moment.BEFORE)
        [late] = factory.store.executions.values()
        factory.make_round()

        def accept_just_then(call: Call) -> None:
            if call.name == "reservations.expire":
                factory.faults.hook = None
                factory.reservations.accept(replace(late, phase=Phase.ACCEPTED, chunks=(0,)))

        factory.faults.hook = accept_just_then

        assert factory.make_round() is CheckResult.WAITING
        assert "accepted after all" in capsys.readouterr().out
        factory.watch()
        assert factory.read_progress(execution_id).completed == 3

    def test_finds_an_execution_that_has_expired_gone(self, factory: Factory) -> None:
        factory.submit_prompts(*PROMPTS)
        factory.clock.advance(86_400)
        factory.store.executions.clear()

        assert factory.make_round() is CheckResult.GONE

    def test_delivered_twice_does_nothing_twice(self, factory: Factory) -> None:
        factory.submit_prompts(*PROMPTS)
        [check] = factory.list_rounds()
        factory.make_round()

        factory.watchdog(check)

        assert len(factory.tasks.watches) == 2


class TestASubmitThatDied:
    @pytest.mark.parametrize(
        ("call", "moment"),
        [
            ("reservations.accept", Moment.AFTER),
            ("tasks.enqueue", Moment.BEFORE),
            ("tasks.enqueue", Moment.AFTER),
            ("reservations.mark_enqueued", Moment.BEFORE),
        ],
    )
    def test_behind_its_commit_point_is_completed(self, factory: Factory, call: str, moment: Moment) -> None:
        execution_id = die_in(factory, call, moment)

        rounds = [factory.make_round(), factory.make_round()]

        assert rounds == [CheckResult.MOVING, CheckResult.RECOVERED]
        assert factory.read_execution(execution_id).phase is Phase.ENQUEUED
        factory.run()
        assert factory.read_progress(execution_id).completed == 3
        assert len(factory.model.calls) == 3

    @pytest.mark.parametrize("moment", Moment)
    def test_before_its_commit_point_is_let_go(self, factory: Factory, moment: Moment) -> None:
        die_in(factory, "tasks.enqueue_check", moment)

        factory.watch()

        assert set(factory.rounds.values()) <= {CheckResult.WAITING, CheckResult.GONE}
        assert factory.tasks.created == []


class TestTheMomentWhen:
    """Every limit in time belongs to what begins with it."""

    @pytest.mark.parametrize(("seconds", "found"), [(119.999, CheckResult.WAITING), (120, CheckResult.GONE)])
    def test_a_submit_is_overdue(self, factory: Factory, seconds: float, found: CheckResult) -> None:
        factory.clock.advance(seconds)

        assert factory.watchdog(first_check("e", START, WATCHDOG_INTERVAL)) is found

    @pytest.mark.parametrize(("seconds", "found"), [(119.999, CheckResult.MOVING), (120, CheckResult.RECOVERED)])
    def test_a_fan_out_is_taken_for_dead(self, factory: Factory, seconds: float, found: CheckResult) -> None:
        die_in(factory, "reservations.accept", Moment.AFTER)
        factory.clock.advance(seconds)

        assert factory.watchdog(factory.list_rounds()[0]) is found

    @pytest.mark.parametrize(("seconds", "found"), [(179.999, CheckResult.WAITING), (180, CheckResult.RECOVERED)])
    def test_an_attempt_is_taken_for_dead(self, factory: Factory, seconds: float, found: CheckResult) -> None:
        execution_id = factory.submit_prompts("one prompt")
        factory.faults.fail("model.generate", Moment.BEFORE, Crash())
        with pytest.raises(Crash):
            factory.generate(execution_id, 0, 1)
        factory.tasks.lose()
        [check] = factory.list_rounds()
        factory.clock.advance(seconds)

        assert factory.watchdog(replace(check, last_version=factory.read_progress(execution_id).version)) is found


def test_first_tasks_keep_the_pace_of_the_queue_from_the_submit_on(factory: Factory) -> None:
    die_in(factory, "tasks.enqueue", Moment.BEFORE)

    factory.make_round()
    factory.make_round()

    assert [(task.schedule_at - START).total_seconds() for task in factory.tasks.created] == [0, 1, 2]


def test_a_late_submit_that_was_accepted_is_left_a_longer_pause(factory: Factory) -> None:
    factory.clock.advance(120)
    factory.faults.fail("reservations.expire", Moment.BEFORE, Conflict())

    factory.watchdog(first_check("e", START, WATCHDOG_INTERVAL))

    [check] = factory.list_rounds()
    assert (check.round, check.idle_rounds) == (2, 1)
    assert (check.schedule_at - factory.clock.now()).total_seconds() == 2 * WATCHDOG_INTERVAL


def test_a_round_that_could_not_close_comes_back_at_once_and_knows_what_it_saw(factory: Factory) -> None:
    execution_id = factory.submit_prompts("one prompt")
    factory.run()
    factory.faults.fail("executions.close", Moment.BEFORE, Conflict())

    assert factory.make_round() is CheckResult.MOVING

    [check] = factory.list_rounds()
    assert (check.last_version, check.idle_rounds) == (factory.read_progress(execution_id).version, 0)


def test_the_first_fifty_tasks_stand_for_all(factory: Factory) -> None:
    factory.submit_prompts(*(f"prompt {number}" for number in range(60)))
    factory.make_round()
    factory.tasks.lose(*factory.tasks.created[50:])

    assert factory.make_round() is CheckResult.WAITING

    factory.tasks.lose(factory.tasks.created[49])
    assert factory.make_round() is CheckResult.RECOVERED
    assert [task.batch_index for task in factory.tasks.created[60:]] == list(range(49, 60))
