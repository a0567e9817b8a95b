"""Query strings, read: every parameter that is misspelt or out of range is told.

A parameter without a value was not filled in, and counts as not given. A list has commas, or comes as a parameter for
each value, or both; programs put brackets behind its name (`status[]=failed`, `status[0]=failed`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from imagefactory.domain.cursor import ChangeCursor
from imagefactory.domain.errors import FieldError, InvalidRequest
from imagefactory.domain.execution import ExecutionStatus
from imagefactory.domain.result import ResultStatus
from imagefactory.usecases.status import PageRequest

if TYPE_CHECKING:
    from flask import Request

Status = TypeVar("Status", bound=StrEnum)

DEFAULT_LIMIT, MAX_LIMIT = 50, 500
MAX_DIGITS = 6
#: Characters of a whole query; the longest that makes sense has some two hundred.
MAX_QUERY = 8192
#: Parameters that are lists.
LISTS = ("status",)
_BRACKETS = re.compile(r"\[\d{0,6}\]$")


class Query:
    """A request's parameters, with the errors found in reading them."""

    def __init__(self, request: Request, known: tuple[str, ...] = ()) -> None:
        if len(request.query_string) > MAX_QUERY:
            raise InvalidRequest.of([FieldError("query", f"the query has more than {MAX_QUERY} characters")])
        self.errors: list[FieldError] = []
        self._values: dict[str, list[str]] = {}
        offered = f"the parameters are {', '.join(known)}" if known else "there are none here"
        for name, values in request.args.lists():
            plain = _BRACKETS.sub("", name)
            key = plain if plain in LISTS else name
            if key in known:
                self._values.setdefault(key, []).extend(value for value in values if value.strip())
            else:
                self.errors.append(FieldError(name[:80], f"there is no such parameter; {offered}"))
        repeated = [name for name, values in self._values.items() if len(values) > 1 and name not in LISTS]
        self.errors += [FieldError(name, "this was given more than once") for name in repeated]

    def has(self, name: str) -> bool:
        """Whether the parameter was given."""
        return bool(self._values.get(name))

    def limit(self) -> int:
        """How many to show."""
        text = self._value("limit") or str(DEFAULT_LIMIT)
        if _is_number(text) and 1 <= int(text) <= MAX_LIMIT:
            return int(text)
        self.errors.append(FieldError("limit", f"this must be a whole number from 1 to {MAX_LIMIT}"))
        return DEFAULT_LIMIT

    def index_cursor(self) -> int:
        """The index to go on from."""
        text = self._value("cursor") or "0"
        if _is_number(text):
            return int(text)
        self.errors.append(FieldError("cursor", "this must be a next_cursor of an earlier answer"))
        return 0

    def time_cursor(self) -> datetime | None:
        """The moment to go on from."""
        text = self._value("cursor")
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        self.errors.append(FieldError("cursor", "this must be a next_cursor of an earlier answer"))
        return None

    def change_cursor(self) -> ChangeCursor | None:
        """The changes to go on from."""
        text = self._value("since")
        if text is None:
            return None
        try:
            return ChangeCursor.decode(text)
        except ValueError:
            self.errors.append(FieldError("since", "this must be the next_since of an earlier answer"))
            return None

    def statuses(self, offered: type[Status]) -> tuple[Status, ...]:
        """The statuses asked for, each once."""
        items = (part.strip() for text in self._values.get("status", ()) for part in text.split(","))
        # Nothing stands behind a comma at the end, and between two commas.
        values = [item for item in items if item]
        names = {status.value: status for status in offered}
        if unknown := [item for item in values if item not in names]:
            self.errors.append(FieldError("status", f"“{unknown[0][:40]}” is none of {', '.join(names)}"))
        return tuple(dict.fromkeys(names[item] for item in values if item in names))

    def check(self) -> None:
        """Raise what was found.

        Raises:
            InvalidRequest: with every error.
        """
        if self.errors:
            raise InvalidRequest.of(self.errors)

    def _value(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[0] if values else None


def reject_parameters(request: Request) -> None:
    """Refuse query parameters, on a route that has none.

    Raises:
        InvalidRequest: with every parameter.
    """
    if request.query_string:
        Query(request).check()


def page_request(request: Request) -> PageRequest:
    """Which results of an execution to show."""
    query = Query(request, ("limit", "cursor", "status", "since"))
    if query.has("since") and query.has("cursor"):
        query.errors.append(FieldError("cursor", "changes are followed with since alone: give one of the two"))
    page = PageRequest(query.limit(), query.index_cursor(), query.statuses(ResultStatus), query.change_cursor())
    query.check()
    return page


def list_request(request: Request) -> tuple[tuple[ExecutionStatus, ...], datetime | None, int]:
    """Which executions to show: their statuses, the moment to go on from, and how many."""
    query = Query(request, ("limit", "cursor", "status"))
    page = query.statuses(ExecutionStatus), query.time_cursor(), query.limit()
    query.check()
    return page


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
