"""Closing: the last result of an execution has ended, so its key goes and its final status is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory import log
from imagefactory.domain.errors import Conflict

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution
    from imagefactory.ports import Executions


#: How often closing is tried when the execution changes meanwhile.
MAX_TRIES = 5


def close_if_ended(executions: Executions, execution: Execution) -> None:
    """Close the execution if all its results have ended and nobody has closed it; doing so again changes nothing.

    The progress is read after the execution: if a retry reopens the execution in between, closing it conflicts.
    """
    current: Execution | None = execution
    for _ in range(MAX_TRIES):
        if current is None or current.final_status:
            return
        progress = executions.read_progress(current.id)
        if progress is None or not progress.status.is_terminal:
            return
        try:
            executions.close(current, progress.status)
        except Conflict:
            current = executions.get(current.id)
            continue
        log.info("execution ended", execution_id=execution.id, status=progress.status, counts=progress.counts())
        return
    log.warning("the execution kept changing while it was closed", execution_id=execution.id)
