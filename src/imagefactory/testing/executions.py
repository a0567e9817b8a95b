"""Executions in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from imagefactory.domain.errors import Conflict
from imagefactory.domain.result import Result, ResultStatus
from imagefactory.ports import Applied, Reopened, Transition
from imagefactory.testing.store import Store, is_visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from imagefactory.domain.execution import EncryptedSecret, Execution, ExecutionStatus, Progress, Prompt


class InMemoryExecutions:
    """The port Executions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, execution_id: str) -> Execution | None:
        """An execution past its commit point."""
        with self._store.lock:
            execution = self._store.executions.get(execution_id)
            return execution if execution and is_visible(execution) else None

    def load(self, execution_id: str, index: int) -> tuple[Execution | None, Result | None]:
        """An execution and one of its results."""
        with self._store.lock:
            return self.get(execution_id), self._results(execution_id).get(index)

    def read_progress(self, execution_id: str) -> Progress | None:
        """The counters."""
        with self._store.lock:
            return self._store.progress.get(execution_id)

    def read_all_progress(self, execution_ids: Sequence[str]) -> list[Progress]:
        """The counters of those that exist."""
        return [progress for execution_id in execution_ids if (progress := self.read_progress(execution_id))]

    def prompts(self, execution: Execution, indexes: Sequence[int]) -> dict[int, Prompt]:
        """Look into the chunks."""
        prompts = {}
        with self._store.lock:
            for index in indexes:
                number = bisect_right(execution.chunks, index) - 1
                prompts[index] = self._store.chunks[execution.id, number][index - execution.chunks[number]]
        return prompts

    def apply(self, execution: Execution, transitions: Sequence[Transition]) -> Applied:
        """Write results and counters, all or nothing."""
        with self._store.lock:
            progress = self._store.progress.get(execution.id)
            current = self._results(execution.id)
            if progress is None or any(
                _has_changed(transition, current.get(transition.after.index)) for transition in transitions
            ):
                raise Conflict("a result was moved by somebody else")
            now = self._store.clock.now()
            moved = tuple(replace(transition.after, version=next(self._store.versions)) for transition in transitions)
            self._store.results[execution.id].update({result.index: (now, result) for result in moved})
            after = _count(progress, transitions, now, str(next(self._store.versions)))
            self._store.progress[execution.id] = after
            return Applied(moved, after.ended)

    def results(self, execution_id: str, first: int, count: int) -> dict[int, Result]:
        """Those in the range that were touched."""
        with self._store.lock:
            known = self._results(execution_id)
            return {index: known[index] for index in range(first, first + count) if index in known}

    def results_in(self, execution_id: str, statuses: Iterable[ResultStatus], first: int, limit: int) -> list[Result]:
        """Those in the states, by index."""
        wanted = set(statuses)
        with self._store.lock:
            known = sorted(self._results(execution_id).items())
        return [result for index, result in known if index >= first and result.status in wanted][:limit]

    def results_since(
        self, execution_id: str, since: datetime, after: int | None, limit: int
    ) -> list[tuple[datetime, Result]]:
        """Those changed since, by the moment of change, then by index."""
        start = (since, -1 if after is None else after)
        with self._store.lock:
            changes = list(self._store.results.get(execution_id, {}).values())
        later = [(at, result) for at, result in changes if (at, result.index) > start]
        return sorted(later, key=lambda change: (change[0], change[1].index))[:limit]

    def list_by_user(
        self, user: str, final_statuses: Sequence[ExecutionStatus | None] | None, before: datetime | None, limit: int
    ) -> list[Execution]:
        """The user's, newest first."""
        with self._store.lock:
            executions = [
                execution
                for execution in self._store.executions.values()
                if execution.user == user and is_visible(execution)
            ]
        wanted = [
            execution
            for execution in executions
            if (not final_statuses or execution.final_status in final_statuses)
            and (before is None or execution.created_at < before)
        ]
        return sorted(wanted, key=lambda execution: (execution.created_at, execution.id), reverse=True)[:limit]

    def note_recovery(self, execution: Execution) -> Execution:
        """Count it, if the execution is as it was read."""
        with self._store.lock:
            return self._store.replace(execution, replace(execution, recovery_count=execution.recovery_count + 1))

    def request_cancel(self, execution_id: str) -> None:
        """Set the mark."""
        with self._store.lock:
            self._store.put(replace(self._store.require(execution_id), cancel_requested=True))

    def reopen(
        self, execution: Execution, encrypted_key: EncryptedSecret | None, transitions: Sequence[Transition]
    ) -> Reopened:
        """Take the mark and the end back, and move the results, if all is as it was read."""
        with self._store.lock:
            self._store.require_unchanged(execution)
            moved = self.apply(execution, transitions)
            opened = replace(execution, final_status=None, cancel_requested=False, encrypted_key=encrypted_key)
            return Reopened(self._store.put(opened), moved.results)

    def close(self, execution: Execution, status: ExecutionStatus) -> None:
        """Note the end and forget the key."""
        with self._store.lock:
            self._store.put(replace(self._store.require_unchanged(execution), final_status=status, encrypted_key=None))

    def _results(self, execution_id: str) -> dict[int, Result]:
        return {index: result for index, (_, result) in self._store.results.get(execution_id, {}).items()}


def _has_changed(transition: Transition, current: Result | None) -> bool:
    if transition.before is None or current is None:
        return transition.before is not current
    return transition.before.version != current.version


def _count(progress: Progress, transitions: Sequence[Transition], now: datetime, version: str) -> Progress:
    deltas: Counter[str] = Counter()
    for transition in transitions:
        for result, step in ((transition.before or Result(transition.after.index), -1), (transition.after, 1)):
            deltas["cost_microusd"] += step * result.cost_microusd
            if result.status is not ResultStatus.PENDING:
                deltas[result.status.value] += step
    has_started = any(transition.after.status is ResultStatus.PROCESSING for transition in transitions)
    changed: dict[str, int] = {name: getattr(progress, name) + delta for name, delta in deltas.items()}
    started_at = progress.started_at or (now if has_started else None)
    return replace(progress, **changed, started_at=started_at, updated_at=now, version=version)  # type: ignore[arg-type] # the counters are the whole numbers among its fields
