from __future__ import annotations

import pytest

from imagefactory.api import errors as http_errors
from imagefactory.domain import errors
from imagefactory.domain.errors import AttemptFailed, ClientError, FactoryError
from imagefactory.testing import a_failure

REFUSALS = {
    "MalformedRequest": (400, "MALFORMED_REQUEST"),
    "InvalidRequest": (400, "VALIDATION_FAILED"),
    "Unauthenticated": (401, "UNAUTHENTICATED"),
    "NotFound": (404, "NOT_FOUND"),
    "MethodNotAllowed": (405, "METHOD_NOT_ALLOWED"),
    "StillAccepting": (409, "STILL_ACCEPTING"),
    "NotRetryable": (409, "NOTHING_TO_RETRY"),
    "PayloadTooLarge": (413, "PAYLOAD_TOO_LARGE"),
    "UnsupportedMediaType": (415, "UNSUPPORTED_MEDIA_TYPE"),
    "IdempotencyKeyReused": (422, "IDEMPOTENCY_KEY_REUSED"),
    "TooManyInFlight": (429, "TOO_MANY_IN_FLIGHT"),
}


def test_the_refusals_are_a_closed_list_with_one_status_and_code_each() -> None:
    found = {one.__name__: (one.status, one.code) for one in ClientError.__subclasses__()}

    assert found == REFUSALS


@pytest.mark.parametrize("name", sorted(set(REFUSALS) - {"MethodNotAllowed", "TooManyInFlight"}))
def test_a_refusal_without_words_of_its_own_says_what_its_kind_means(name: str) -> None:
    kind = next(kind for kind in ClientError.__subclasses__() if kind.__name__ == name)

    assert str(kind()) == kind.__doc__
    assert str(kind("in other words")) == "in other words"


@pytest.mark.parametrize(
    ("refusal", "headers"),
    [
        (errors.NotFound(), {}),
        (errors.TooManyInFlight("wait", retry_after=40), {"Retry-After": "40"}),
        (http_errors.Unauthenticated(), {"WWW-Authenticate": 'Bearer realm="image-factory"'}),
        (http_errors.MethodNotAllowed(["GET", "POST"]), {"Allow": "GET, POST"}),
        (errors.StillAccepting(), {"Retry-After": "2"}),
    ],
)
def test_a_refusal_brings_the_headers_that_belong_to_it(refusal: ClientError, headers: dict[str, str]) -> None:
    assert refusal.headers == headers


def test_a_failed_attempt_carries_its_failure_and_says_its_message() -> None:
    failed = AttemptFailed(a_failure(message="no luck"))

    assert str(failed) == "no luck"
    assert isinstance(failed, FactoryError)


def test_a_refusal_of_faults_says_the_first_and_counts_them_in_one_way_for_all() -> None:
    one, other = errors.FieldError("model", "there is none"), errors.FieldError("prompts", "too short", 3)

    alone, both = errors.InvalidRequest.of([one]), errors.InvalidRequest.of([other, one])
    many = errors.InvalidRequest.of([one] * (errors.MAX_FIELD_ERRORS + 1))

    assert (str(alone), alone.errors) == ("model: there is none.", (one,))
    assert (str(both), both.errors) == ("prompts: too short. All 2 faults are in details.", (other, one))
    assert str(many).endswith(
        f" The first {errors.MAX_FIELD_ERRORS} of {errors.MAX_FIELD_ERRORS + 1} faults are in details."
    )
    assert len(many.errors) == errors.MAX_FIELD_ERRORS


def test_as_many_faults_as_an_answer_holds_are_all_in_it() -> None:
    refusal = errors.InvalidRequest.of([errors.FieldError("model", "none")] * 10_000)

    assert str(refusal) == "model: none. All 10000 faults are in details."
    assert len(refusal.errors) == 10_000
