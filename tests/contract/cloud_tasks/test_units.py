"""Properties of the parts that keep time and order, without a server around them."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.cloud_tasks.clock import Clock
from emulators.cloud_tasks.queues.reserved_names import ReservedNames
from emulators.cloud_tasks.queues.retry import RetryPolicy
from emulators.cloud_tasks.queues.schedule import Schedule
from emulators.cloud_tasks.queues.token_bucket import TokenBucket
from emulators.cloud_tasks.wire.queue_config import burst_for
from emulators.cloud_tasks.wire.times import seconds_of, timestamp

rates = st.floats(min_value=0.01, max_value=500)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(-1, 50).filter(bool),
    max_duration=st.floats(0, 1000),
    min_backoff=st.floats(0.01, 100),
    max_backoff=st.floats(100, 10_000),
    max_doublings=st.integers(0, 40),
)


@given(rates, st.lists(st.floats(min_value=0, max_value=30), max_size=200))
def test_a_bucket_never_gives_more_than_its_size_and_what_has_flowed_in(rate: float, pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(rate, 0), 0.0, 0

    for pause in pauses:
        now += pause
        taken += bucket.take(now)

    assert taken <= burst_for(rate) + rate * now + 1e-6


@given(rates)
def test_a_bucket_knows_when_its_next_token_comes(rate: float) -> None:
    bucket = TokenBucket(rate, 0)
    while bucket.take(0):
        pass

    ready = bucket.ready_at(0)

    assert ready == pytest.approx(1 / rate)
    assert not bucket.take(ready * 0.99)
    assert bucket.take(ready)


@given(policies)
def test_waits_never_shrink_and_stay_between_the_two_backoffs(policy: RetryPolicy) -> None:
    waits = [policy.delay(retry) for retry in range(1, 120)]

    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(policy.min_backoff)
    assert waits[-1] <= policy.max_backoff


@given(policies, st.integers(1, 100), st.floats(0, 2000))
def test_a_task_given_up_stays_given_up(policy: RetryPolicy, attempts: int, elapsed: float) -> None:
    if policy.gives_up(attempts, elapsed):
        assert policy.gives_up(attempts + 1, elapsed + 1)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans())), st.booleans())
def test_a_schedule_gives_back_what_was_not_withdrawn_in_the_order_of_time(
    entries: list[tuple[int, bool]],
    shuffled: bool,  # noqa: FBT001 - a case
) -> None:
    schedule: Schedule[int] = Schedule(shuffled=shuffled)
    tickets = [schedule.put(number, due) for number, (due, _) in enumerate(entries)]
    for ticket, (_, withdrawn) in zip(tickets, entries, strict=True):
        if withdrawn:
            schedule.withdraw(ticket)

    left = []
    for now in range(21):
        while (due := schedule.next_due()) is not None and due <= now:
            left.append((now, schedule.pop(now)))

    expected = sorted((due, number) for number, (due, withdrawn) in enumerate(entries) if not withdrawn)
    assert (sorted(left) if shuffled else left) == expected
    assert len(schedule) == 0


def test_withdrawn_entries_do_not_pile_up() -> None:
    schedule: Schedule[int] = Schedule(shuffled=False)

    for number in range(10_000):
        schedule.withdraw(schedule.put(number, 1e9))

    assert len(schedule._heap) < 2000  # noqa: SLF001 - memory is not to be seen from outside


def test_a_name_reserved_anew_is_reserved_from_then_on() -> None:
    names = ReservedNames(lifetime=10, max_names=100)
    names.add("a", 0)
    names.add("a", 5)
    names.add("b", 12)

    assert names.holds("a", 14)
    assert not names.holds("a", 15)


def test_beyond_its_size_a_list_of_names_forgets_the_oldest() -> None:
    names = ReservedNames(lifetime=10, max_names=2)
    for name in "abcd":
        names.add(name, 0)

    assert [names.holds(name, 1) for name in "abcd"] == [False, False, True, True]


def test_a_time_is_cut_never_rounded_up() -> None:
    # Neighbouring numbers, as close as the clock can tell them apart.
    moments = [1_795_380_593.539343 + step * 2.384185791015625e-07 for step in range(20_000)]

    for moment in moments:
        assert 0 <= moment - seconds_of(timestamp(moment)) < 1.5e-6


def test_alarms_ring_in_the_order_of_their_times_and_not_when_cancelled() -> None:
    async def scenario() -> list[str]:
        clock, rung = Clock(), list[str]()
        clock.set_speed(0)
        now = clock.now()
        for name, ahead in (("late", 30), ("early", 10), ("cancelled", 20), ("beyond", 100)):
            alarm = clock.call_at(now + ahead, partial(rung.append, name))
            if name == "cancelled":
                alarm.cancel()
        clock.advance(50)
        await asyncio.sleep(0)
        return rung

    assert asyncio.run(scenario()) == ["early", "late"]


def test_an_alarm_keeps_its_time_when_the_clock_changes_its_speed() -> None:
    async def scenario() -> float:
        clock, rung = Clock(), asyncio.Event()
        clock.call_at(clock.now() + 100, rung.set)
        clock.set_speed(1000)
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.wait_for(rung.wait(), 5)
        return loop.time() - start

    assert 0.09 < asyncio.run(scenario()) < 1
