"""Listing: the caller's executions, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory.domain.execution import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from imagefactory.domain.execution import ExecutionStatus
    from imagefactory.ports import Executions


@dataclass(frozen=True, slots=True)
class ExecutionList:
    """Some executions, newest first. The next page begins before `next_before`; None after the last."""

    snapshots: Sequence[Snapshot]
    next_before: datetime | None


@dataclass(frozen=True, kw_only=True)
class ListExecutions:
    """Show a user what they have submitted."""

    executions: Executions

    def __call__(
        self, user: str, statuses: Sequence[ExecutionStatus], before: datetime | None, limit: int
    ) -> ExecutionList:
        """Up to `limit` executions in these statuses (none given: in any), created before `before`."""
        # Whether a running execution has started is known to its progress alone, so those two are told apart here.
        closed = {status if status.is_terminal else None for status in statuses}
        matching: list[Snapshot] = []
        while True:
            batch = self.executions.list_by_user(user, list(closed) or None, before, limit + 1)
            progress_by_id = {
                progress.execution_id: progress
                for progress in self.executions.read_all_progress([execution.id for execution in batch])
            }
            snapshots = [
                Snapshot(execution, progress_by_id[execution.id])
                for execution in batch
                if execution.id in progress_by_id
            ]
            matching += [snapshot for snapshot in snapshots if not statuses or snapshot.progress.status in statuses]
            if len(batch) <= limit or len(matching) > limit:
                break
            before = batch[-1].created_at
        return ExecutionList(
            matching[:limit], matching[limit - 1].execution.created_at if len(matching) > limit else None
        )
