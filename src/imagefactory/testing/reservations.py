"""Reservations in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import Execution, Phase, Progress, Prompt
from imagefactory.domain.limits import InFlight
from imagefactory.ports import Reservation
from imagefactory.testing.store import Store, is_visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


#: How many prompts a chunk takes; one byte more than a small test's batch would never be split.
CHUNK_PROMPTS = 500


class InMemoryReservations:
    """The port Reservations."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reserve(self, execution: Execution) -> Reservation:
        """Take the id."""
        with self._store.lock:
            if holder := self._store.executions.get(execution.id):
                return Reservation(holder, is_ours=False)
            return Reservation(self._store.put(execution), is_ours=True)

    def take_over(self, stale: Execution, execution: Execution) -> Reservation:
        """Replace what is still as it was read."""
        with self._store.lock:
            return Reservation(self._store.replace(stale, execution), is_ours=True)

    def release(self, execution: Execution) -> None:
        """Forget what is still as it was reserved."""
        with self._store.lock:
            current = self._store.executions.get(execution.id)
            if current and current.version == execution.version:
                del self._store.executions[execution.id]

    def expire(self, execution_id: str, now: datetime) -> None:
        """Forget a reservation that is overdue."""
        with self._store.lock:
            current = self._store.executions.get(execution_id)
            if current and is_visible(current):
                raise Conflict("the execution exists")
            if current and current.is_overdue(now):
                del self._store.executions[execution_id]

    def write_prompts(self, execution: Execution, prompts: Sequence[Prompt]) -> tuple[int, ...]:
        """Keep the prompts in chunks of equal length."""
        firsts = tuple(range(0, len(prompts), CHUNK_PROMPTS))
        with self._store.lock:
            for number, first in enumerate(firsts):
                self._store.chunks[execution.id, number] = tuple(prompts[first : first + CHUNK_PROMPTS])
        return firsts

    def accept(self, execution: Execution) -> None:
        """Let the execution exist."""
        with self._store.lock:
            self._store.replace(execution, execution)
            self._store.results[execution.id] = {}
            self._store.progress[execution.id] = Progress(
                execution.id,
                execution.user,
                execution.prompt_count,
                updated_at=self._store.clock.now(),
                version=str(next(self._store.versions)),
            )

    def mark_enqueued(self, execution_id: str) -> None:
        """Note the phase."""
        with self._store.lock:
            self._store.put(replace(self._store.require(execution_id), phase=Phase.ENQUEUED))

    def in_flight(self, user: str, besides: str, now: datetime) -> InFlight:
        """Look at all that is the user's."""
        with self._store.lock:
            executions = [
                execution
                for execution in self._store.executions.values()
                if execution.user == user and execution.id != besides
            ]
            running = [
                self._store.progress[execution.id]
                for execution in executions
                if is_visible(execution) and not execution.final_status
            ]
        waiting = [execution for execution in executions if not is_visible(execution) and not execution.is_overdue(now)]
        prompts = sum(progress.total - progress.ended for progress in running) + sum(
            execution.prompt_count for execution in waiting
        )
        return InFlight(len(running) + len(waiting), prompts)

    def count_pending_elsewhere(self, limit: int) -> list[int]:
        """Look at every execution that is not closed."""
        with self._store.lock:
            open_ones = [
                execution.id
                for execution in self._store.executions.values()
                if is_visible(execution) and not execution.final_status
            ]
            return [self._store.progress[execution_id].pending for execution_id in sorted(open_ones)[:limit]]
