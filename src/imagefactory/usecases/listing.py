"""Listing: the caller's executions, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory.usecases import views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from imagefactory.domain.execution import Execution, ExecutionStatus, Tally
    from imagefactory.ports import Executions


@dataclass(frozen=True, kw_only=True)
class ListExecutions:
    """Show a user what they have submitted."""

    executions: Executions

    def __call__(
        self, user: str, statuses: Sequence[ExecutionStatus], before: datetime | None, limit: int
    ) -> Mapping[str, object]:
        """Up to `limit` executions in these statuses (none given: in any), created before `before`."""
        # Whether a running execution has started is known to its tally alone, so those two are told apart here.
        closed = {status if status.is_terminal else None for status in statuses}
        shown: list[tuple[Execution, Tally]] = []
        while True:
            batch = self.executions.listed(user, list(closed) or None, before, limit + 1)
            tallies = {tally.execution_id: tally for tally in self.executions.tallies([one.id for one in batch])}
            pairs = [(one, tallies[one.id]) for one in batch if one.id in tallies]
            shown += [(one, tally) for one, tally in pairs if not statuses or tally.status in statuses]
            if len(batch) <= limit or len(shown) > limit:
                break
            before = batch[-1].created_at
        # A plus sign in a URL would be read as a space.
        more = shown[limit - 1][0].created_at.isoformat().replace("+00:00", "Z") if len(shown) > limit else None
        return {
            "executions": [views.execution(one, tally) for one, tally in shown[:limit]],
            "next_cursor": more,
        }
