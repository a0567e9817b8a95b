from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from imagefactory.api.routes.queries import list_request, page_request, reject_parameters
from imagefactory.domain.cursor import ChangeCursor
from imagefactory.domain.errors import InvalidRequest
from imagefactory.domain.execution import ExecutionStatus
from imagefactory.domain.result import ResultStatus
from imagefactory.testing import START
from imagefactory.usecases.status import PageRequest

PARAMETERS = "the parameters are limit, cursor, status, since"
STATUSES = "pending, processing, completed, failed, blocked, cancelled"
NO_CURSOR = "this must be a next_cursor of an earlier answer"


def asking(query: str) -> Request:
    return Request(EnvironBuilder(query_string=query).get_environ())


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", PageRequest(limit=50, first=0)),
        ("limit=1&cursor=0", PageRequest(limit=1)),
        ("limit=500&cursor=999999", PageRequest(limit=500, first=999_999)),
        (
            "status=failed,blocked,failed",
            PageRequest(statuses=(ResultStatus.FAILED, ResultStatus.BLOCKED)),
        ),
        ("status[123456]=failed", PageRequest(statuses=(ResultStatus.FAILED,))),
    ],
)
def test_a_query_asks_for_a_page(query: str, page: PageRequest) -> None:
    assert page_request(asking(query)) == page


def test_changes_are_asked_for_by_a_cursor() -> None:
    cursor = ChangeCursor(START, version="7")

    assert page_request(asking(f"since={cursor.encode()}")).since is not None


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("limit=0", [("limit", "this must be a whole number from 1 to 500")]),
        ("limit=501", [("limit", "this must be a whole number from 1 to 500")]),
        ("cursor=1000000", [("cursor", NO_CURSOR)]),
        ("since=x", [("since", "this must be the next_since of an earlier answer")]),
        ("status=done", [("status", f"“done” is none of {STATUSES}")]),
        (f"status={'x' * 50},y", [("status", f"“{'x' * 40}” is none of {STATUSES}")]),
        ("limit=1&limit=2", [("limit", "this was given more than once")]),
        (f"{'p' * 81}=1", [("p" * 80, f"there is no such parameter; {PARAMETERS}")]),
        ("limit[]=1", [("limit[]", f"there is no such parameter; {PARAMETERS}")]),
        ("status[1234567]=failed", [("status[1234567]", f"there is no such parameter; {PARAMETERS}")]),
        ("x=" + "y" * 8191, [("query", "the query has more than 8192 characters")]),
    ],
)
def test_what_a_query_cannot_mean_is_told_in_words(query: str, faults: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        page_request(asking(query))

    assert [(fault.field, fault.message) for fault in refusal.value.errors] == faults


def test_changes_have_no_place_of_their_own() -> None:
    since = ChangeCursor(START, version="7").encode()

    with pytest.raises(InvalidRequest) as refusal:
        page_request(asking(f"since={since}&cursor=1"))

    assert [(fault.field, fault.message) for fault in refusal.value.errors] == [
        ("cursor", "changes are followed with since alone: give one of the two")
    ]


def test_a_query_of_the_longest_length_is_read() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        page_request(asking("x=" + "y" * 8190))

    assert [fault.field for fault in refusal.value.errors] == ["x"]


def test_a_list_goes_on_from_a_moment_in_any_zone() -> None:
    asked = list_request(asking("cursor=2026-11-22T13:00:00%2B01:00&status=failed&limit=2"))

    assert asked == ((ExecutionStatus.FAILED,), datetime(2026, 11, 22, 12, tzinfo=UTC), 2)
    assert list_request(asking("")) == ((), None, 50)


@pytest.mark.parametrize("cursor", ["2026-11-22T13:00:00", "yesterday", "0001-01-01T00:00:00%2B01:00", "7"])
def test_a_list_cannot_go_on_from_what_is_no_moment(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        list_request(asking(f"cursor={cursor}"))

    assert [(fault.field, fault.message) for fault in refusal.value.errors] == [("cursor", NO_CURSOR)]


def test_where_nothing_can_be_asked_every_parameter_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        reject_parameters(asking("limit=1&page=2"))

    assert [(fault.field, fault.message) for fault in refusal.value.errors] == [
        ("limit", "there is no such parameter; there are none here"),
        ("page", "there is no such parameter; there are none here"),
    ]
    reject_parameters(asking(""))
