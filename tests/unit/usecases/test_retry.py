from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from imagefactory.domain.errors import Conflict, InvalidRequest, NotFound, NotRetryable, Unavailable
from imagefactory.domain.execution import ExecutionStatus
from imagefactory.domain.result import FailureCode, ResultStatus
from imagefactory.domain.task import Task, first_check
from imagefactory.testing import Call, Crash, Moment, a_failure
from imagefactory.usecases.retry import Retried, RetryRequest
from imagefactory.usecases.watchdog import CheckResult
from tests.harness.factory import KEY, USER, WATCHDOG_INTERVAL, Factory

BLOCKED = a_failure(FailureCode.CONTENT_BLOCKED, retryable=False)
BAD_KEY = a_failure(FailureCode.INVALID_API_KEY, retryable=False)


def ended(factory: Factory) -> str:
    """An execution with a completed, a blocked, a failed and a cancelled result, in this order."""
    execution = factory.store_execution(
        "good", "bad", "keyless", "late", encrypted_key=factory.encryption.encrypt(KEY, "x"), id="x"
    )
    factory.script({"bad": [BLOCKED], "keyless": [BAD_KEY]})
    for index in range(3):
        factory.generate("x", index, 1)
    factory.cancel(USER, "x")
    return execution.id


def retried(factory: Factory, execution_id: str, **filters: Any) -> Retried:
    return factory.retry(USER, execution_id, RetryRequest(**({"api_key": "new-key"} | filters)))


def test_everything_but_what_completed_runs_again(factory: Factory) -> None:
    execution_id = ended(factory)

    answer = retried(factory, execution_id)

    assert (answer.count, answer.snapshot.progress.status) == (3, ExecutionStatus.PROCESSING)
    assert answer.snapshot.progress.pending == 3
    factory.run()
    assert factory.read_progress(execution_id).completed == 4
    assert factory.model.calls_by_prompt() == {"good": 1, "bad": 2, "keyless": 2, "late": 1}


@pytest.mark.parametrize(
    ("filters", "indexes"),
    [
        ({}, [1, 2, 3]),
        ({"statuses": (ResultStatus.BLOCKED,)}, [1]),
        ({"statuses": (ResultStatus.CANCELLED, ResultStatus.FAILED)}, [2, 3]),
        ({"error_codes": (FailureCode.INVALID_API_KEY,)}, [2]),
        ({"indexes": frozenset({0, 1, 3})}, [1, 3]),
        ({"indexes": frozenset({1, 2}), "error_codes": (FailureCode.INVALID_API_KEY,)}, [2]),
    ],
)
def test_filters_choose_what_runs_again(factory: Factory, filters: dict[str, Any], indexes: list[int]) -> None:
    execution_id = ended(factory)

    retried(factory, execution_id, **filters)

    pending = factory.executions.results_in(execution_id, [ResultStatus.PENDING], 0, 10)
    assert [result.index for result in pending] == indexes


def test_a_new_generation_has_new_tasks_one_rate_apart(factory: Factory) -> None:
    execution_id = ended(factory)
    factory.clock.advance(60)
    now = factory.clock.now()

    retried(factory, execution_id, indexes=frozenset({1, 3}))

    assert factory.tasks.created[-2:] == [
        Task(execution_id, 1, 1, now, generation=1),
        Task(execution_id, 3, 1, now + timedelta(seconds=1), generation=1),
    ]


def test_the_new_key_is_used_and_deleted_again_at_the_end(factory: Factory) -> None:
    execution_id = ended(factory)
    assert factory.read_execution(execution_id).encrypted_key is None

    retried(factory, execution_id)
    factory.run()

    assert {call.api_key for call in factory.model.calls[3:]} == {"new-key"}
    assert factory.read_execution(execution_id).encrypted_key is None


def test_the_cancel_is_taken_back(factory: Factory) -> None:
    execution_id = ended(factory)

    retried(factory, execution_id)

    reopened = factory.read_execution(execution_id)
    assert (reopened.cancel_requested, reopened.final_status) == (False, None)


def test_once_the_key_was_deleted_it_must_be_sent_again(factory: Factory) -> None:
    execution_id = ended(factory)

    with pytest.raises(InvalidRequest) as refusal:
        retried(factory, execution_id, api_key=None)

    assert [fault.field for fault in refusal.value.errors] == ["api_key"]
    assert factory.read_progress(execution_id).pending == 0


def test_while_the_execution_runs_its_own_key_is_kept(factory: Factory) -> None:
    execution = factory.store_execution("bad", "good", encrypted_key=factory.encryption.encrypt(KEY, "x"), id="x")
    factory.script({"bad": [BLOCKED]})
    factory.generate("x", 0, 1)

    retried(factory, "x", api_key=None)

    assert factory.read_execution("x").encrypted_key == execution.encrypted_key


