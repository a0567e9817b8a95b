"""An execution: one submitted batch, and the progress of its results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from imagefactory.domain.result import ResultStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from imagefactory.domain.generation import GenerationParameters


class ExecutionStatus(StrEnum):
    """Where an execution stands, in lifecycle order."""

    QUEUED = "queued"  #: accepted, nothing started
    PROCESSING = "processing"  #: at least one result has started, at least one has not ended
    COMPLETED = "completed"  #: every result completed
    PARTIALLY_COMPLETED = "partially_completed"  #: some completed, the others did not
    FAILED = "failed"  #: none completed
    CANCELLED = "cancelled"  #: at least one result was cancelled, and all have ended

    @property
    def is_terminal(self) -> bool:
        """Whether every result has ended."""
        return self not in (ExecutionStatus.QUEUED, ExecutionStatus.PROCESSING)


class Phase(StrEnum):
    """How far a submit has come, in order."""

    RESERVED = "reserved"  #: the id is taken; nobody sees the execution yet
    ACCEPTED = "accepted"  #: the commit point: it exists, and it will run
    ENQUEUED = "enqueued"  #: every first task has been created


#: After this a submit that has not reported is taken for dead, and the same request may begin anew.
ACCEPTING_SECONDS = 120


def acceptance_deadline(began: datetime) -> datetime:
    """The moment until which a submit may be accepted that began then."""
    return began + timedelta(seconds=ACCEPTING_SECONDS)


@dataclass(frozen=True, slots=True)
class EncryptedSecret:
    """A secret encrypted with AES-256-GCM: the name of the key's version, the nonce and the ciphertext."""

    key_version: str
    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class Prompt:
    """One line of the batch: its text as given, and the caller's own id for it."""

    text: str
    custom_id: str | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the caller was told when the execution was accepted: estimates of its time and cost, and warnings."""

    estimated_seconds: int
    estimated_cost_microusd: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Execution:
    """What was asked, and what of it outlives the request."""

    id: str
    user: str
    workflow_id: str
    prompt_count: int
    parameters: GenerationParameters
    created_at: datetime
    expires_at: datetime
    fingerprint: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: whether its attempts call the model with the caller's key
    needs_key: bool = True
    encrypted_key: EncryptedSecret | None = None
    phase: Phase = Phase.RESERVED
    accepting_until: datetime | None = None
    #: index of the first prompt of each chunk
    chunks: tuple[int, ...] = ()
    #: what a replay of its submit is told again; None before the commit point
    acceptance: Acceptance | None = None
    cancel_requested: bool = False
    #: how often lost tasks were created anew
    recovery_count: int = 0
    #: how it ended, once somebody has noted that
    final_status: ExecutionStatus | None = None
    version: object = field(default=None, compare=False, repr=False)

    def is_accepting(self, now: datetime) -> bool:
        """Whether its submit is still within its time."""
        return self.accepting_until is not None and now < self.accepting_until

    def is_overdue(self, now: datetime) -> bool:
        """Whether this is a reservation whose submit has not come to its commit point in time."""
        return self.phase is Phase.RESERVED and not self.is_accepting(now)


@dataclass(frozen=True, slots=True)
class Progress:
    """The counters of an execution: all that a poll needs before it looks at single results.

    `pending` is what the others leave, so the counts sum to the total at any moment. `version` changes with every
    change of a result.
    """

    execution_id: str
    user: str
    total: int
    processing: int = 0
    completed: int = 0
    failed: int = 0
    blocked: int = 0
    cancelled: int = 0
    cost_microusd: int = 0
    started_at: datetime | None = None
    updated_at: datetime | None = None
    version: str = ""

    @property
    def ended(self) -> int:
        """How many results are in a terminal state."""
        return self.completed + self.failed + self.blocked + self.cancelled

    @property
    def pending(self) -> int:
        """How many results wait for an attempt."""
        return self.total - self.processing - self.ended

    @property
    def percent(self) -> int:
        """Whole percentage of results that have ended; 100 only when all have."""
        return self.ended * 100 // self.total

    @property
    def status(self) -> ExecutionStatus:
        """What the counters say of the execution as a whole."""
        if self.ended < self.total:
            return ExecutionStatus.QUEUED if self.started_at is None else ExecutionStatus.PROCESSING
        if self.cancelled:
            return ExecutionStatus.CANCELLED
        if self.completed == self.total:
            return ExecutionStatus.COMPLETED
        return ExecutionStatus.PARTIALLY_COMPLETED if self.completed else ExecutionStatus.FAILED

    @property
    def completed_at(self) -> datetime | None:
        """When the last result ended."""
        return self.updated_at if self.status.is_terminal else None

    def counts(self) -> dict[str, int]:
        """The counts by status, and their total."""
        return {"total": self.total} | {status.value: getattr(self, status.value) for status in ResultStatus}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An execution, and the counters of its results at one moment."""

    execution: Execution
    progress: Progress
