from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import ExecutionStatus, Phase
from imagefactory.domain.task import first_check
from imagefactory.testing import START, Call, Crash, Moment
from imagefactory.usecases.watchdog import CheckResult
from tests.unit.world import WATCHDOG_INTERVAL, World

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


def die_in(world: World, call: str, moment: Moment) -> str:
    """Let a submit without an idempotency key die at this call; the id of its execution."""
    world.faults.fail(call, moment, Crash())
    with pytest.raises(Crash):
        world.accepted(*PROMPTS)
    [execution_id] = world.store.executions
    return execution_id


class TestARound:
    def test_finds_what_moves_moving_and_comes_back(self, world: World) -> None:
        world.submitted(*PROMPTS)

        assert next_round(world) is CheckResult.MOVING
        [check] = world.watched()
        assert check.schedule_at == START + timedelta(seconds=2 * WATCHDOG_INTERVAL)
        assert (check.round, check.idle_rounds) == (2, 0)

    def test_costs_two_reads_while_something_moves(self, world: World) -> None:
        world.submitted(*PROMPTS)
        before = len(world.faults.calls)

        next_round(world)

        assert world.faults.calls[before:] == ["executions.get", "executions.read_progress", "tasks.enqueue_check"]

    def test_finds_what_waits_waiting_and_pauses_longer_each_time(self, world: World) -> None:
        world.submitted(*PROMPTS)
        next_round(world)

        pauses = []
        for _ in range(6):
            began = world.watched()[0].schedule_at
            assert next_round(world) is CheckResult.WAITING
            pauses.append((world.watched()[0].schedule_at - began).total_seconds())

        assert pauses == [120, 240, 480, 960, 960, 960]

    def test_is_the_last_once_the_execution_has_ended(self, world: World) -> None:
        world.submitted(*PROMPTS)
        world.run()

        assert next_round(world) is CheckResult.ENDED
        assert world.watched() == []

    def test_closes_what_its_closer_left_open(self, world: World) -> None:
        execution_id = world.submitted("one prompt")
        world.faults.fail("executions.close", Moment.BEFORE, Crash())
        with pytest.raises(Crash):
            world.generate(execution_id, 0, 1)

        next_round(world)

        closed = world.execution(execution_id)
        assert (closed.final_status, closed.encrypted_key) == (ExecutionStatus.COMPLETED, None)

    def test_waits_for_a_submit_that_may_still_come_to_its_commit_point(self, world: World) -> None:
        check = first_check("e", START, WATCHDOG_INTERVAL)
        world.tasks.enqueue_check(check)

        assert [next_round(world), next_round(world)] == [CheckResult.WAITING, CheckResult.GONE]
        assert world.watched() == []

    def test_keeps_a_submit_that_is_too_late_from_its_commit_point(self, world: World) -> None:
        die_in(world, "reservations.accept", Moment.BEFORE)
        [late] = world.store.executions.values()

        world.watch()

        assert world.store.executions == {}
        with pytest.raises(Conflict):
            world.reservations.accept(replace(late, phase=Phase.ACCEPTED))

    def test_comes_back_to_a_late_submit_that_was_accepted_after_all(
        self, world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        execution_id = die_in(world, "reservations.accept", Moment.BEFORE)
        [late] = world.store.executions.values()
        next_round(world)

        def accept_just_then(call: Call) -> None:
            if call.name == "reservations.expire":
                world.faults.hook = None
                world.reservations.accept(replace(late, phase=Phase.ACCEPTED, chunks=(0,)))

        world.faults.hook = accept_just_then

        assert next_round(world) is CheckResult.WAITING
        assert "accepted after all" in capsys.readouterr().out
        world.watch()
        assert world.progress(execution_id).completed == 3

    def test_finds_an_execution_that_has_expired_gone(self, world: World) -> None:
        world.submitted(*PROMPTS)
        world.clock.advance(86_400)
        world.store.executions.clear()

        assert next_round(world) is CheckResult.GONE

    def test_delivered_twice_does_nothing_twice(self, world: World) -> None:
        world.submitted(*PROMPTS)
        [check] = world.watched()
        next_round(world)

        world.watchdog(check)

        assert len(world.tasks.watches) == 2


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
    def test_behind_its_commit_point_is_completed(self, world: World, call: str, moment: Moment) -> None:
        execution_id = die_in(world, call, moment)

        rounds = [next_round(world), next_round(world)]

        assert rounds == [CheckResult.MOVING, CheckResult.MENDED]
        assert world.execution(execution_id).phase is Phase.ENQUEUED
        world.run()
        assert world.progress(execution_id).completed == 3
        assert len(world.model.calls) == 3

    @pytest.mark.parametrize("moment", Moment)
    def test_before_its_commit_point_is_let_go(self, world: World, moment: Moment) -> None:
        die_in(world, "tasks.enqueue_check", moment)

        world.watch()

        assert set(world.rounds.values()) <= {CheckResult.WAITING, CheckResult.GONE}
        assert world.tasks.created == []
