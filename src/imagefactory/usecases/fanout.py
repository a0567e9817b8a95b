"""Fan-out: each of these results gets the task of its first attempt, as far as the queue takes them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory import log
from imagefactory.domain.errors import Unavailable
from imagefactory.domain.task import first_attempts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from imagefactory.domain.execution import Execution
    from imagefactory.domain.result import Result
    from imagefactory.ports import Tasks


def fan_out(tasks: Tasks, execution: Execution, results: Iterable[Result], start: datetime, rate: float) -> bool:
    """Create the tasks, 1/rate seconds apart from `start` on; whether all were.

    The results are promised already, and their execution is watched: what the queue does not take now, its watchdog
    creates later. To report an error would say that they will not run.
    """
    try:
        tasks.enqueue(list(first_attempts(execution, results, start, rate)))
    except Unavailable as down:
        log.error("tasks could not be created; the watchdog will create them", down, execution_id=execution.id)
        return False
    return True
