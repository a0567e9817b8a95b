"""A submit slower than the time it has: either it is kept from its commit point, or its execution is watched."""

from __future__ import annotations

import pytest

from imagefactory.domain.errors import Unavailable
from imagefactory.domain.task import first_check
from imagefactory.testing import Call, Moment
from imagefactory.usecases.watchdog import CheckResult
from tests.unit.world import WATCHDOG_INTERVAL, World


def late_in(world: World, name: str, moment: Moment, seconds: float) -> None:
    """Let a submit hang here; a watchdog's rounds go on meanwhile."""

    def hook(call: Call) -> None:
        if (call.name, call.moment) == (name, moment):
            world.faults.hook = None
            for _ in range(3):
                world.clock.advance(seconds / 3)
                for check in world.watched():
                    if check.schedule_at <= world.clock.now():
                        world.rounds[check.id] = world.watchdog(check)

    world.faults.hook = hook


def test_one_that_comes_to_its_commit_point_too_late_is_refused_and_leaves_nothing() -> None:
    world = World()
    late_in(world, "reservations.accept", Moment.BEFORE, 240)

    with pytest.raises(Unavailable):
        world.accepted("one prompt", key="once")

    assert list(world.rounds.values())[-1] is CheckResult.GONE
    assert (world.store.executions, world.store.progress) == ({}, {})
    assert not world.accepted("one prompt", key="once").is_replay


def test_one_whose_watchdog_looks_just_before_it_is_accepted_stays_watched() -> None:
    world = World()
    execution = world.given("one prompt")
    world.tasks.lose()
    world.tasks.enqueue_check(first_check(execution.id, world.clock.now(), WATCHDOG_INTERVAL))
    accepted = world.store.executions.pop(execution.id)
    world.clock.advance(130)

    def accepted_meanwhile(call: Call) -> None:
        if (call.name, call.moment) == ("reservations.expire", Moment.BEFORE):
            world.store.executions[execution.id] = accepted

    world.faults.hook = accepted_meanwhile
    check = world.watched()[0]

    world.rounds[check.id] = world.watchdog(check)
    world.faults.hook = None
    world.watch()

    assert world.rounds[check.id] is CheckResult.WAITING
    assert world.progress(execution.id).completed == 1
