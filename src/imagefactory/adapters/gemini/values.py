"""Readers of JSON that take nothing for given: what is of another type than expected counts as missing."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

#: Characters of a provider's words that a record keeps.
MAX_TEXT = 500
MAX_COUNT = 1_000_000_000
#: Values in an answer. Real ones have dozens, and long texts some thousand commas; Python needs 70 bytes for an empty
#: list, which takes three to write, so a body without this bound could take twenty times its own size.
MAX_VALUES = 200_000
#: Digits of a whole number that is read: of more than some thousand Python refuses to make one, and the answer is lost.
MAX_DIGITS = 30
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{0,30})?", re.ASCII)


def parsed(body: bytearray) -> Any:
    """The JSON value in a body, or None where there is none. Empties the body: its text and its value are enough."""
    try:
        # A byte that is no text spoils a sentence, not the image beside it.
        text = body.decode(json.detect_encoding(body), errors="replace")
        body.clear()
        # Base64 has none of these signs, so that counting them costs milliseconds.
        if sum(map(text.count, "[{,")) > MAX_VALUES:
            return None
        return json.loads(text, parse_int=_read_integer, strict=False)
    except (ValueError, RecursionError):
        return None


def _read_integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= MAX_DIGITS else None


def unwrap(value: Any) -> Any:
    """The first item of a list, else the value itself: where an answer would have been a stream, it comes in a list."""
    return value[0] if isinstance(value, list) and value else value


def as_dict(value: Any) -> dict[str, Any]:
    """An object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_items(value: Any) -> list[Any]:
    """A list; of anything else that says something, a list of one, as protocol buffers allow."""
    return value if isinstance(value, list) else [value] if value else []


def as_number(value: Any) -> float | None:
    """A finite number from 0, or the text of one, else None."""
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    return float(value) if type(value) in (int, float) and 0 <= value <= sys.float_info.max else None


def as_count(value: Any) -> int:
    """A number of things, else 0."""
    return value if type(value) is int and 0 <= value < MAX_COUNT else 0
