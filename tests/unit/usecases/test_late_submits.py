"""A submit slower than the time it has: either it is kept from its commit point, or its execution is watched."""

from __future__ import annotations

import pytest

from imagefactory.domain.errors import Unavailable
from imagefactory.domain.task import first_check
from imagefactory.testing import Call, Moment
from imagefactory.usecases.watchdog import CheckResult
from tests.harness.factory import WATCHDOG_INTERVAL, Factory


def late_in(factory: Factory, name: str, moment: Moment, seconds: float) -> None:
    """Let a submit hang here; a watchdog's rounds go on meanwhile."""

    def hook(call: Call) -> None:
        if (call.name, call.moment) == (name, moment):
            factory.faults.hook = None
            for _ in range(3):
                factory.clock.advance(seconds / 3)
                for check in factory.list_rounds():
                    if check.schedule_at <= factory.clock.now():
                        factory.rounds[check.id] = factory.watchdog(check)

    factory.faults.hook = hook


def test_one_that_comes_to_its_commit_point_too_late_is_refused_and_leaves_nothing() -> None:
    factory = Factory()
    late_in(factory, "reservations.accept", Moment.BEFORE, 240)

    with pytest.raises(Unavailable):
        factory.accept("one prompt", key="once")

    assert list(factory.rounds.values())[-1] is CheckResult.GONE
    assert (factory.store.executions, factory.store.progress) == ({}, {})
    assert not factory.accept("one prompt", key="once").is_replay


def test_one_whose_watchdog_looks_just_before_it_is_accepted_stays_watched() -> None:
    factory = Factory()
    execution = factory.store_execution("one prompt")
    factory.tasks.lose()
    factory.tasks.enqueue_check(first_check(execution.id, factory.clock.now(), WATCHDOG_INTERVAL))
    accepted = factory.store.executions.pop(execution.id)
    factory.clock.advance(130)

    def accepted_meanwhile(call: Call) -> None:
        if (call.name, call.moment) == ("reservations.expire", Moment.BEFORE):
            factory.store.executions[execution.id] = accepted

    factory.faults.hook = accepted_meanwhile
    check = factory.list_rounds()[0]

    factory.rounds[check.id] = factory.watchdog(check)
    factory.faults.hook = None
    factory.watch()

    assert factory.rounds[check.id] is CheckResult.WAITING
    assert factory.read_progress(execution.id).completed == 1
