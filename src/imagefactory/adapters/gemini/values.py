"""Readers of JSON that take nothing for given: what is of another type than expected counts as missing."""

from __future__ import annotations

import json
from typing import Any

#: Characters of a provider's words that a record keeps.
MAX_TEXT = 500
MAX_COUNT = 1_000_000_000
#: Values in an answer. Real ones have dozens, and long texts some thousand commas; Python needs 70 bytes for an empty
#: list, which takes three to write, so a body without this bound could take twenty times its own size.
MAX_VALUES = 200_000


def parsed(body: bytearray) -> Any:
    """The JSON value in a body, or None where there is none. Empties the body: its text and its value are enough."""
    try:
        text = body.decode("utf-8-sig")
        body.clear()
        # Base64 has none of these signs, so that counting them costs milliseconds.
        if sum(map(text.count, "[{,")) > MAX_VALUES:
            return None
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_dict(value: Any) -> dict[str, Any]:
    """An object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A list, else an empty one."""
    return value if isinstance(value, list) else []


def as_count(value: Any) -> int:
    """A number of things, else 0."""
    return value if type(value) is int and 0 <= value < MAX_COUNT else 0


def as_text(value: Any) -> str | None:
    """A text, cut to what a record keeps, else None."""
    return value[:MAX_TEXT] if isinstance(value, str) else None
