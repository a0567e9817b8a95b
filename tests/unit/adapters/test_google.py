from __future__ import annotations

import pytest
import requests
from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions

from imagefactory.adapters.google_errors import translate_google_errors
from imagefactory.domain.errors import Conflict, Unavailable

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
