"""Everything that can go wrong, as one tree.

FactoryError
├── ClientError                 the caller can fix it; answered with `status` and `code`
│   ├── MalformedRequest        400  the request cannot be read
│   ├── InvalidRequest          400  it was read, and its fields break rules; lists every error
│   ├── NotFound                404  it does not exist, or not for this caller
│   ├── StillAccepting          409  the first submit under this Idempotency-Key is not done yet
│   ├── NotRetryable            409  nothing in the execution can run again
│   ├── IdempotencyKeyReused    422  the key belongs to another request
│   ├── TooManyInFlight         429  the user has as much running as one user may
│   └── …                            what only HTTP knows: api/errors.py
├── Unavailable             503  a service behind us failed; nothing is half done; try again
├── Conflict                     a precondition failed: somebody else moved first; read again
└── AttemptFailed                one attempt for one prompt failed, for the reason in `failure`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagefactory.domain.result import Failure

#: As many as a batch has prompts: an answer need not be larger than what it answers.
MAX_FIELD_ERRORS = 10_000


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a request: the field, the 0-based index where it has one, and what to change."""

    field: str
    message: str
    index: int | None = None


class FactoryError(Exception):
    """The root: nothing else is raised on purpose."""


class ClientError(FactoryError):
    """The request cannot be served as it is."""

    status: ClassVar[int]
    code: ClassVar[str]

    def __init__(self, message: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message or (self.__doc__ or ""))
        self.errors = tuple(errors)

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that belong to this answer."""
        return {}


class MalformedRequest(ClientError):
    """The request cannot be read."""

    status, code = 400, "MALFORMED_REQUEST"


class InvalidRequest(ClientError):
    """The request breaks the rules listed in details."""

    status, code = 400, "VALIDATION_FAILED"

    @classmethod
    def of(cls, errors: Sequence[FieldError]) -> Self:
        """The refusal for these errors: the first in words, up to `MAX_FIELD_ERRORS` as details."""
        listed = f"The first {MAX_FIELD_ERRORS} of" if len(errors) > MAX_FIELD_ERRORS else "All"
        more = f" {listed} {len(errors)} faults are in details." if len(errors) > 1 else ""
        return cls(f"{errors[0].field}: {errors[0].message}.{more}", errors=errors[:MAX_FIELD_ERRORS])


class NotFound(ClientError):
    """There is nothing here."""

    status, code = 404, "NOT_FOUND"


class StillAccepting(ClientError):
    """The first request with this Idempotency-Key is still being accepted; ask again in a moment."""

    status, code = 409, "STILL_ACCEPTING"

    @property
    def headers(self) -> dict[str, str]:
        """Seconds after which asking again makes sense."""
        return {"Retry-After": "2"}


class NotRetryable(ClientError):
    """No result of this execution matches and can run again."""

    status, code = 409, "NOTHING_TO_RETRY"


class IdempotencyKeyReused(ClientError):
    """This Idempotency-Key was used for another request; use a new key."""

    status, code = 422, "IDEMPOTENCY_KEY_REUSED"


class TooManyInFlight(ClientError):
    """You have as much running as one user may; wait for some of it to end."""

    status, code = 429, "TOO_MANY_IN_FLIGHT"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Seconds after which asking again makes sense."""
        return {"Retry-After": str(self.retry_after)}


class Unavailable(FactoryError):
    """A service behind the factory did not answer as it should; trying again may help."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "UNAVAILABLE"


class Conflict(FactoryError):
    """A commit's precondition failed, and the commit was not ours."""


class AttemptFailed(FactoryError):
    """One attempt for one prompt failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
