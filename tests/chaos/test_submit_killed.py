"""A submit of 500 prompts is killed with SIGKILL at every tenth of its work, on real adapters and emulators."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from google.cloud import tasks_v2

from imagefactory.domain.result import Result
from imagefactory.domain.task import WatchdogCheck, first_attempts
from imagefactory.usecases.watchdog import CheckResult
from tests.chaos.submitter import PROMPTS, RATE, Side, Where, submit_once
from tests.harness.servers import name_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from imagefactory.domain.execution import Execution

#: Its processes are forks of one that has imported everything, and nothing else.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.chaos.submitter"])
#: Behind the time that a submit has to be accepted.
LATER = 121.0


@pytest.fixture
def where(firestore_host: str, cloud_tasks_host: str) -> Where:
    """A project of its own, with both queues paused: nothing is delivered."""
    found = Where(firestore_host, cloud_tasks_host, name_project())
    with contextlib.closing(Side(found)) as side:
        for kind in ("prompts", "watchdogs"):
            side.cloud.create_queue(
                parent=f"projects/{found.project}/locations/l", queue=tasks_v2.Queue(name=found.queue(kind))
            )
            side.cloud.pause_queue(name=found.queue(kind))
    return found


@contextlib.contextmanager
def begin_submit(where: Where, key: str) -> Iterator[Connection]:
    """A submit that has just begun; it is killed at the end of the block."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = CONTEXT.Process(target=submit_once, args=(where, key, theirs))
    process.start()
    theirs.close()
    try:
        assert ours.recv() == "begin"
        yield ours
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def list_executions(side: Side) -> list[Execution]:
    """Every execution that a user can see."""
    ids = [one.id for one in side.database.collection("executions").stream()]
    return [execution for one in ids if (execution := side.executions.get(one))]


def list_task_names(side: Side, queue: str) -> list[str]:
    listed = side.cloud.list_tasks(parent=queue)
    return [task.name for task in listed]


def test_a_submit_killed_at_any_tenth_leaves_nothing_or_what_ends_by_itself(where: Where) -> None:
    with begin_submit(where, "measured") as measured:
        began = time.monotonic()
        assert measured.recv() == "done"
        seconds = time.monotonic() - began
    seen = set()

    for tenth in range(10):
        own = where._replace(project=where.project)
        with begin_submit(own, f"key {tenth}"):
            time.sleep(seconds * tenth / 10)
        seen.add(check_submit(own, f"key {tenth}", tenth + 1))

    assert "nothing" in seen
    assert len(seen) > 1


def check_submit(where: Where, key: str, others: int) -> str:
    """What the killed submit left, once both promises were checked; `others` executions were there before."""
    with contextlib.closing(Side(where, LATER)) as side:
        before = list_executions(side)
        left = "nothing"
        if len(before) > others:
            execution = max(before, key=lambda one: one.created_at)
            left = execution.phase.value
            assert any(f"{execution.id}-watch" in name for name in list_task_names(side, where.queue("watchdogs")))
            check_end(side, execution)
        execution_id = side.submit_prompts(key)
        assert len(list_executions(side)) == others + 1
        names = [name for name in list_task_names(side, where.queue("prompts")) if execution_id in name]
        assert len(names) == PROMPTS
    return left


def check_end(side: Side, execution: Execution) -> None:
    """The watchdog alone, without another request, has every prompt's task created."""
    watch = WatchdogCheck(execution.id, execution.created_at, side.clock.now())

    found = side.watchdog(watch)

    assert found in (CheckResult.RECOVERED, CheckResult.MOVING)
    results = (Result(index) for index in range(PROMPTS))
    tasks = list(first_attempts(execution, results, side.clock.now() + timedelta(days=1), RATE))
    assert side.tasks.find_missing(tasks) == []
