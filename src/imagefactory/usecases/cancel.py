"""Cancel: what has not begun will not begin; what runs may finish and is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory import log
from imagefactory.domain.errors import Conflict, NotFound
from imagefactory.domain.execution import Snapshot
from imagefactory.domain.result import Result, ResultStatus
from imagefactory.domain.task import Task
from imagefactory.ports import MAX_TRANSITIONS_PER_COMMIT, Transition
from imagefactory.usecases.closing import close_if_ended
from imagefactory.usecases.status import load_owned_progress
from imagefactory.usecases.window import read_window

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution
    from imagefactory.ports import Clock, Executions, Tasks


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """Cancel an execution; doing so again changes nothing."""

    executions: Executions
    tasks: Tasks
    clock: Clock

    def __call__(self, user: str, execution_id: str) -> Snapshot:
        """Cancel the user's execution and describe how it stands then.

        A claim that comes after the request finds it and cancels its result itself, so an interrupted cancel is
        completed by the tasks that are still delivered.
        """
        progress = load_owned_progress(self.executions, user, execution_id)
        execution = self.executions.get(execution_id)
        if execution is None:
            raise NotFound
        if not progress.status.is_terminal:
            self.executions.request_cancel(execution_id)
            # From the end: what the queue dispatches next is cancelled by its own claim meanwhile.
            for first in reversed(range(0, execution.prompt_count, MAX_TRANSITIONS_PER_COMMIT)):
                self._cancel(execution, first, min(MAX_TRANSITIONS_PER_COMMIT, execution.prompt_count - first))
            log.info("execution cancelled", execution_id=execution_id)
        # Also what had ended before: its closer may have died, and an open execution counts against its user.
        close_if_ended(self.executions, execution)
        return Snapshot(execution, load_owned_progress(self.executions, user, execution_id))

    def _cancel(self, execution: Execution, first: int, count: int) -> None:
        """Cancel what is pending in this window; where a claim slips in, each half of the window by itself.

        A window of one whose result moved needs nothing more: its claim either cancelled it or had begun before.
        """
        transitions = [
            Transition(result if result.is_stored else None, result.cancelled())
            for result in read_window(self.executions, execution, first, count)
            if result.status is ResultStatus.PENDING
        ]
        if not transitions:
            return
        try:
            self.executions.apply(execution, transitions)
        except Conflict:
            if count > 1:
                half = count // 2
                self._cancel(execution, first + half, count - half)
                self._cancel(execution, first, half)
            return
        self._delete_tasks(execution, [transition.after for transition in transitions])

    def _delete_tasks(self, execution: Execution, cancelled: list[Result]) -> None:
        """Take their tasks out of the queue, so that the others need not wait for them to pass."""
        now = self.clock.now()
        self.tasks.delete([Task.of(execution, result, result.attempts + 1, now) for result in cancelled])
