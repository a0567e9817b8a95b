"""A batch result: one prompt of an execution and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from imagefactory.domain.image import StoredImage


class ResultStatus(StrEnum):
    """Where a result stands, in lifecycle order."""

    PENDING = "pending"  #: waits for its first attempt, or (attempts > 0) for its next
    PROCESSING = "processing"  #: an attempt holds the lease
    COMPLETED = "completed"  #: its image is stored
    FAILED = "failed"  #: its attempts are spent, or no further one could help
    BLOCKED = "blocked"  #: the model refused the content
    CANCELLED = "cancelled"  #: the caller cancelled before an attempt began

    @property
    def is_terminal(self) -> bool:
        """Whether the result has ended: only an explicit retry request moves it again."""
        return self not in (ResultStatus.PENDING, ResultStatus.PROCESSING)


class FailureCode(StrEnum):
    """Why an attempt did not make an image."""

    TIMEOUT = "TIMEOUT"  #: the attempt's timeout passed
    INVALID_API_KEY = "INVALID_API_KEY"  #: the provider does not accept the caller's key
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"  #: the key's quota is spent, for now or for the day
    INVALID_REQUEST = "INVALID_REQUEST"  #: the provider refuses the request itself
    SERVER_ERROR = "SERVER_ERROR"  #: the provider failed, or its answer was unusable
    CONTENT_BLOCKED = "CONTENT_BLOCKED"  #: the prompt or the image was refused
    NO_IMAGE = "NO_IMAGE"  #: an answer without an image that is not a refusal
    STORAGE_ERROR = "STORAGE_ERROR"  #: the image could not be stored
    INTERNAL = "INTERNAL"  #: our own error


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: a code, a sentence for people, and whether another attempt may help.

    `retry_after` is the provider's own wish in seconds. `provider_status` is its HTTP status and `provider_reason`
    its own word (a finish reason, a block reason or a canonical error status).
    """

    code: FailureCode
    message: str
    retryable: bool
    retry_after: float = 0.0
    provider_status: int | None = None
    provider_reason: str | None = None

    @property
    def ends_as(self) -> ResultStatus:
        """The status of a result for which this was the last word."""
        return ResultStatus.BLOCKED if self.code is FailureCode.CONTENT_BLOCKED else ResultStatus.FAILED


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a result until `until`. The result's version identifies the holder."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """One prompt's state. `attempts` counts model calls begun, so that a prompt that kills its process still ends.

    `generation` grows with each explicit retry request; `version` is the store's own mark for preconditions.
    Costs are in millionths of a US dollar.
    """

    index: int
    status: ResultStatus = ResultStatus.PENDING
    attempts: int = 0
    generation: int = 0
    lease: Lease | None = None
    next_attempt_at: datetime | None = None
    failure: Failure | None = None
    image: StoredImage | None = None
    cost_microusd: int = 0
    processing_time_ms: int | None = None
    version: object = field(default=None, compare=False, repr=False)

    @property
    def is_stored(self) -> bool:
        """Whether it has a document: something has happened to it."""
        return self.version is not None

    def claimed(self, lease: Lease) -> Result:
        """The result with an attempt begun under this lease."""
        return replace(
            self, status=ResultStatus.PROCESSING, attempts=self.attempts + 1, lease=lease, next_attempt_at=None
        )

    def completed(self, image: StoredImage, cost_microusd: int, processing_time_ms: int) -> Result:
        """The result with its image; what earlier attempts failed of is forgotten."""
        return replace(
            self,
            status=ResultStatus.COMPLETED,
            lease=None,
            failure=None,
            image=image,
            cost_microusd=cost_microusd,
            processing_time_ms=processing_time_ms,
        )

    def postponed(self, failure: Failure, next_attempt_at: datetime) -> Result:
        """The result waiting for its next attempt."""
        return replace(self, status=ResultStatus.PENDING, lease=None, failure=failure, next_attempt_at=next_attempt_at)

    def ended(self, failure: Failure, processing_time_ms: int | None = None) -> Result:
        """The result ended without an image."""
        return replace(self, status=failure.ends_as, lease=None, failure=failure, processing_time_ms=processing_time_ms)

    def cancelled(self) -> Result:
        """The result that will not run."""
        return replace(self, status=ResultStatus.CANCELLED, lease=None, next_attempt_at=None)

    def reopened(self) -> Result:
        """The result as if never tried, one generation on."""
        return Result(index=self.index, generation=self.generation + 1, version=self.version)
