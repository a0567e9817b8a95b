"""How long a batch will take, from the pace of the queue and what waits in front."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from imagefactory.domain.execution import Progress

#: Starts needed before the observed pace says more than the queue's rate.
MIN_STARTS = 5
#: Executions that share the queue, at most, as far as an estimate is concerned.
MAX_SHARES = 20


def whole_batch(prompt_count: int, waiting: Iterable[int], rate: float, expected_seconds: float) -> int:
    """Seconds until the last image of a new batch, rounded up.

    Tasks are scheduled 1/rate apart from the moment of their submit, so batches share the pace: each of the others,
    with `waiting` tasks left, takes a turn for every turn of ours until it runs out. Then the last image is made.
    """
    turns = prompt_count - 1 + sum(min(others, prompt_count) for others in waiting)
    return math.ceil(turns / rate + expected_seconds)


def time_left(progress: Progress, now: datetime, rate: float, expected_seconds: float) -> int | None:
    """Seconds until the execution has ended, rounded up; None once it has.

    The pace is the queue's rate, or what was observed where that is slower: others share the queue.
    """
    if progress.status.is_terminal:
        return None
    return math.ceil(progress.pending / _pace(progress, now, rate) + expected_seconds)


def _pace(progress: Progress, now: datetime, rate: float) -> float:
    started = progress.processing + progress.ended
    if progress.started_at is None or started < MIN_STARTS:
        return rate
    elapsed = max((now - progress.started_at).total_seconds(), 1.0)
    # Time in which nothing waited, before a retry, says nothing of the pace: the queue is never shared by so many.
    return min(rate, max(started / elapsed, rate / MAX_SHARES))
