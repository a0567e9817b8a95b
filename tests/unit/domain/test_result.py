from __future__ import annotations

from datetime import timedelta

import pytest

from imagefactory.domain.result import FailureCode, Result, ResultStatus
from imagefactory.testing import START, a_failure, a_lease, a_result, a_stored_image


@pytest.mark.parametrize("status", ResultStatus)
def test_only_pending_and_processing_results_have_not_ended(status: ResultStatus) -> None:
    assert status.is_terminal is (status not in ("pending", "processing"))


def test_a_claim_counts_the_attempt_and_ends_the_wait() -> None:
    waiting = a_result(attempts=1, next_attempt_at=START)
    lease = a_lease()

    claimed = waiting.claimed(lease)

    assert (claimed.status, claimed.attempts, claimed.lease) == (ResultStatus.PROCESSING, 2, lease)
    assert claimed.next_attempt_at is None


def test_an_image_makes_earlier_failures_forgotten() -> None:
    running = a_result(status=ResultStatus.PROCESSING, failure=a_failure())

    done = running.completed(a_stored_image(), 39_000, 25_000)

    assert (done.status, done.failure, done.lease) == (ResultStatus.COMPLETED, None, None)
    assert (done.cost_microusd, done.processing_time_ms, done.image) == (39_000, 25_000, a_stored_image())


def test_a_postponed_result_is_pending_and_says_why_and_until_when() -> None:
    running, failure, at = a_result(status=ResultStatus.PROCESSING), a_failure(), START + timedelta(seconds=2)

    waiting = running.postponed(failure, at)

    assert (waiting.status, waiting.lease, waiting.failure) == (ResultStatus.PENDING, None, failure)
    assert (waiting.next_attempt_at, waiting.attempts) == (at, 1)


@pytest.mark.parametrize("code", FailureCode)
def test_refused_content_is_blocked_and_everything_else_failed(code: FailureCode) -> None:
    failure = a_failure(code)

    ended = a_result(status=ResultStatus.PROCESSING).ended(failure, 1000)

    assert ended.status is (ResultStatus.BLOCKED if code == "CONTENT_BLOCKED" else ResultStatus.FAILED)
    assert (ended.lease, ended.failure, ended.processing_time_ms) == (None, failure, 1000)


def test_a_cancelled_result_waits_for_nothing() -> None:
    cancelled = a_result(attempts=1, next_attempt_at=START).cancelled()

    assert (cancelled.status, cancelled.next_attempt_at) == (ResultStatus.CANCELLED, None)


def test_a_dead_attempt_that_is_cancelled_holds_no_lease() -> None:
    assert a_result(status=ResultStatus.PROCESSING).cancelled().lease is None


def test_the_words_for_statuses_and_failures_are_those_that_clients_know() -> None:
    assert [status.value for status in ResultStatus] == [
        *("pending", "processing", "completed", "failed", "blocked", "cancelled")
    ]
    assert [code.value for code in FailureCode] == [code.name for code in FailureCode]


def test_a_reopened_result_begins_anew_one_generation_on() -> None:
    failed = a_result(index=7, status=ResultStatus.FAILED, generation=1, version="v")

    reopened = failed.reopened()

    assert reopened == Result(index=7, generation=2)
    assert reopened.version == "v"