@pytest.mark.parametrize("filters", [{"indexes": frozenset({0})}, {"error_codes": (FailureCode.TIMEOUT,)}])
def test_nothing_that_matches_is_said_so(factory: Factory, filters: dict[str, Any]) -> None:
    with pytest.raises(NotRetryable):
        retried(factory, ended(factory), **filters)


def test_an_execution_of_another_user_does_not_exist(factory: Factory) -> None:
    ended(factory)

    for user, execution_id in (("bob", "x"), (USER, "none")):
        with pytest.raises(NotFound):
            factory.retry(user, execution_id, RetryRequest(api_key="k"))


def test_an_execution_that_expires_meanwhile_does_not_exist(factory: Factory) -> None:
    ended(factory)
    factory.store.executions.clear()

    with pytest.raises(NotFound):
        retried(factory, "x")


def test_what_others_write_meanwhile_makes_it_begin_again_with_another_watchdog(factory: Factory) -> None:
    execution_id = ended(factory)
    factory.faults.fail("executions.reopen", Moment.BEFORE, Conflict(), times=3)

    assert retried(factory, execution_id).count == 3

    calls = [
        name for name in factory.faults.calls if name in {"executions.get", "tasks.enqueue_check", "executions.reopen"}
    ]
    assert calls[-12:] == ["executions.get", "tasks.enqueue_check", "executions.reopen"] * 4


def test_one_that_never_gets_a_turn_says_so_and_changes_nothing(factory: Factory) -> None:
    execution_id = ended(factory)
    factory.faults.fail("executions.reopen", Moment.BEFORE, Conflict(), times=100)

    with pytest.raises(Unavailable):
        retried(factory, execution_id)

    assert factory.read_progress(execution_id).pending == 0
    assert factory.read_execution(execution_id).encrypted_key is None


def test_of_two_requests_at_once_one_moves_each_result(factory: Factory) -> None:
    execution_id = ended(factory)
    answers = []

    def another_first(call: Call) -> None:
        if call.name == "executions.reopen":
            factory.faults.hook = None
            answers.append(retried(factory, execution_id, indexes=frozenset({1, 2})))

    factory.faults.hook = another_first

    answers.append(retried(factory, execution_id))

    assert [answer.count for answer in answers] == [2, 1]
    factory.run()
    assert factory.model.calls_by_prompt() == {"good": 1, "bad": 2, "keyless": 2, "late": 1}


def test_a_cancel_in_the_middle_ends_it(factory: Factory) -> None:
    execution = factory.store_execution(*(f"prompt {number}" for number in range(450)))
    factory.cancel(USER, execution.id)
    reopened = 0

    def cancel_behind_the_first(call: Call) -> None:
        nonlocal reopened
        reopened += (call.name, call.moment) == ("executions.reopen", Moment.AFTER)
        if reopened == 1:
            factory.faults.hook = None
            factory.cancel(USER, execution.id)

    factory.faults.hook = cancel_behind_the_first

    assert retried(factory, execution.id).count == 200
    assert (factory.read_progress(execution.id).cancelled, factory.read_execution(execution.id).encrypted_key) == (
        450,
        None,
    )


def test_a_watchdog_that_leaves_just_before_is_followed_by_another(factory: Factory) -> None:
    execution_id = ended(factory)
    factory.tasks.enqueue_check(first_check(execution_id, factory.clock.now(), WATCHDOG_INTERVAL))
    [older] = factory.list_rounds()

    def leave(call: Call) -> None:
        if (call.name, call.moment) == ("executions.reopen", Moment.BEFORE):
            factory.faults.hook = None
            factory.clock.advance(2 * WATCHDOG_INTERVAL)
            for check in factory.list_rounds():
                factory.rounds[check.id] = factory.watchdog(check)
            factory.faults.fail("tasks.enqueue", Moment.BEFORE, Crash())

    factory.faults.hook = leave

    with pytest.raises(Crash):
        retried(factory, execution_id)
    assert factory.rounds[older.id] is CheckResult.ENDED
    factory.watch()

    assert factory.read_progress(execution_id).completed == 4


def test_tasks_that_the_queue_does_not_take_are_left_to_the_watchdog(factory: Factory) -> None:
    execution_id = ended(factory)
    factory.faults.fail("tasks.enqueue", Moment.BEFORE, Unavailable())

    assert retried(factory, execution_id).count == 3

    factory.watch()
    assert factory.read_progress(execution_id).completed == 4


def test_a_queue_that_is_down_is_asked_once(factory: Factory) -> None:
    execution = factory.store_execution(*(f"prompt {number}" for number in range(450)))
    factory.cancel(USER, execution.id)
    factory.faults.fail("tasks.enqueue", Moment.BEFORE, Unavailable(), times=10)
    before = factory.faults.calls.count("tasks.enqueue")

    assert retried(factory, execution.id).count == 450

    assert factory.faults.calls.count("tasks.enqueue") == before + 1
    factory.faults.hook = None
    factory.watch(turns=1000)
    assert factory.read_progress(execution.id).completed == 450


