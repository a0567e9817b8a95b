"""Which quotas come back soon, and which do not: a daily one, one of nothing, and money that is gone."""

from __future__ import annotations

from typing import Any

import pytest

from imagefactory.adapters.gemini.failures import failure_of_status
from imagefactory.domain.result import FailureCode
from tests.unit.gemini.calling import KEY
from tests.unit.gemini.test_error_answers import PER_DAY, PER_MINUTE, error, quota, retry_info

EXHAUSTED = "RESOURCE_EXHAUSTED"
#: Values of a quota that tell nothing.
ODD: list[Any] = [None, "", "none", False, -1, float("nan"), [0], {}]


def is_retryable(message: str, *details: Any) -> bool:
    """Whether another attempt follows a 429 of these words and details."""
    failure = failure_of_status(429, error(429, message, EXHAUSTED, *details, retry_info("35s")), KEY)
    assert (failure.code, failure.retry_after) == (FailureCode.RATE_LIMIT_EXCEEDED, 35)
    return failure.retryable


@pytest.mark.parametrize("name", ["quotaValue", "quota_value"])
@pytest.mark.parametrize(
    ("value", "comes_back"),
    [
        *((nothing, False) for nothing in (0, "0", 0.0, "0.0", " 0 ", "00")),
        *((some, True) for some in (10, "10", 0.5, "9223372036854775807", 9223372036854775807)),
        *((odd, True) for odd in ODD),
    ],
)
def test_a_quota_of_nothing_never_comes_back(name: str, value: Any, comes_back: bool) -> None:  # noqa: FBT001 - part of the table
    assert is_retryable("Quota exceeded.", quota(PER_MINUTE, **{name: value})) is comes_back


@pytest.mark.parametrize(
    ("limit", "comes_back"),
    [
        *((nothing, False) for nothing in ("limit: 0, model: m", "limit: 0", "limit: 0.", "limit: 0.0", "Limit: 0\n")),
        *((nothing, False) for nothing in ("limit=0", "limit: 10, model: a\n* limit: 0, model: b", "limit: 0.000,")),
        *((some, True) for some in ("limit: 10", "limit: 0.5", "limit: 05", "limit: 0.01", "limit: 100", "unlimit: 0")),
        *((odd, True) for odd in ("limit: none", "limit: -1", f"limit: {'0' * 10_000}1", "limits: 0")),
    ],
)
def test_a_limit_of_nothing_in_words_never_comes_back(limit: str, comes_back: bool) -> None:  # noqa: FBT001 - part of the table
    assert is_retryable(f"Quota exceeded for metric: requests, {limit}") is comes_back


@pytest.mark.parametrize(
    "details",
    [
        [quota(PER_DAY)],
        [quota(PER_MINUTE, PER_DAY)],
        [{"violations": {"quotaId": PER_DAY}}],
        [{"violations": [{"quota_id": PER_DAY}]}],
        [{"violations": [{"quota_metric": "requests_per_day"}]}],
        [{"violations": [{"quotaMetric": "generativelanguage.googleapis.com/requests_per_model_per_day"}]}],
        [{"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": PER_DAY, "quota_limit_value": "1000"}}],
        [{"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": PER_MINUTE, "quota_limit_value": "0"}}],
    ],
)
def test_a_daily_quota_is_known_by_its_name(details: list[Any]) -> None:
    assert not is_retryable("Quota exceeded.", *details)


def test_details_may_be_one_object() -> None:
    answer = error(429, "Quota exceeded.", EXHAUSTED)
    answer["error"]["details"] = quota(PER_DAY)

    assert not failure_of_status(429, answer, KEY).retryable


@pytest.mark.parametrize(
    ("message", "comes_back"),
    [
        ("Quota exceeded for quota metric 'Requests' and limit 'Requests per day' of service 'x'.", False),
        ("Quota exceeded for metric: x.googleapis.com/requests_per_day, limit: 1000", False),
        ("Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'. Days do not count.", True),
        ("Quota exceeded. See how much you may ask per day.", True),
        ("YOUR PREPAYMENT CREDITS ARE DEPLETED.", False),
    ],
)
def test_a_quota_is_known_by_its_sentence(message: str, comes_back: bool) -> None:  # noqa: FBT001 - part of the table
    assert is_retryable(message) is comes_back
