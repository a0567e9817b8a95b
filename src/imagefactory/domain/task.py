"""A task: one order to the queue to call generate for one prompt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from imagefactory.domain.execution import Execution
    from imagefactory.domain.result import Result


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt to be made, not before `schedule_at`; attempts count from 1, generations and recoveries from 0."""

    execution_id: str
    batch_index: int
    attempt: int
    schedule_at: datetime
    generation: int = 0
    recovery: int = 0

    @classmethod
    def of(cls, execution: Execution, result: Result, attempt: int, at: datetime) -> Task:
        """The task for this attempt at a result as it stands."""
        return cls(execution.id, result.index, attempt, at, result.generation, execution.recovery_count)

    @property
    def id(self) -> str:
        """The task's name in its queue: the same for the same attempt, so that creating it twice does nothing.

        A name stays taken after its task is gone, hence the recovery: how often lost tasks had to be created anew.
        """
        return _name(f"{self.execution_id}-{self.batch_index}-{self.generation}-{self.attempt}-{self.recovery}")


@dataclass(frozen=True, slots=True)
class WatchdogCheck:
    """One check of an execution by its watchdog, not before `schedule_at`.

    `since` tells apart the watchdogs of one execution: a retry begins another. `last_version` is the
    version of the progress at the check before, `idle_rounds` for how many checks it has not changed.
    """

    execution_id: str
    since: datetime
    schedule_at: datetime
    round: int = 1
    last_version: str = ""
    idle_rounds: int = 0

    @property
    def id(self) -> str:
        """The check's name in its queue."""
        return _name(f"{self.execution_id}-watch-{round(self.since.timestamp() * 1000)}-{self.round}")


def first_attempts(execution: Execution, results: Iterable[Result], start: datetime, rate: float) -> Iterator[Task]:
    """The first tasks of these results, 1/rate seconds apart from `start` on, so that batches share the pace."""
    for position, result in enumerate(results):
        yield Task.of(execution, result, 1, start + timedelta(seconds=position / rate))


def first_check(execution_id: str, since: datetime, interval: float) -> WatchdogCheck:
    """The first check of a new watchdog, `interval` seconds from its beginning."""
    return WatchdogCheck(execution_id, since, since + timedelta(seconds=interval))


def _name(key: str) -> str:
    """A name that begins with a hash: Cloud Tasks slows down on names that follow one another."""
    return f"{hashlib.sha256(key.encode()).hexdigest()[:16]}-{key}"
