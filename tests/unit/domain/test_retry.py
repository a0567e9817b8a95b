from __future__ import annotations

import pytest

from imagefactory.domain.result import FailureCode
from imagefactory.domain.retry import RetryPolicy
from imagefactory.testing import a_failure

POLICY = RetryPolicy()


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 120), (2, 150), (3, 180)])
def test_each_attempt_has_thirty_seconds_more_than_the_one_before(attempt: int, seconds: float) -> None:
    assert POLICY.timeout(attempt) == seconds


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 240), (2, 270), (3, 300)])
def test_a_models_own_first_timeout_takes_the_place_of_the_usual_one(attempt: int, seconds: float) -> None:
    assert POLICY.timeout(attempt, 240) == seconds


def test_a_lease_outlasts_the_call_and_what_is_around_it() -> None:
    assert POLICY.lease(2) == POLICY.timeout(2) + 60


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5), (2, 10)])
def test_after_a_timeout_the_delay_grows_by_five_seconds(attempt: int, seconds: float) -> None:
    assert POLICY.delay(a_failure(FailureCode.TIMEOUT), attempt) == seconds


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 4)])
@pytest.mark.parametrize("code", [code for code in FailureCode if code is not FailureCode.TIMEOUT])
def test_after_any_other_error_the_delay_grows_by_two_seconds(code: FailureCode, attempt: int, seconds: float) -> None:
    assert POLICY.delay(a_failure(code), attempt) == seconds


def test_a_provider_that_asks_for_more_time_gets_it() -> None:
    failure = a_failure(FailureCode.RATE_LIMIT_EXCEEDED, retry_after=35.8)

    assert POLICY.delay(failure, 1) == 35.8


def test_a_provider_that_asks_for_less_time_waits_as_long_as_all() -> None:
    failure = a_failure(FailureCode.RATE_LIMIT_EXCEEDED, retry_after=0.5)

    assert POLICY.delay(failure, 2) == 4


def test_a_provider_that_asks_for_days_gets_an_hour() -> None:
    failure = a_failure(FailureCode.RATE_LIMIT_EXCEEDED, retry_after=99_999_999)

    assert POLICY.delay(failure, 1) == 3600


def test_a_failure_that_no_attempt_can_mend_has_no_delay() -> None:
    assert POLICY.delay(a_failure(retryable=False), 1) is None


@pytest.mark.parametrize("code", FailureCode)
def test_after_the_third_attempt_there_is_no_other(code: FailureCode) -> None:
    assert POLICY.delay(a_failure(code), 3) is None
