"""Where the errors of Google's clients end: one table from theirs to ours.

Only the adapters use it. What is not in the table is a defect and goes on as it is, to be logged with its trace.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import requests
from google.api_core import exceptions, retry
from google.auth import exceptions as auth_exceptions

from imagefactory.domain.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: A precondition of ours did not hold.
CONFLICTS: tuple[type[Exception], ...] = (
    exceptions.AlreadyExists,
    exceptions.FailedPrecondition,
    exceptions.PreconditionFailed,
    exceptions.NotFound,
)
#: The service could not do its part, now.
TRANSIENT: tuple[type[Exception], ...] = (
    exceptions.ServerError,
    exceptions.TooManyRequests,
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.RetryError,
    auth_exceptions.TransportError,
    auth_exceptions.RefreshError,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
#: Seconds for one gRPC call, and for all its tries together. The clients' own, up to 300 s, would outlast a request.
CALL_SECONDS, MAX_RETRY_SECONDS = 10.0, 20.0
#: How every gRPC call but the queue's is made. A try whose reply was lost is told from somebody else's by its write id.
CALL_OPTIONS: dict[str, Any] = {
    "timeout": CALL_SECONDS,
    "retry": retry.Retry(
        predicate=retry.if_exception_type(
            exceptions.Aborted,
            exceptions.DeadlineExceeded,
            exceptions.InternalServerError,
            exceptions.ResourceExhausted,
            exceptions.ServiceUnavailable,
        ),
        initial=0.1,
        maximum=3.0,
        multiplier=1.6,
        timeout=MAX_RETRY_SECONDS,
    ),
}
_NEVER = retry.Retry(predicate=retry.if_exception_type())


@contextlib.contextmanager
def translate_google_errors(passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Raise our errors for theirs inside the block; those in `passing` mean something else to the caller.

    Raises:
        Conflict: a precondition failed.
        Unavailable: the service failed.
    """
    try:
        yield
    except passing:
        raise
    except CONFLICTS as theirs:
        raise Conflict(type(theirs).__name__) from theirs
    except TRANSIENT as theirs:
        raise Unavailable(type(theirs).__name__) from theirs


def read_all(read: Callable[..., Iterable[Any]]) -> list[Any]:
    """All that a streaming call answers, read anew from the beginning should the stream break in the middle.

    The clients' own way is to go on behind the last row, which fails without an order and forgets the limit.
    """
    patient: retry.Retry = CALL_OPTIONS["retry"]
    return patient(lambda: list(read(timeout=CALL_OPTIONS["timeout"], retry=_NEVER)))()
