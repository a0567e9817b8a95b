"""What the provider says of waiting, in every spelling, and where it says it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.adapters.gemini.failures import failure_of_status
from imagefactory.adapters.gemini.retry_delay import MAX_DURATION, find_retry_delay
from imagefactory.adapters.gemini.values import parse_json
from tests.unit.gemini.calling import KEY
from tests.unit.gemini.test_error_answers import error, retry_info

DURATIONS = {
    "35s": 35.0,
    "34.4s": 34.4,
    "1m30s": 90.0,
    "13h27m1.2s": 48_421.2,
    "1h": 3_600.0,
    "2m": 120.0,
    "500ms": 0.5,
    "0s": 0.0,
    "3.000000001s": 3.000000001,
    "1d": 86_400.0,
    "2 days": 172_800.0,
    "20 s": 20.0,
    "2 minutes": 120.0,
    "1 hour, 2 minutes and 3 seconds": 3_723.0,
    "1 min 5 sec": 65.0,
    "90 Seconds": 90.0,
}
SENTENCES = (
    *("Please retry in {}.", "PLEASE RETRY IN {}", "Quota exceeded.\nPlease retry in {}.\n", "Retrying in {}"),
    *("Try again in {}", "Please try again later (after {}).", "Please retry after {}.", "Please try after {}"),
    *("Retry your request in about {}.", "Please wait {}.", "Wait at least {}", "Your quota will reset after {}."),
)
NONSENSE: tuple[Any, ...] = (
    *("-5s", "-5", -5, "nan", "NaNs", float("nan"), float("inf"), float("-inf"), "1e400", "1e400s", 10**400),
    *("9" * 10_000, "9" * 10_000 + "s", "1." + "9" * 10_000 + "s", "315576000001s", 315_576_000_001, True, False, None),
    *([], ["35s"], {}, {"seconds": -5}, {"seconds": "NaN", "nanos": "x"}, "", "soon", "s", "35x", "3 models", "1:30"),
)
DATE = "Wed, 25 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(("spelling", "seconds"), DURATIONS.items())
@pytest.mark.parametrize("form", ["{}", " {} "])
def test_a_retry_info_is_read_in_every_spelling(spelling: str, seconds: float, form: str) -> None:
    assert find_retry_delay("", [{"retryDelay": form.format(spelling)}]) == seconds


@pytest.mark.parametrize(("spelling", "seconds"), DURATIONS.items())
@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_is_read_in_every_spelling(sentence: str, spelling: str, seconds: float) -> None:
    assert find_retry_delay(sentence.format(spelling), ()) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ({"seconds": 35, "nanos": 5e8}, 35.5),
        ({"seconds": "35"}, 35.0),
        ({"nanos": 500_000_000}, 0.5),
        (35, 35.0),
        (34.4, 34.4),
        ("35", 35.0),
        (0, 0.0),
    ],
)
@pytest.mark.parametrize("name", ["retryDelay", "retry_delay"])
def test_a_retry_info_may_be_an_object_or_a_number(name: str, value: Any, seconds: float) -> None:
    assert find_retry_delay("", [{name: value}]) == seconds


@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: repr(value)[:20])
def test_nonsense_in_a_retry_info_counts_as_none(value: Any) -> None:
    assert find_retry_delay("", [{"retryDelay": value}, retry_info("7s")]) == 7


@pytest.mark.parametrize(
    "text",
    [
        "Deadline expired after 120 s. Please retry.",
        "The model is overloaded. Please try again later.",
        "An internal error has occurred. Please retry or report in https://example.com/30s",
        "Wait a few minutes for the action to propagate.",
        *(f"Please retry in {value}." for value in NONSENSE if isinstance(value, str)),
    ],
)
def test_a_sentence_that_names_no_delay_asks_for_none(text: str) -> None:
    assert find_retry_delay(text, ()) == 0


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        ("20", None, 20),
        (" 20.5\t", None, 20.5),
        ("0", DATE, 0),
        ("20s", None, 20),
        ("30, 60", None, 60),
        ("Wed, 25 Nov 2026 12:00:20 GMT", DATE, 20),
        ("Wednesday, 25-Nov-26 12:00:20 GMT", DATE, 20),
        ("2026-11-25T12:00:20Z", DATE, 20),
        ("2026-11-25T13:00:20.5+01:00", DATE, 20.5),
        ('"30"', None, 30),
        ("+30", None, 30),
        ("Wed Nov 25 12:00:20 2026", DATE, 20),
        ("wed, 25 nov 2026 12:00:20 gmt", "Wed Nov 25 12:00:00 2026", 20),
        ("Wed, 25 Nov 2026 11:59:00 GMT", DATE, 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", None, 0),
        *((value, DATE, 0) for value in NONSENSE if isinstance(value, str) and value[-1:] != "s"),
        ("Wed, 99 Nov 2026 12:00:00 GMT", DATE, 0),
        (f"Wed, 25 Nov {'9' * 20} 12:00:00 GMT", DATE, 0),
        ("Wed, 25 Nov 2026 12:00:00 +9999999999999999", DATE, 0),
        (f"{'1 ' * 30_000}", DATE, 0),
    ],
)
def test_a_header_is_read_as_seconds_or_as_a_date(header: str, date: str | None, seconds: float) -> None:
    assert find_retry_delay("", (), header, date) == seconds


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_a_date_is_held_against_our_clock_where_the_answer_has_none(date: str | None) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    assert find_retry_delay("", (), soon, date) == pytest.approx(100, abs=5)


@pytest.mark.parametrize(
    ("info", "sentence", "header", "seconds"),
    [
        ("0s", "Please retry in 20s.", None, 20),
        ("35s", "Please retry in 20s.", "3", 35),
        ("35s", "Please retry in 35.84s.", "3", 35.84),
        ("1s", "Please retry in 2s. Or try again in 5 seconds.", "60", 60),
        ("1s", "no word", "Wed, 25 Nov 2026 12:00:20 GMT", 20),
    ],
)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_the_longest_delay_counts_whatever_the_status(
    status: int, info: str, sentence: str, header: str | None, seconds: float
) -> None:
    failure = failure_of_status(status, error(status, sentence, "X", retry_info(info)), KEY, header, DATE)

    assert (failure.retry_after, failure.retryable) == (seconds, True)


def test_the_localized_message_is_read_too() -> None:
    answer = error(503, "Unavailable.", "UNAVAILABLE", {"locale": "en-US", "message": "Please retry in 20s."})

    assert failure_of_status(503, answer, KEY).retry_after == 20


def test_an_error_that_no_attempt_can_mend_asks_for_none() -> None:
    assert failure_of_status(400, error(400, "Please retry in 20s.", "X"), KEY, "30").retry_after == 0


@pytest.mark.parametrize("number", ["1e400", "NaN", "-Infinity", "9" * 10_000, "-" + "9" * 10_000])
def test_a_number_beyond_reading_leaves_the_rest_of_the_answer(number: str) -> None:
    body = b'{"error": {"message": "Please retry in 20s.", "details": [{"retryDelay": %s}]}}' % number.encode()

    assert failure_of_status(429, parse_json(bytearray(body)), KEY).retry_after == 20


MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "piece",
    [
        *("retry ", "try ", "retry in ", "wait ", "retry in 1", "retry in 1s, ", "retry in 1s and ", "1s", "1 ", "9"),
        *(" ", ".", "limit: ", "limit: 0.5 ", "limit '", "metric: per-", "API key ", "AQ.", "AIza"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "Please retry in 1"])
def test_hostile_words_take_no_time(prefix: str, piece: str) -> None:
    text = prefix + piece * (MEGABYTE // len(piece))
    answer = error(429, text, text, {"retryDelay": text, "message": text, "reason": text})

    began = time.process_time()
    failure_of_status(429, answer, KEY, text[:60_000], text[:60_000])

    assert time.process_time() - began < 2


@given(
    st.text() | st.text("retry in after0123456789.smh,:-") | st.from_regex(r"retry in \d+(\.\d+)?[smhd ]+"), st.text()
)
def test_any_words_ask_for_a_finite_delay(text: str, date: str) -> None:
    answer = error(503, text, "UNAVAILABLE", {"retryDelay": text})

    assert 0 <= failure_of_status(503, answer, KEY, text, date).retry_after < float("inf")


def test_a_wait_of_ten_thousand_years_is_none() -> None:
    assert find_retry_delay("", [{"retryDelay": f"{MAX_DURATION + 1}s"}], "9" * 30) == 0.0
