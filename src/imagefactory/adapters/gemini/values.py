"""Readers of JSON that take nothing for given: what is of another type than expected counts as missing."""

from __future__ import annotations

import codecs
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
#: Bytes by which an answer may grow when its letters beyond ASCII are escaped: the longest prompt's take a fifth of it.
MAX_GROWTH = 1_000_000
STEP = 64 * 1024
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
#: Digits of a whole number that is read: of more than some thousand Python refuses to make one, and the answer is lost.
MAX_DIGITS = 30
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{0,30})?", re.ASCII)


def parse_json(body: bytearray) -> Any:
    """The JSON value in a body, or None where there is none. Empties the body: its text and its value are enough."""
    try:
        if not body.isascii():
            body[:] = _escape(body)
        text = body.decode("ascii")
        body.clear()
        # Base64 has none of these signs, so that counting them costs milliseconds.
        if sum(map(text.count, "[{,")) > MAX_VALUES:
            return None
        return json.loads(text, parse_int=_read_integer, strict=False)
    except (ValueError, RecursionError):
        return None


def _escape(body: bytearray) -> bytearray:
    """JSON in UTF-8 with JSON's escapes for all letters beyond ASCII, and without the byte order mark.

    One such letter would make Python keep two or four bytes for each letter of an image. A byte that is no text spoils
    a sentence, not the image beside it.

    Raises:
        ValueError: there are too many such letters.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    escaped = bytearray()
    for start in range(0, len(body), STEP):
        end = start + STEP
        text = decoder.decode(body[start:end], final=end >= len(body))
        escaped += text.encode() if text.isascii() else _BEYOND_ASCII.sub(_escape_run, text).encode("ascii")
        if len(escaped) - end > MAX_GROWTH:
            raise ValueError("too many letters beyond ASCII")
    return escaped


def _escape_run(run: re.Match[str]) -> str:
    return json.dumps(run[0])[1:-1]


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
