from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.domain.cursor import LOOK_BACK, ChangeCursor
from imagefactory.testing import START, a_progress

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as hypothesis wants them


def token_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(MOMENTS, st.none() | st.integers(0, 9999), st.text(max_size=40))
def test_a_cursor_survives_the_way_through_a_url(at: datetime, after: int | None, version: str) -> None:
    cursor = ChangeCursor(at, after, version)

    token = cursor.encode()

    assert ChangeCursor.decode(token) == cursor
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "!",
        "é",
        "AAAA",
        "A",
        token_of(None),
        token_of(5),
        token_of([]),
        token_of({"a": 1, "b": 2, "c": 3}),
        token_of(["2026-11-22T12:00:00+00:00", None]),
        token_of(["2026-11-22T12:00:00", None, ""]),
        token_of(["yesterday", None, ""]),
        token_of([5, None, ""]),
        token_of(["2026-11-22T12:00:00+00:00", "5", ""]),
        token_of(["2026-11-22T12:00:00+00:00", 10**30, ""]),
        token_of(["2026-11-22T12:00:00+00:00", -1, ""]),
        token_of(["0001-01-01T00:00:00+23:59", None, ""]),
        token_of(["9999-12-31T23:59:59-23:59", None, ""]),
        token_of(["2026-11-22T12:00:00+00:00", None, 7]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
)
def test_a_token_that_is_none_of_ours_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="no such cursor"):
        ChangeCursor.decode(token)


@given(st.text(max_size=60))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    try:
        ChangeCursor.decode(text)
    except ValueError as refused:
        assert str(refused) == "no such cursor"  # noqa: PT017 - most texts are refused, a few may be none


def test_the_place_after_a_tally_looks_back_a_little() -> None:
    progress = a_progress(updated_at=START, version="7")

    assert ChangeCursor.of(progress) == ChangeCursor(START - LOOK_BACK, version="7")
    assert timedelta(seconds=1) < LOOK_BACK


def test_an_execution_that_never_changed_is_looked_at_from_the_beginning() -> None:
    assert ChangeCursor.of(a_progress(updated_at=None)).at == datetime(1970, 1, 1, tzinfo=UTC)
