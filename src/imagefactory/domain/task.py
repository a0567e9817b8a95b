"""A task: one order to the queue to call generate for one prompt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from imagefactory.domain.result import Result


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt to be made, not before `schedule_at`; attempts count from 1, generations from 0."""

    execution_id: str
    batch_index: int
    attempt: int
    schedule_at: datetime
    generation: int = 0

    @property
    def id(self) -> str:
        """The task's name in its queue: the same for the same attempt, so that creating it twice does nothing.

        It begins with a hash because Cloud Tasks slows down on names that follow one another.
        """
        key = f"{self.execution_id}-{self.batch_index}-{self.generation}-{self.attempt}"
        return f"{hashlib.sha256(key.encode()).hexdigest()[:16]}-{key}"


def first_attempts(execution_id: str, results: Iterable[Result], start: datetime, rate: float) -> Iterator[Task]:
    """The first tasks of these results, 1/rate seconds apart from `start` on, so that batches share the pace."""
    for place, result in enumerate(results):
        at = start + timedelta(seconds=place / rate)
        yield Task(execution_id, result.index, 1, at, result.generation)
