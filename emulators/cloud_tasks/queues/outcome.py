"""The outcome of one attempt, and its wording in the API."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from google.rpc import status_pb2

from emulators.cloud_tasks.wire.errors import Code

_BY_STATUS = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    409: Code.ABORTED,
    416: Code.OUT_OF_RANGE,
    429: Code.RESOURCE_EXHAUSTED,
    499: Code.CANCELLED,
    501: Code.UNIMPLEMENTED,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
# A retry's header reports this if the previous attempt got no answer.
NO_ANSWER = 504


class AttemptResult(Enum):
    """The ways in which an attempt can end."""

    ANSWERED = "the target answered, with any status"
    TIMED_OUT = "the dispatch deadline passed first"
    UNREACHABLE = "no connection, or no HTTP answer on it"
    ABANDONED = "the emulator was stopped or reset meanwhile"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result, the HTTP status (0 for none), and the delay of the answer's Retry-After (seconds, 0 for none)."""

    result: AttemptResult
    status: int = 0
    retry_after: float = 0.0
    reason: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the answer was a 2xx: the task is done."""
        return self.result is AttemptResult.ANSWERED and 200 <= self.status <= 299  # noqa: PLR2004 - the range says it

    @property
    def is_server_error(self) -> bool:
        """Whether the answer was a 5xx."""
        return self.result is AttemptResult.ANSWERED and self.status >= _SERVER_ERROR

    def attempt_status(self) -> status_pb2.Status:
        """The `response_status` of the attempt."""
        if self.is_success:
            return status_pb2.Status()
        code = self._code()
        status = NO_ANSWER if self.result is AttemptResult.TIMED_OUT else self.status
        return status_pb2.Status(code=code.number, message=f"{code.name}({code.number}): HTTP status code {status}")

    def _code(self) -> Code:
        if self.result is AttemptResult.TIMED_OUT:
            return Code.DEADLINE_EXCEEDED
        if self.result is not AttemptResult.ANSWERED:
            return Code.UNAVAILABLE
        if self.status in _BY_STATUS:
            return _BY_STATUS[self.status]
        if self.status >= _SERVER_ERROR:
            return Code.INTERNAL
        return Code.FAILED_PRECONDITION if self.status >= _CLIENT_ERROR else Code.UNKNOWN
