"""Cancel: what has not begun will not begin; what runs may finish and is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory import log
from imagefactory.domain.errors import Conflict, NotFound
from imagefactory.domain.result import Result, ResultStatus
from imagefactory.domain.task import Task
from imagefactory.ports import Move
from imagefactory.usecases.closing import close_if_ended
from imagefactory.usecases.status import owned_tally
from imagefactory.usecases.views import execution as view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagefactory.domain.execution import Execution
    from imagefactory.ports import Clock, Executions, Tasks

#: Results moved in one commit.
WINDOW = 200
#: How often a window is read again after a claim slipped in between.
PATIENCE = 10


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """Cancel an execution; doing so again changes nothing."""

    executions: Executions
    tasks: Tasks
    clock: Clock

    def __call__(self, user: str, execution_id: str) -> Mapping[str, object]:
        """Cancel the user's execution and describe how it stands then.

        A claim that comes after the request finds it and cancels its result itself, so an interrupted cancel is
        completed by the tasks that are still delivered.
        """
        tally = owned_tally(self.executions, user, execution_id)
        execution = self.executions.get(execution_id)
        if execution is None:
            raise NotFound
        if not tally.status.is_terminal:
            self.executions.request_cancel(execution_id)
            for first in range(0, execution.prompt_count, WINDOW):
                self._cancel(execution, first, min(WINDOW, execution.prompt_count - first))
            close_if_ended(self.executions, execution)
            log.info("execution cancelled", execution_id=execution_id)
        return view(execution, owned_tally(self.executions, user, execution_id))

    def _cancel(self, execution: Execution, first: int, count: int) -> None:
        for _ in range(PATIENCE):
            known = self.executions.results(execution.id, first, count)
            waiting = [(known.get(index), known.get(index) or Result(index)) for index in range(first, first + count)]
            pending = [(known, result) for known, result in waiting if result.status is ResultStatus.PENDING]
            try:
                if pending:
                    self.executions.move(execution, [Move(known, result.cancelled()) for known, result in pending])
            except Conflict:
                continue
            self._delete_tasks(execution, [result for _, result in pending])
            return
        log.warning("results kept moving during a cancel", execution_id=execution.id, first=first)

    def _delete_tasks(self, execution: Execution, cancelled: list[Result]) -> None:
        """Take their tasks out of the queue, so that the others need not wait for them to pass."""
        now = self.clock.now()
        self.tasks.delete(
            [Task(execution.id, result.index, result.attempts + 1, now, result.generation) for result in cancelled]
        )
