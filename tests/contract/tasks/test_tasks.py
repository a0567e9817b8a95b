from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.task import Task, first_check

if TYPE_CHECKING:
    from tests.contract.tasks.conftest import Queueful

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
EXECUTION = "f8b20b59-7d06-4599-8413-64da74225b0c"


def tasks_of(count: int, attempt: int = 1) -> list[Task]:
    return [Task(EXECUTION, index, attempt, SOON + timedelta(seconds=index)) for index in range(count)]


def ids(tasks: list[Task]) -> set[str]:
    return {task.id for task in tasks}


@pytest.mark.parametrize("count", [0, 1, 2, 100, 101, 350])
def test_as_many_tasks_wait_as_were_created(queueful: Queueful, count: int) -> None:
    tasks = tasks_of(count)

    queueful.tasks.enqueue(tasks)

    assert queueful.waiting() == ids(tasks)


def test_a_task_that_exists_is_left_as_it_is(queueful: Queueful) -> None:
    queueful.tasks.enqueue(tasks_of(2))

    queueful.tasks.enqueue(tasks_of(1))
    queueful.tasks.enqueue(tasks_of(3))

    assert queueful.waiting() == ids(tasks_of(3))


def test_a_name_stays_taken_after_its_task_is_gone(queueful: Queueful) -> None:
    first, second, third = tasks_of(3)
    queueful.tasks.enqueue([first, second])
    queueful.lose(first)

    queueful.tasks.enqueue([first])
    queueful.tasks.enqueue([first, second, third])

    assert queueful.waiting() == {second.id, third.id}


def test_what_still_waits_can_be_deleted_and_the_rest_does_not_matter(queueful: Queueful) -> None:
    tasks = tasks_of(5)
    queueful.tasks.enqueue(tasks[:4])
    queueful.lose(tasks[0])

    queueful.tasks.delete([tasks[0], tasks[1], tasks[4]])

    assert queueful.waiting() == {tasks[2].id, tasks[3].id}


def test_more_than_a_thousand_can_be_deleted_at_once(queueful: Queueful) -> None:
    tasks = tasks_of(1100)
    queueful.tasks.enqueue(tasks)

    queueful.tasks.delete(tasks)
    queueful.tasks.delete([])

    assert queueful.waiting() == set()


def test_tasks_that_are_gone_or_never_were_are_missing(queueful: Queueful) -> None:
    there, gone, never = tasks_of(3)
    queueful.tasks.enqueue([there, gone])
    queueful.lose(gone)

    assert queueful.tasks.find_missing([there, gone, never]) == [gone, never]
    assert queueful.tasks.find_missing([]) == []


def test_a_task_is_there_under_any_name_that_a_recovery_gave_it(queueful: Queueful) -> None:
    [task] = tasks_of(1)
    queueful.tasks.enqueue([replace(task, recovery=1)])

    missing = queueful.tasks.find_missing([replace(task, recovery=recovery) for recovery in (0, 1, 2)])

    assert missing == [task]


def test_a_watchdogs_round_waits_in_a_queue_of_its_own_once(queueful: Queueful) -> None:
    check = first_check(EXECUTION, SOON, 60)

    queueful.tasks.enqueue_check(check)
    queueful.tasks.enqueue_check(replace(check, last_version="7"))
    queueful.tasks.enqueue_check(replace(check, round=2))

    assert queueful.watches() == {check.id, replace(check, round=2).id}
    assert queueful.waiting() == set()
