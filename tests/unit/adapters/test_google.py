from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions

from imagefactory.adapters.google_errors import CALL_OPTIONS, read_all, translate_google_errors
from imagefactory.domain.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

THEIRS = [
    (exceptions.AlreadyExists("m"), Conflict),
    (exceptions.FailedPrecondition("m"), Conflict),
    (exceptions.PreconditionFailed("m"), Conflict),
    (exceptions.NotFound("m"), Conflict),
    (exceptions.InternalServerError("m"), Unavailable),
    (exceptions.BadGateway("m"), Unavailable),
    (exceptions.ServiceUnavailable("m"), Unavailable),
    (exceptions.GatewayTimeout("m"), Unavailable),
    (exceptions.DeadlineExceeded("m"), Unavailable),
    (exceptions.Unknown("m"), Unavailable),
    (exceptions.TooManyRequests("m"), Unavailable),
    (exceptions.ResourceExhausted("m"), Unavailable),
    (exceptions.Aborted("m"), Unavailable),
    (exceptions.Cancelled("m"), Unavailable),
    (exceptions.RetryError("m", ValueError("cause")), Unavailable),
    (auth_exceptions.TransportError("m"), Unavailable),
    (auth_exceptions.RefreshError("m"), Unavailable),
    (requests.ConnectionError("m"), Unavailable),
    (requests.Timeout("m"), Unavailable),
    (requests.exceptions.ChunkedEncodingError("m"), Unavailable),
]


@pytest.mark.parametrize(("theirs", "expected"), THEIRS)
def test_their_errors_become_ours_and_stay_their_cause(theirs: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as raised, translate_google_errors():
        raise theirs

    assert raised.value.__cause__ is theirs
    assert str(raised.value) == type(theirs).__name__


@pytest.mark.parametrize(
    "defect",
    [
        exceptions.InvalidArgument("m"),
        exceptions.PermissionDenied("m"),
        exceptions.Unauthenticated("m"),
        exceptions.Forbidden("m"),
        KeyError("m"),
    ],
)
def test_a_defect_goes_on_as_it_is(defect: Exception) -> None:
    with pytest.raises(type(defect)) as raised, translate_google_errors():
        raise defect

    assert raised.value is defect


def test_what_means_something_else_to_the_caller_passes() -> None:
    gone = exceptions.NotFound("m")

    with pytest.raises(exceptions.NotFound), translate_google_errors(passing=(exceptions.NotFound,)):
        raise gone


def test_where_nothing_fails_nothing_happens() -> None:
    with translate_google_errors():
        done = True

    assert done


def test_a_stream_that_breaks_in_the_middle_is_read_anew_from_its_beginning() -> None:
    options: list[dict[str, Any]] = []

    def read(**given: Any) -> Iterator[int]:
        options.append(given)
        yield 1
        if len(options) == 1:
            raise exceptions.ServiceUnavailable("m")
        yield 2

    assert read_all(read) == [1, 2]

    # Ours are the tries; the client's own would go on behind the last row.
    assert [given["timeout"] for given in options] == [10, 10]
    with pytest.raises(exceptions.ServiceUnavailable):
        options[0]["retry"](refuse(exceptions.ServiceUnavailable("m")))()


def refuse(error: Exception) -> Any:
    def call() -> None:
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "is_tried_again"),
    [
        (exceptions.Aborted("m"), True),
        (exceptions.DeadlineExceeded("m"), True),
        (exceptions.InternalServerError("m"), True),
        (exceptions.ResourceExhausted("m"), True),
        (exceptions.ServiceUnavailable("m"), True),
        (exceptions.AlreadyExists("m"), False),
        (exceptions.PermissionDenied("m"), False),
    ],
)
def test_a_call_is_tried_again_where_that_may_help(error: Exception, *, is_tried_again: bool) -> None:
    tries = 0

    def fail_once() -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise error
        return "done"

    if is_tried_again:
        assert CALL_OPTIONS["retry"](fail_once)() == "done"
    else:
        with pytest.raises(type(error)):
            CALL_OPTIONS["retry"](fail_once)()


def test_a_call_with_all_its_tries_ends_before_a_request_does() -> None:
    patience = CALL_OPTIONS["retry"]

    assert (CALL_OPTIONS["timeout"], patience.timeout) == (10, 20)
    assert (patience._initial, patience._maximum, patience._multiplier) == (0.1, 3, 1.6)  # noqa: SLF001 - it tells nobody else
