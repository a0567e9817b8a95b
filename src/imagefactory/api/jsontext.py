"""JSON as it comes from outside: bounded before it is parsed.

A body of 32 MB can hold ten million values, which are gigabytes once each is an object of its own. So its tokens are
counted first.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from imagefactory.api.encodings import decode_text, describe_text_error
from imagefactory.domain.errors import MalformedRequest, PayloadTooLarge, UnsupportedMediaType

#: Strings, lists, objects and commas in a JSON text; ten thousand prompts with custom ids have seventy thousand.
MAX_TOKENS = 250_000

# A string to its end, or to the end of all where it has none; or what separates values. Each is linear in its length.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{,]', re.DOTALL)


def object_of(body: bytearray, charset: str = "") -> dict[str, Any]:
    """The JSON object that the body is; the body is empty afterwards, since its memory is wanted.

    Raises:
        PayloadTooLarge: it has more than `MAX_TOKENS`.
        MalformedRequest: it is no JSON, or another value.
        UnsupportedMediaType: its charset is not known.
    """
    return as_object(value_of(body, charset))


def as_object(value: Any) -> dict[str, Any]:
    """The value, which must be an object.

    Raises:
        MalformedRequest: it is another.
    """
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return value


def value_of(body: bytearray, charset: str = "") -> Any:
    """The JSON value that the body is, whatever its type; else as `object_of`."""
    try:
        # The standard forbids a byte order mark and allows to ignore it. Half a surrogate pair is told by its field.
        text = decode_text(body, charset, "surrogatepass")
    except LookupError as unknown:
        raise UnsupportedMediaType(f"The body {describe_text_error(unknown, charset)}.") from None
    except UnicodeError as wrong:
        raise MalformedRequest(f"The body {describe_text_error(wrong, charset)}.") from None
    body.clear()
    return parsed(text)


def parsed(text: str) -> Any:
    """The value of a JSON text in which every object says each name once.

    Raises:
        PayloadTooLarge: it has more than `MAX_TOKENS`.
        MalformedRequest: it is no JSON.
    """
    # A text shorter than that cannot have so many.
    if len(text) > MAX_TOKENS and next(itertools.islice(_TOKEN.finditer(text), MAX_TOKENS, None), None):
        raise PayloadTooLarge(f"The JSON has more than {MAX_TOKENS} strings, lists, objects and commas.")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as wrong:
        place = f" at character {wrong.pos + 1}" if isinstance(wrong, json.JSONDecodeError) else ""
        raise MalformedRequest(f"The body is not valid JSON{place}.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of a name that stands twice, one value would be dropped without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedRequest("The body has an object in which a name stands twice.")
    return found
