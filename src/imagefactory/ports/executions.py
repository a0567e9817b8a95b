"""Executions and their results: how they come to be, and how they move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from imagefactory.domain.execution import EncryptedSecret, Execution, ExecutionStatus, Progress, Prompt
    from imagefactory.domain.limits import InFlight
    from imagefactory.domain.result import Result, ResultStatus


#: How many results one commit takes at most: a few hundred KB.
MAX_TRANSITIONS_PER_COMMIT = 200


@dataclass(frozen=True, slots=True)
class Reservation:
    """Who has an execution's id: ours, ready to be accepted, or another's."""

    execution: Execution
    is_ours: bool


class Reservations(Protocol):
    """How an execution comes to be: reserved, given its prompts, accepted, enqueued."""

    def reserve(self, execution: Execution) -> Reservation:
        """Take the execution's id, unless it is taken: then nothing is written."""
        ...

    def take_over(self, stale: Execution, execution: Execution) -> Reservation:
        """Replace a reservation whose submit died.

        Raises:
            Conflict: somebody else did first.
        """
        ...

    def release(self, execution: Execution) -> None:
        """Give a reservation back that led to nothing; an execution past its commit point stays."""
        ...

    def expire(self, execution_id: str, now: datetime) -> None:
        """Delete a reservation that is past its deadline; leave any other.

        Raises:
            Conflict: it is past its commit point.
        """
        ...

    def write_prompts(self, execution: Execution, prompts: Sequence[Prompt]) -> tuple[int, ...]:
        """Store the prompts in chunks; returns the index of each chunk's first prompt."""
        ...

    def accept(self, execution: Execution) -> None:
        """The commit point: from here on the execution exists, with its counters at zero.

        Raises:
            Conflict: the reservation was taken over meanwhile.
        """
        ...

    def mark_enqueued(self, execution_id: str) -> None:
        """Note that every first task has been created."""
        ...

    def in_flight(self, user: str, besides: str, now: datetime) -> InFlight:
        """What the user has in flight, an execution being accepted included, besides the execution of this id."""
        ...

    def count_pending_elsewhere(self, limit: int) -> list[int]:
        """How many results wait in each of up to `limit` executions that have not ended."""
        ...


@dataclass(frozen=True, slots=True)
class Transition:
    """One result's step from `before` (None: it had no document yet) to `after`.

    The store commits it together with the counters that it changes, or not at all.
    """

    before: Result | None
    after: Result


@dataclass(frozen=True, slots=True)
class Applied:
    """What a commit left: the results with their new versions, and how many results of the execution have ended."""

    results: tuple[Result, ...]
    ended: int


@dataclass(frozen=True, slots=True)
class Reopened:
    """An execution as a commit reopened it, and the results that the same commit moved, with their new versions."""

    execution: Execution
    results: tuple[Result, ...]


class Executions(Protocol):
    """Executions and their results. An execution exists here from its commit point on."""

    def get(self, execution_id: str) -> Execution | None:
        """What was asked, and how it stands."""
        ...

    def load(self, execution_id: str, index: int) -> tuple[Execution | None, Result | None]:
        """An execution and one of its results; None for what does not exist (yet)."""
        ...

    def read_progress(self, execution_id: str) -> Progress | None:
        """The counters: one read."""
        ...

    def read_all_progress(self, execution_ids: Sequence[str]) -> list[Progress]:
        """The counters of several executions, in their order; those that do not exist are left out."""
        ...

    def prompts(self, execution: Execution, indexes: Sequence[int]) -> dict[int, Prompt]:
        """The prompts with these indexes."""
        ...

    def apply(self, execution: Execution, transitions: Sequence[Transition]) -> Applied:
        """Commit these steps, at most MAX_TRANSITIONS_PER_COMMIT, and their counters at once.

        Raises:
            Conflict: a result was no longer as in `before`; nothing was written.
        """
        ...

    def results(self, execution_id: str, first: int, count: int) -> dict[int, Result]:
        """Those results with indexes from `first`, at most `count` of them on, that have a document."""
        ...

    def results_in(self, execution_id: str, statuses: Iterable[ResultStatus], first: int, limit: int) -> list[Result]:
        """Up to `limit` results in these states, by index, from `first` on. A result without a document is in none."""
        ...

    def results_since(
        self, execution_id: str, since: datetime, after: int | None, limit: int
    ) -> list[tuple[datetime, Result]]:
        """Up to `limit` results changed at or after `since`, oldest change first, each with the moment it changed.

        With `after`, results changed exactly at `since` begin behind that index.
        """
        ...

    def list_by_user(
        self, user: str, final_statuses: Sequence[ExecutionStatus | None] | None, before: datetime | None, limit: int
    ) -> list[Execution]:
        """Up to `limit` of the user's executions, newest first, created before `before`.

        With `final_statuses`, only executions that ended so; None among them stands for those that have not ended.
        """
        ...

    def note_recovery(self, execution: Execution) -> Execution:
        """Count that lost tasks are about to be created anew.

        Raises:
            Conflict: the execution changed since it was read.
        """
        ...

    def request_cancel(self, execution_id: str) -> None:
        """Let no further attempt begin."""
        ...

    def reopen(
        self, execution: Execution, encrypted_key: EncryptedSecret | None, transitions: Sequence[Transition]
    ) -> Reopened:
        """Commit these steps, and at once let attempts begin again, with this key.

        Raises:
            Conflict: the execution, or a result, changed since it was read; nothing was written.
        """
        ...

    def close(self, execution: Execution, status: ExecutionStatus) -> None:
        """Note how the execution ended, and delete its encrypted key.

        An update that is based on an earlier read then conflicts.

        Raises:
            Conflict: the execution changed since it was read.
        """
        ...
