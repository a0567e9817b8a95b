"""The errors of this library.

```
ImageFactoryError          everything that it raises of its own
├─ Unreachable             no answer came: the connection broke, or a timeout passed
├─ UnexpectedAnswer        an answer that is not the API's: a proxy's page, another program
├─ DownloadFailed          an image cannot be fetched, or its size is not the recorded one
└─ ApiError                the API refused: status, code, message, details, request_id
   ├─ InvalidRequest       400, 413, 415: the request breaks rules; details lists every fault
   ├─ Unauthenticated      401: the token is not valid
   ├─ NotFound             404: it does not exist, or belongs to somebody else
   ├─ StillAccepting       409: the first submit with this idempotency key is under way
   ├─ NothingToRetry       409: no result fits and can run again
   ├─ IdempotencyKeyReused 422: the key belongs to another request
   ├─ TooManyInFlight      429: the user has too much waiting and running
   └─ Unavailable          502, 503, 504: the API or a service behind it is down
```

Arguments that cannot be right raise ValueError, files that cannot be read or written OSError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

TEMPORARY_STATUSES = frozenset({429, 502, 503, 504})
MAX_TEXT = 300


class ImageFactoryError(Exception):
    """The root. `is_temporary` says whether the same call may succeed later, `retry_after` in how many seconds."""

    is_temporary: bool = False
    retry_after: float | None = None


class Unreachable(ImageFactoryError):
    """No answer came."""

    is_temporary = True


class UnexpectedAnswer(ImageFactoryError):
    """The answer is not the API's."""


class DownloadFailed(ImageFactoryError):
    """The image cannot be fetched. `status` is the HTTP status of its address, 0 if it was not the reason."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.is_temporary = status in TEMPORARY_STATUSES


@dataclass(frozen=True, slots=True)
class Detail:
    """One fault of a request: the field, what is wrong, and the place among prompts or images, from 0."""

    field: str
    message: str
    index: int | None = None


class ApiError(ImageFactoryError):
    """The API refused. `code` is empty if the answer came from something in front of it.

    `request` is the method and the path that were asked for; `request_id` finds the call in the deployment's log.
    """

    request: str = ""

    def __init__(
        self, status: int, code: str, message: str, details: Sequence[Detail] = (), request_id: str = ""
    ) -> None:
        super().__init__(status, code, message, details, request_id)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.request_id = request_id
        self.is_temporary = status in TEMPORARY_STATUSES

    def __str__(self) -> str:
        """One line: the request, status, code, message and the first fault."""
        asked = self.request or "The API"
        fault = f" ({_describe(self.details[0])})" if self.details else ""
        more = f" and {len(self.details) - 1} more" if len(self.details) > 1 else ""
        return f"{asked} answered {' '.join(filter(None, (str(self.status), self.code)))}: {self.message}{fault}{more}"


class InvalidRequest(ApiError):
    """The request breaks rules."""


class Unauthenticated(ApiError):
    """The token is not valid."""


class NotFound(ApiError):
    """It does not exist, or belongs to somebody else."""


class StillAccepting(ApiError):
    """The first submit with this idempotency key is under way."""


class NothingToRetry(ApiError):
    """No result fits and can run again."""


class IdempotencyKeyReused(ApiError):
    """The idempotency key belongs to another request."""


class TooManyInFlight(ApiError):
    """The user has as many executions or prompts in flight as allowed."""


class Unavailable(ApiError):
    """The API, or a service behind it, is down."""


_BY_CODE: dict[str, type[ApiError]] = {
    "MALFORMED_REQUEST": InvalidRequest,
    "VALIDATION_FAILED": InvalidRequest,
    "PAYLOAD_TOO_LARGE": InvalidRequest,
    "UNSUPPORTED_MEDIA_TYPE": InvalidRequest,
    "UNAUTHENTICATED": Unauthenticated,
    "NOT_FOUND": NotFound,
    "STILL_ACCEPTING": StillAccepting,
    "NOTHING_TO_RETRY": NothingToRetry,
    "IDEMPOTENCY_KEY_REUSED": IdempotencyKeyReused,
    "TOO_MANY_IN_FLIGHT": TooManyInFlight,
    "UNAVAILABLE": Unavailable,
}
_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthenticated,
    404: NotFound,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def build_error(status: int, body: Any, text: str, request_id: str = "", request: str = "") -> ApiError:
    """The error for an answer: `body` is its JSON (None: it has none), `text` what it says otherwise."""
    fault = body.get("error") if isinstance(body, dict) else None
    if isinstance(fault, dict) and isinstance(fault.get("code"), str):
        kind = _BY_CODE.get(fault["code"], ApiError)
        error = kind(status, fault["code"], str(fault.get("message", "")), _read_details(fault), request_id)
    else:
        kind = _BY_STATUS.get(status, ApiError)
        error = kind(status, "", " ".join(text.split())[:MAX_TEXT], (), request_id)
    error.request = request
    return error


def _read_details(error: dict[str, Any]) -> list[Detail]:
    listed = error.get("details")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return [Detail(str(row.get("field", "")), str(row.get("message", "")), row.get("index")) for row in rows]


def _describe(detail: Detail) -> str:
    place = "" if detail.index is None else f"[{detail.index}]"
    return f"{detail.field}{place}: {detail.message}"
