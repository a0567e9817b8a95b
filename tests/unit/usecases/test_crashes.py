"""A batch of three prompts, run once for every port call: the process dies there, before or after the call.

Then every task is delivered again until the queue is empty, as Cloud Tasks does, and once more for good measure. What
must hold then holds whatever died where.
"""

from __future__ import annotations

import contextlib

import pytest

from imagefactory.domain.errors import FactoryError, Unavailable
from imagefactory.domain.result import FailureCode, ResultStatus
from imagefactory.ports import MAX_TRANSITIONS_PER_COMMIT
from imagefactory.testing import Crash, Moment, Takes, a_failure
from imagefactory.usecases.retry import RetryRequest
from tests.harness.factory import KEY, USER, Factory

PROMPTS = ("good prompt", "stubborn prompt", "bad prompt")
REFUSED = a_failure(FailureCode.CONTENT_BLOCKED, retryable=False)
#: Model calls of an undisturbed run: one, two and one.
USUAL_CALLS = 4


def a_factory() -> Factory:
    factory = Factory()
    factory.script({"stubborn prompt": [Takes(20, a_failure())], "bad prompt": [Takes(3, REFUSED)]})
    return factory


def calls_of(factory: Factory) -> list[str]:
    """Every port call of an undisturbed submit and run."""
    factory.accept(*PROMPTS, key="once")
    factory.run()
    return factory.faults.calls


def submitted_despite(factory: Factory, error: type[BaseException]) -> str:
    """The id of the batch, submitted again with the same key if its submit was cut off."""
    try:
        return str(factory.accept(*PROMPTS, key="once").execution.id)
    except error:
        factory.faults.hook = None
        factory.clock.advance(120)
        return str(factory.accept(*PROMPTS, key="once").execution.id)


def check(factory: Factory, execution_id: str) -> None:
    progress = factory.read_progress(execution_id)
    results = [factory.read_result(execution_id, index) for index in range(3)]
    execution = factory.read_execution(execution_id)
    # Nothing stays processing, and nothing is lost.
    assert all(result.status.is_terminal for result in results)
    # The counters are what the results are.
    for status in ResultStatus:
        assert getattr(progress, status.value) == sum(result.status is status for result in results)
    assert sum(progress.counts().values()) == 2 * progress.total
    assert progress.cost_microusd == sum(result.cost_microusd for result in results)
    # A completed result has one image, and it is the one that is recorded.
    for result in results:
        recorded = [result.image.name] if result.image else []
        assert bool(recorded) == (result.status is ResultStatus.COMPLETED)
        assert factory.images.of(execution_id, result.index) == recorded
    # A prompt is asked for no more often than the rules allow.
    assert max(factory.model.calls_by_prompt().values()) <= 3
    assert all(call.api_key == KEY for call in factory.model.calls)
    # The key is gone, and how it ended is noted.
    assert (execution.encrypted_key, execution.final_status) == (None, progress.status)


CALLS = calls_of(a_factory())


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("number", range(len(CALLS)), ids=[f"{number}-{name}" for number, name in enumerate(CALLS)])
@pytest.mark.parametrize("error", [Crash, Unavailable])
def test_whatever_fails_wherever_it_fails(number: int, moment: Moment, error: type[BaseException]) -> None:
    factory = a_factory()
    factory.faults.fail_at(number, moment, error())

    execution_id = submitted_despite(factory, error)
    factory.run()
    for task in factory.tasks.created:
        factory.deliver(task)
    factory.watch()

    check(factory, execution_id)
    assert len(factory.model.calls) <= USUAL_CALLS + 1


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("number", range(len(CALLS)), ids=[f"{number}-{name}" for number, name in enumerate(CALLS)])
def test_a_client_that_never_asks_again_has_nothing_or_a_batch_that_ends_by_itself(number: int, moment: Moment) -> None:
    factory = a_factory()
    factory.faults.fail_at(number, moment, Crash())

    with contextlib.suppress(Crash):
        factory.accept(*PROMPTS)
    factory.watch()

    for execution_id in factory.store.progress:
        check(factory, execution_id)
    assert len(factory.store.progress) <= 1
    assert len(factory.model.calls) <= USUAL_CALLS + 1


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("error", [Crash, Unavailable])
def test_a_cancel_that_is_cut_off_is_completed_by_another(moment: Moment, error: type[BaseException]) -> None:
    for number in range(30):
        factory = a_factory()
        execution_id = str(factory.accept(*PROMPTS).execution.id)
        factory.generate(execution_id, 2, 1)
        factory.faults.fail_at(len(factory.faults.calls) + number, moment, error())

        try:
            factory.cancel(USER, execution_id)
        except error:
            factory.cancel(USER, execution_id)
        factory.run()

        check(factory, execution_id)
        assert factory.read_progress(execution_id).cancelled == 2


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("number", range(14))
def test_a_retry_that_dies_anywhere_leaves_a_batch_that_ends_by_itself(number: int, moment: Moment) -> None:
    factory = Factory(rate=20)
    prompts = [f"prompt {place}" for place in range(2 * MAX_TRANSITIONS_PER_COMMIT + 10)]
    execution_id = factory.submit_prompts(*prompts)
    factory.cancel(USER, execution_id)
    factory.watch()
    factory.faults.fail_at(len(factory.faults.calls) + number, moment, Crash())

    with contextlib.suppress(Crash):
        factory.retry(USER, execution_id, RetryRequest(api_key=KEY))
    factory.watch()

    progress, execution = factory.read_progress(execution_id), factory.read_execution(execution_id)
    assert progress.completed + progress.cancelled == progress.total == len(prompts)
    assert len(factory.model.calls) == progress.completed
    assert (execution.encrypted_key, execution.final_status) == (None, progress.status)


@pytest.mark.parametrize("seed", range(40))
def test_many_deaths_in_one_run(seed: int) -> None:
    factory = a_factory()
    execution_id = str(factory.accept(*PROMPTS).execution.id)
    deaths = {(seed * 7 + step * step * 3) % 60 for step in range(6)}
    start = len(factory.faults.calls)
    moments = list(Moment)

    def die_sometimes(call: object) -> None:
        number = getattr(call, "number", 0) - start
        if number in deaths and getattr(call, "moment", None) is moments[(seed + number) % 2]:
            raise Crash

    factory.faults.hook = die_sometimes
    factory.run()
    factory.faults.hook = None
    for task in factory.tasks.created:
        factory.deliver(task)
    factory.run()

    check(factory, execution_id)


def test_an_error_that_is_none_of_ours_goes_on_as_it_is() -> None:
    factory = a_factory()
    factory.faults.fail("executions.load", Moment.BEFORE, KeyError("a defect"))

    with pytest.raises(KeyError):
        factory.generate("e", 0, 1)
    assert not issubclass(KeyError, FactoryError)
