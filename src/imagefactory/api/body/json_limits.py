"""JSON as it comes from outside: bounded before it is parsed.

A body of 32 MB can hold ten million values, which are gigabytes once each is an object of its own. So its tokens are
counted first, and how deep they are nested: how much of that a parser bears is another number in each Python.
"""

from __future__ import annotations

import json
import re
from typing import Any

from imagefactory.api.body.encodings import decode_text, describe_text_error
from imagefactory.api.errors import PayloadTooLarge, UnsupportedMediaType
from imagefactory.domain.errors import MalformedRequest

#: Strings, lists, objects and commas in a JSON text; ten thousand prompts with custom ids have seventy thousand.
MAX_TOKENS = 250_000
#: Lists and objects inside each other; a request has three.
MAX_DEPTH = 100
NO_OBJECT = "The body must be a JSON object."

# A string to its end, or to the end of all where it has none; or what separates values. Each is linear in its length.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


def require_object(value: Any) -> dict[str, Any]:
    """The value, which must be an object.

    Raises:
        MalformedRequest: it is another.
    """
    if not isinstance(value, dict):
        raise MalformedRequest(NO_OBJECT)
    return value


def parse_body(body: bytearray, charset: str = "") -> Any:
    """The JSON value that the body is; the body is empty afterwards, since its memory is wanted.

    Raises:
        PayloadTooLarge: it has more than `MAX_TOKENS`.
        MalformedRequest: it is no JSON.
        UnsupportedMediaType: its charset is not known.
    """
    try:
        # The standard forbids a byte order mark and allows to ignore it. Half a surrogate pair is told by its field.
        text = decode_text(body, charset.strip(), "surrogatepass")
    except LookupError as unknown:
        raise UnsupportedMediaType(f"The body {describe_text_error(unknown, charset)}.") from None
    except UnicodeError as wrong:
        raise MalformedRequest(f"The body {describe_text_error(wrong, charset)}.") from None
    body.clear()
    return parse_json(text)


def parse_json(text: str) -> Any:
    """The value of a JSON text in which every object says each name once.

    Raises:
        PayloadTooLarge: it has more than `MAX_TOKENS`.
        MalformedRequest: it is no JSON, or nested deeper than `MAX_DEPTH`.
    """
    # Most texts can have neither too many tokens nor too deep ones, and need no look at each.
    if len(text) > MAX_TOKENS or text.count("[") + text.count("{") > MAX_DEPTH:
        _check_size(text)
    try:
        return json.loads(text, object_pairs_hook=_object)
    except ValueError as wrong:
        position = f" at character {wrong.pos + 1}" if isinstance(wrong, json.JSONDecodeError) else ""
        raise MalformedRequest(f"The body is not valid JSON{position}.") from None


def _check_size(text: str) -> None:
    """Refuse a text with too many tokens, or with tokens too deep."""
    count = depth = deepest = 0
    for token in _TOKEN.finditer(text):
        sign = text[token.start()]
        if sign in "]}":
            depth -= 1
            continue
        count += 1
        if count > MAX_TOKENS:
            raise PayloadTooLarge(f"The JSON has more than {MAX_TOKENS} strings, lists, objects and commas.")
        if sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise MalformedRequest(f"The JSON has lists and objects nested more than {MAX_DEPTH} deep.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of a name that stands twice, one value would be dropped without a word."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise MalformedRequest("The body has an object in which a name stands twice.")
    return values
