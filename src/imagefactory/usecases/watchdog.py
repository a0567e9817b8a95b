"""Watchdog: comes back to an execution until it has ended, and mends what a crash or a lost task left behind.

    check ──► gone?     ──► nothing to check: the submit never reached its commit point, or the results have expired
          ├─► ended?    ──► close it (its closer may have died), and leave
          ├─► fan-out unfinished, its submit dead? ──► create the first tasks (again: the same names do nothing)
          ├─► nothing moved since the last check?  ──► look for results whose task is gone, and create it anew
          └─► and a task for the next check, in a queue of its own: what empties the prompts' queue does not stop it

A check that finds that something has moved costs two reads, however large the execution is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from imagefactory import log
from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import Phase, acceptance_deadline
from imagefactory.domain.result import Result, ResultStatus
from imagefactory.domain.task import Task, first_attempts
from imagefactory.usecases.window import read_window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from imagefactory.domain.execution import Execution, Progress
    from imagefactory.domain.task import WatchdogCheck
    from imagefactory.ports import Clock, Executions, Reservations, Tasks

#: Results read at once, and the first so many tasks that stand for all: a purge spares none.
WINDOW = 500
PROBE = 50
#: Pauses double while nothing moves, this many times at most: a paused queue is not asked every minute for a week.
MAX_DOUBLINGS = 4


class CheckResult(Enum):
    """What a check found."""

    GONE = "there is no such execution"
    ENDED = "the execution has ended, and is closed"
    MOVING = "something has moved since the last check"
    WAITING = "nothing has moved, and every result that waits has its task"
    RECOVERED = "tasks were created anew"


@dataclass(frozen=True, kw_only=True)
class Watchdog:
    """Make one check. `rate` is the queue's, in tasks a second; `interval` the pause between checks, in seconds."""

    executions: Executions
    reservations: Reservations
    tasks: Tasks
    clock: Clock
    rate: float
    interval: float

    def __call__(self, check: WatchdogCheck) -> CheckResult:
        """Make this check; unless it was the last, the next one then has its task."""
        execution = self.executions.get(check.execution_id)
        progress = self.executions.read_progress(check.execution_id)
        if execution is None or progress is None:
            return self._await_submit(check)
        if progress.status.is_terminal:
            return self._leave(execution, progress, check)
        result = self._inspect(execution, progress, check)
        idle = 0 if result is CheckResult.MOVING else check.idle_rounds + 1
        self._come_back(replace(check, last_version=progress.version, idle_rounds=idle))
        return result

    def _leave(self, execution: Execution, progress: Progress, check: WatchdogCheck) -> CheckResult:
        """Leave what has ended, with a write even where it is closed already.

        A retry reads the execution, begins a watchdog, and reopens what it has read. So either this write comes
        first, and the retry begins again with another watchdog; or the retry does, and this one stays.
        """
        try:
            self.executions.close(execution, progress.status)
        except Conflict:
            self._come_back(replace(check, last_version=progress.version))
            return CheckResult.MOVING
        if not execution.final_status:
            log.warning("execution closed by its watchdog", execution_id=execution.id, status=progress.status)
        return CheckResult.ENDED

    def _await_submit(self, check: WatchdogCheck) -> CheckResult:
        """A submit that is not done yet may still bring the execution; one that is late is kept from it.

        Else the execution of a submit that was only slow would have no watchdog.
        """
        now = self.clock.now()
        try:
            if now >= acceptance_deadline(check.since):
                self.reservations.expire(check.execution_id, now)
                return CheckResult.GONE
        except Conflict:
            log.warning("a late submit was accepted after all", execution_id=check.execution_id)
            check = replace(check, idle_rounds=check.idle_rounds + 1)
        self._come_back(check)
        return CheckResult.WAITING

    def _come_back(self, check: WatchdogCheck) -> None:
        pause = self.interval * 2 ** min(check.idle_rounds, MAX_DOUBLINGS)
        at = self.clock.now() + timedelta(seconds=pause)
        self.tasks.enqueue_check(replace(check, round=check.round + 1, schedule_at=at))

    def _inspect(self, execution: Execution, progress: Progress, check: WatchdogCheck) -> CheckResult:
        now = self.clock.now()
        if execution.phase is Phase.ACCEPTED:
            if execution.is_accepting(now):
                return CheckResult.MOVING
            results = (Result(index) for index in range(execution.prompt_count))
            self.tasks.enqueue(list(first_attempts(execution, results, execution.created_at, self.rate)))
            self.reservations.mark_enqueued(execution.id)
            log.warning("an interrupted submit was completed", execution_id=execution.id)
            return CheckResult.RECOVERED
        if progress.version != check.last_version:
            return CheckResult.MOVING
        return self._recover(execution, now)

    def _recover(self, execution: Execution, now: datetime) -> CheckResult:
        """Create the tasks that are gone, under names that no earlier task had."""
        due = list(self._due(execution, now))
        if not self.tasks.find_missing(due[:PROBE]):
            return CheckResult.WAITING
        missing = self.tasks.find_missing(due)
        try:
            recovered = self.executions.note_recovery(execution)
        except Conflict:
            return CheckResult.MOVING
        self.tasks.enqueue(
            [
                replace(
                    task, recovery=recovered.recovery_count, schedule_at=now + timedelta(seconds=position / self.rate)
                )
                for position, task in enumerate(missing)
            ]
        )
        log.warning("lost tasks were created anew", execution_id=execution.id, tasks=len(missing))
        return CheckResult.RECOVERED

    def _due(self, execution: Execution, now: datetime) -> Iterator[Task]:
        """The task that each result must have as it stands; a live attempt needs none."""
        for first in range(0, execution.prompt_count, WINDOW):
            count = min(WINDOW, execution.prompt_count - first)
            for result in read_window(self.executions, execution, first, count):
                if result.status is ResultStatus.PENDING:
                    yield Task.of(execution, result, result.attempts + 1, now)
                elif result.lease and result.lease.until <= now:
                    yield Task.of(execution, result, result.attempts, now)
