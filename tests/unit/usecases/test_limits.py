"""What one user may have in flight, whichever way it comes to be."""

from __future__ import annotations

import pytest

from imagefactory.domain.errors import InvalidRequest, TooManyInFlight
from imagefactory.domain.execution import Phase
from imagefactory.domain.limits import Limits
from imagefactory.testing import Call, Crash, Moment, a_submission
from imagefactory.usecases.retry import RetryRequest
from tests.harness.factory import KEY, USER, Factory


@pytest.fixture
def factory() -> Factory:
    return Factory(limits=Limits(executions=2, prompts=5))


def test_one_execution_more_than_a_user_may_have_is_refused_and_leaves_nothing(factory: Factory) -> None:
    first, second = factory.submit_prompts("first"), factory.submit_prompts("second")

    with pytest.raises(TooManyInFlight):
        factory.submit_prompts("third")

    assert set(factory.store.executions) == {first, second}
    assert len(factory.tasks.created) == 2


def test_prompts_beyond_what_a_user_may_have_are_refused(factory: Factory) -> None:
    factory.submit_prompts("first", "second", "third")

    with pytest.raises(TooManyInFlight, match="3 of your prompts"):
        factory.submit_prompts("fourth", "fifth", "sixth")

    factory.submit_prompts("fourth", "fifth")


def test_what_has_ended_makes_room(factory: Factory) -> None:
    factory.submit_prompts("first", "second", "third")
    factory.run()

    factory.submit_prompts("fourth", "fifth", "sixth")


def test_other_users_are_not_concerned(factory: Factory) -> None:
    factory.submit_prompts("first")
    factory.submit_prompts("second")

    assert factory.submit("bob", "w", a_submission("third")).execution.phase is Phase.ACCEPTED


def test_a_batch_that_never_fits_is_told_so_at_once(factory: Factory) -> None:
    with pytest.raises(InvalidRequest, match="at most 5 are taken"):
        factory.submit_prompts(*("a prompt",) * 6)


def test_the_answer_to_a_repeated_request_is_not_refused(factory: Factory) -> None:
    factory.accept("first", key="once")
    factory.submit_prompts("second")

    assert factory.accept("first", key="once").is_replay


def test_of_two_at_once_for_the_last_place_not_both_get_it(factory: Factory) -> None:
    factory.submit_prompts("first")
    inner: list[type[BaseException] | None] = []

    def another_meanwhile(call: Call) -> None:
        if (call.name, call.moment) == ("reservations.reserve", Moment.AFTER) and not inner:
            inner.append(None)
            try:
                factory.submit_prompts("third")
            except TooManyInFlight:
                inner.append(TooManyInFlight)

    factory.faults.hook = another_meanwhile

    factory.submit_prompts("second")

    assert inner == [None, TooManyInFlight]
    assert len(factory.store.progress) == 2


def test_a_submit_that_died_counts_only_while_it_may_still_be_accepted(factory: Factory) -> None:
    factory.submit_prompts("first")
    factory.faults.fail("reservations.write_prompts", Moment.BEFORE, Crash())
    with pytest.raises(Crash):
        factory.submit_prompts("second")

    with pytest.raises(TooManyInFlight):
        factory.submit_prompts("third")

    factory.clock.advance(120)
    factory.submit_prompts("third")


class TestARetry:
    def cancelled(self, factory: Factory, *prompts: str) -> str:
        execution_id = factory.submit_prompts(*prompts)
        factory.cancel(USER, execution_id)
        return execution_id

    def test_counts_what_it_reopens(self, factory: Factory) -> None:
        execution_id = self.cancelled(factory, "first", "second", "third")
        factory.submit_prompts("fourth", "fifth", "sixth")

        with pytest.raises(TooManyInFlight, match="would add 3"):
            factory.retry(USER, execution_id, RetryRequest(api_key=KEY))

        assert factory.read_progress(execution_id).cancelled == 3
        assert factory.read_execution(execution_id).encrypted_key is None

    def test_of_few_results_needs_little_room(self, factory: Factory) -> None:
        execution_id = self.cancelled(factory, "first", "second", "third")
        factory.submit_prompts("fourth", "fifth", "sixth")

        answer = factory.retry(USER, execution_id, RetryRequest(api_key=KEY, indexes=frozenset({0, 2})))

        assert answer.count == 2

    def test_makes_an_execution_of_one_that_had_ended(self, factory: Factory) -> None:
        execution_id = self.cancelled(factory, "first")
        factory.submit_prompts("second")
        factory.submit_prompts("third")

        with pytest.raises(TooManyInFlight):
            factory.retry(USER, execution_id, RetryRequest(api_key=KEY))
