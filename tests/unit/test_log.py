from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from imagefactory import log
from imagefactory.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "AIza-secret of alice"


@pytest.fixture(autouse=True)
def usual_level() -> Iterator[None]:
    yield
    log.set_level("info")


def fail_and_log() -> None:
    try:
        int(SECRET)
    except ValueError as cause:
        failed = RuntimeError(f"again {SECRET}").with_traceback(cause.__traceback__)
        failed.__cause__ = cause
        log.error("it failed", failed)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_event_is_one_line_of_json_with_its_severity(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("two\nlines", attempt=2, where="café \ud800")

    assert lines(capsys) == [{"severity": "INFO", "message": "two\nlines", "attempt": 2, "where": "café \ud800"}]


@pytest.mark.parametrize(
    ("level", "logged"),
    [
        ("debug", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("info", ["INFO", "WARNING", "ERROR"]),
        ("WARNING", ["WARNING", "ERROR"]),
        ("error", ["ERROR"]),
    ],
)
def test_a_level_lets_through_what_is_as_severe(
    capsys: pytest.CaptureFixture[str], level: str, logged: list[str]
) -> None:
    log.set_level(level)

    log.debug("event")
    log.info("event")
    log.warning("event")
    log.error("event")

    assert [line["severity"] for line in lines(capsys)] == logged


def test_an_unknown_level_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"LOG_LEVEL is 'loud'; choose one of debug, info, warning, error"):
        log.set_level("loud")


def test_context_is_added_inside_its_block_only(capsys: pytest.CaptureFixture[str]) -> None:
    with log.context(execution_id="e", attempt=1):
        with log.context(attempt=2):
            log.info("inner")
        log.info("outer", attempt=3)
    log.info("outside")

    inner, outer, outside = lines(capsys)
    assert (inner["execution_id"], inner["attempt"]) == ("e", 2)
    assert (outer["execution_id"], outer["attempt"]) == ("e", 3)
    assert set(outside) == {"severity", "message"}


def test_context_ends_with_an_exception_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), log.context(attempt=1):
        raise KeyError

    log.info("event")
    assert "attempt" not in lines(capsys)[0]


def test_an_exception_is_logged_by_type_and_place_never_by_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    fail_and_log()

    written = capsys.readouterr().out
    [line] = [json.loads(one) for one in written.splitlines()]
    assert (line["severity"], line["message"], line["exception"]) == ("ERROR", "it failed", "RuntimeError")
    file, _, place = line["stack"][0].rpartition(":")
    assert file == __file__
    assert re.fullmatch(r"\d+ fail_and_log", place)
    assert SECRET not in written


def test_values_that_json_does_not_know_are_written_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("event", at=datetime(2026, 1, 2, tzinfo=UTC))

    assert lines(capsys)[0]["at"] == "2026-01-02 00:00:00+00:00"


def test_the_systems_clock_tells_the_time_in_utc() -> None:
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)


def test_a_line_of_a_library_has_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_level("info")

    with log.context(request_id="r"):
        logging.getLogger("urllib3.connectionpool").warning("Connection pool is full: %s", "host.test")

    assert lines(capsys) == [
        {
            "severity": "WARNING",
            "message": "Connection pool is full: host.test",
            "logger": "urllib3.connectionpool",
            "request_id": "r",
        }
    ]


@pytest.mark.parametrize("level", ["debug", "info"])
@pytest.mark.parametrize("library", ["google.cloud.firestore_v1", "urllib3.connectionpool", "PIL.PngImagePlugin"])
def test_what_libraries_say_below_info_is_never_logged(
    capsys: pytest.CaptureFixture[str], level: str, library: str
) -> None:
    log.set_level(level)

    logging.getLogger(library).debug("a whole request with %s", SECRET)

    assert lines(capsys) == []
    assert not logging.getLogger(library).isEnabledFor(logging.DEBUG)


def test_a_library_obeys_a_higher_level(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_level("error")

    logging.getLogger("google.auth").warning("no project")

    assert lines(capsys) == []


def test_an_exception_of_a_library_is_told_by_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_level("info")

    try:
        int(SECRET)
    except ValueError:
        logging.getLogger("google.api_core").exception("it failed")

    [line] = lines(capsys)
    assert (line["exception"], line["severity"]) == ("ValueError", "ERROR")
    assert SECRET not in json.dumps(line)
