"""What one user may have in flight, whichever way it comes to be."""

from __future__ import annotations

import pytest

from imagefactory.domain.errors import InvalidRequest, TooManyInFlight
from imagefactory.domain.execution import Phase
from imagefactory.domain.limits import Limits
from imagefactory.testing import Call, Crash, Moment, a_submission
from imagefactory.usecases.retry import RetryRequest
from tests.unit.world import KEY, USER, World


@pytest.fixture
def world() -> World:
    return World(limits=Limits(executions=2, prompts=5))


def test_one_execution_more_than_a_user_may_have_is_refused_and_leaves_nothing(world: World) -> None:
    first, second = world.submitted("first"), world.submitted("second")

    with pytest.raises(TooManyInFlight):
        world.submitted("third")

    assert set(world.store.executions) == {first, second}
    assert len(world.tasks.created) == 2


def test_prompts_beyond_what_a_user_may_have_are_refused(world: World) -> None:
    world.submitted("first", "second", "third")

    with pytest.raises(TooManyInFlight, match="3 of your prompts"):
        world.submitted("fourth", "fifth", "sixth")

    world.submitted("fourth", "fifth")


def test_what_has_ended_makes_room(world: World) -> None:
    world.submitted("first", "second", "third")
    world.run()

    world.submitted("fourth", "fifth", "sixth")


def test_other_users_are_not_concerned(world: World) -> None:
    world.submitted("first")
    world.submitted("second")

    assert world.submit("bob", "w", a_submission("third")).execution.phase is Phase.ACCEPTED


def test_a_batch_that_never_fits_is_told_so_at_once(world: World) -> None:
    with pytest.raises(InvalidRequest, match="at most 5 are taken"):
        world.submitted(*("a prompt",) * 6)


def test_the_answer_to_a_repeated_request_is_not_refused(world: World) -> None:
    world.accepted("first", key="once")
    world.submitted("second")

    assert world.accepted("first", key="once").is_replay


def test_of_two_at_once_for_the_last_place_not_both_get_it(world: World) -> None:
    world.submitted("first")
    inner: list[type[BaseException] | None] = []

    def another_meanwhile(call: Call) -> None:
        if (call.name, call.moment) == ("reservations.reserve", Moment.AFTER) and not inner:
            inner.append(None)
            try:
                world.submitted("third")
            except TooManyInFlight:
                inner.append(TooManyInFlight)

    world.faults.hook = another_meanwhile

    world.submitted("second")

    assert inner == [None, TooManyInFlight]
    assert len(world.store.progress) == 2


def test_a_submit_that_died_counts_only_while_it_may_still_be_accepted(world: World) -> None:
    world.submitted("first")
    world.faults.fail("reservations.write_prompts", Moment.BEFORE, Crash())
    with pytest.raises(Crash):
        world.submitted("second")

    with pytest.raises(TooManyInFlight):
        world.submitted("third")

    world.clock.advance(120)
    world.submitted("third")


class TestARetry:
    def cancelled(self, world: World, *prompts: str) -> str:
        execution_id = world.submitted(*prompts)
        world.cancel(USER, execution_id)
        return execution_id

    def test_counts_what_it_reopens(self, world: World) -> None:
        execution_id = self.cancelled(world, "first", "second", "third")
        world.submitted("fourth", "fifth", "sixth")

        with pytest.raises(TooManyInFlight, match="would add 3"):
            world.retry(USER, execution_id, RetryRequest(api_key=KEY))

        assert world.progress(execution_id).cancelled == 3
        assert world.execution(execution_id).encrypted_key is None

    def test_of_few_results_needs_little_room(self, world: World) -> None:
        execution_id = self.cancelled(world, "first", "second", "third")
        world.submitted("fourth", "fifth", "sixth")

        answer = world.retry(USER, execution_id, RetryRequest(api_key=KEY, indexes=frozenset({0, 2})))

        assert answer.count == 2

    def test_makes_an_execution_of_one_that_had_ended(self, world: World) -> None:
        execution_id = self.cancelled(world, "first")
        world.submitted("second")
        world.submitted("third")

        with pytest.raises(TooManyInFlight):
            world.retry(USER, execution_id, RetryRequest(api_key=KEY))