def test_where_no_key_was_needed_none_is_asked_for(factory: Factory) -> None:
    execution = factory.store_execution("bad", needs_key=False, id="x")
    factory.script({"bad": [BLOCKED]})
    factory.generate("x", 0, 1)
    assert factory.read_execution("x").final_status

    assert retried(factory, execution.id, api_key=None).count == 1


def test_an_index_beyond_the_batch_is_refused(factory: Factory) -> None:
    execution_id = ended(factory)

    with pytest.raises(InvalidRequest, match="4 is none of this execution's 0 to 3"):
        retried(factory, execution_id, indexes=frozenset({1, 4, 5}))

    assert factory.read_progress(execution_id).pending == 0


def test_a_large_batch_is_reopened_in_several_commits(factory: Factory) -> None:
    execution = factory.store_execution(*(f"prompt {number}" for number in range(450)))
    factory.cancel(USER, execution.id)

    assert retried(factory, execution.id).count == 450
    factory.run(turns=1000)
    assert factory.read_progress(execution.id).completed == 450


def cancelled(factory: Factory, count: int) -> str:
    """An execution of so many prompts, all of them cancelled."""
    execution_id = factory.store_execution(*(f"prompt {number}" for number in range(count))).id
    factory.cancel(USER, execution_id)
    return execution_id


@pytest.mark.parametrize(("count", "commits"), [(199, 1), (200, 1), (201, 2), (400, 2), (401, 3)])
def test_a_commit_reopens_two_hundred_results_at_most(factory: Factory, count: int, commits: int) -> None:
    execution_id = cancelled(factory, count)

    assert retried(factory, execution_id).count == count

    assert factory.faults.calls.count("executions.reopen") == commits
    assert factory.read_progress(execution_id).pending == count


def test_the_tasks_of_each_commit_follow_those_of_the_one_before(factory: Factory) -> None:
    execution_id = cancelled(factory, 450)
    now = factory.clock.now()

    retried(factory, execution_id)

    waits = [(task.schedule_at - now).total_seconds() for task in factory.tasks.created[450:]]
    assert waits == list(range(450))


def test_a_results_that_no_filter_matches_are_passed_over_by_the_window(factory: Factory) -> None:
    execution_id = cancelled(factory, 401)

    assert retried(factory, execution_id, indexes=frozenset({0, 400})).count == 2

    assert [task.batch_index for task in factory.tasks.created[401:]] == [0, 400]
    assert factory.faults.calls.count("executions.reopen") == 2


@pytest.mark.parametrize(("conflicts", "is_answered"), [(10, True), (11, False)])
def test_a_commit_is_tried_ten_times_again(factory: Factory, conflicts: int, is_answered: bool) -> None:  # noqa: FBT001 - a table
    execution_id = ended(factory)
    factory.faults.fail("executions.reopen", Moment.BEFORE, Conflict(), times=conflicts)

    if is_answered:
        assert retried(factory, execution_id).count == 3
    else:
        with pytest.raises(Unavailable, match="kept changing"):
            retried(factory, execution_id)


def test_each_commit_has_its_own_tries(factory: Factory) -> None:
    execution_id = cancelled(factory, 201)
    tries = 0

    def refuse_ten_times_each(call: Call) -> None:
        nonlocal tries
        if (call.name, call.moment) == ("executions.reopen", Moment.BEFORE):
            tries += 1
            if tries % 11:
                raise Conflict

    factory.faults.hook = refuse_ten_times_each

    assert retried(factory, execution_id).count == 201


def test_one_watchdog_is_begun_however_many_commits_follow(factory: Factory) -> None:
    execution_id = cancelled(factory, 450)
    before = len(factory.tasks.watches)

    retried(factory, execution_id)

    [check] = list(factory.tasks.watches.values())[before:]
    assert (check.since, check.schedule_at) == (
        factory.clock.now(),
        factory.clock.now() + timedelta(seconds=WATCHDOG_INTERVAL),
    )
    assert factory.faults.calls.count("tasks.enqueue_check") == 1


def test_a_missing_key_and_a_wrong_index_are_told_in_words(factory: Factory) -> None:
    execution_id = ended(factory)

    with pytest.raises(InvalidRequest) as no_key:
        retried(factory, execution_id, api_key=None)
    with pytest.raises(InvalidRequest) as no_index:
        retried(factory, execution_id, indexes=frozenset({5, 4, 1}))

    assert [(fault.field, fault.message) for error in (no_key, no_index) for fault in error.value.errors] == [
        ("api_key", "the key was deleted when the execution ended: send it again to retry"),
        ("batch_index", "4 is none of this execution's 0 to 3"),
        ("batch_index", "5 is none of this execution's 0 to 3"),
    ]


def test_a_request_shows_no_key_where_it_is_printed() -> None:
    assert KEY not in repr(RetryRequest(api_key=KEY))
