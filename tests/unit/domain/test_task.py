from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from imagefactory.domain.task import Task, first_attempts, first_check
from imagefactory.testing import START, a_result, an_execution

TASK = Task("f8b20b59-7d06-4599-8413-64da74225b0c", 17, 1, START)


def test_the_same_attempt_has_the_same_name_whenever_it_is_scheduled() -> None:
    assert replace(TASK, schedule_at=START + timedelta(days=1)).id == TASK.id


def test_another_attempt_prompt_generation_recovery_or_execution_has_another_name() -> None:
    others = [
        replace(TASK, attempt=2),
        replace(TASK, batch_index=1),
        replace(TASK, generation=1),
        replace(TASK, recovery=1),
        replace(TASK, execution_id="another"),
    ]

    assert len({TASK.id, *(other.id for other in others)}) == 6


def test_a_name_is_one_that_cloud_tasks_takes_and_begins_with_a_hash() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}-[A-Za-z0-9_-]{1,480}", TASK.id)


def test_first_attempts_are_one_rate_apart_and_carry_their_generation() -> None:
    results = [a_result(index=4), a_result(index=9, generation=2)]

    execution = an_execution(id="e", recovery_count=3)

    tasks = list(first_attempts(execution, results, START, rate=2.0))

    later = START + timedelta(seconds=0.5)
    assert tasks == [Task("e", 4, 1, START, recovery=3), Task("e", 9, 1, later, generation=2, recovery=3)]


def test_a_watchdogs_rounds_have_names_of_their_own() -> None:
    first = first_check("e", START, 60)
    later = first_check("e", START + timedelta(seconds=1), 60)

    assert first.schedule_at == START + timedelta(seconds=60)
    assert len({first.id, replace(first, round=2).id, later.id, first_check("another", START, 60).id}) == 4
    assert replace(first, last_version="7", idle_rounds=3, schedule_at=START).id == first.id
    assert re.fullmatch(r"[0-9a-f]{16}-[A-Za-z0-9_-]{1,480}", first.id)


def test_names_stay_as_they_are_because_the_queue_remembers_those_of_an_older_release() -> None:
    attempt = replace(TASK, attempt=2, generation=3, recovery=4)
    check = first_check("e", START, 60)

    assert (attempt.id, check.id) == (
        "6bbdf04057c86541-f8b20b59-7d06-4599-8413-64da74225b0c-17-3-2-4",
        "c9ee6365fb5a7c01-e-watch-1795348800000-1",
    )
