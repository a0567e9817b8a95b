"""A submission that comes as a form: text fields, files of images, and prompts as either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.api.content import MAX_BODY_BYTES
from imagefactory.api.jsontext import parsed
from imagefactory.api.parts import parts_of
from imagefactory.api.reader import CHOICES, SHOWN, Reader
from imagefactory.domain.errors import Refusal
from imagefactory.domain.submission import MAX_API_KEY_CHARACTERS, MAX_REFERENCE_BYTES, Upload

if TYPE_CHECKING:
    from flask import Request

    from imagefactory.api.parts import Part
    from imagefactory.domain.errors import Fault
    from imagefactory.domain.submission import Submission

#: The longest metadata that keeps its rules has 110,000 bytes, with every character written as two escapes.
MAX_METADATA_BYTES = 200_000
MAX_CHOICE_BYTES = 200

_TEXTS = {
    "prompts_text": MAX_BODY_BYTES,
    "api_key": MAX_API_KEY_CHARACTERS,
    **dict.fromkeys(CHOICES, MAX_CHOICE_BYTES),
    "metadata": MAX_METADATA_BYTES,
}
_FIELDS = (*_TEXTS, "reference_images")


def submission(request: Request, body: bytearray) -> tuple[Submission, list[Fault]]:
    """What the form submits, and what could not be read of it; fields left empty were not filled in.

    Raises:
        MalformedRequest: it is no form, or not whole.
        RequestEntityTooLarge: it has too many parts.
    """
    read = Reader({})
    references: list[Upload] = []
    for part in parts_of(request, body, _TEXTS | {"reference_images": MAX_REFERENCE_BYTES}):
        if part.name not in _FIELDS:
            read.unknown(part.name, _FIELDS)
        elif part.name == "reference_images":
            references += _reference(read, part)
        elif part.is_file and part.name != "prompts_text":
            read.wrong(part.name, "this must be a text field, not a file")
        elif part.data:
            _take(read, part)
    _read_metadata(read)
    return read.submission(read.lines(), tuple(references))


def _reference(read: Reader, part: Part) -> list[Upload]:
    if not part.is_file:
        read.wrong(part.name[:SHOWN], "this must be a file")
        return []
    # An empty file without a name was not chosen.
    return [Upload(bytes(part.data), part.content_type)] if part.data or part.filename else []


def _take(read: Reader, part: Part) -> None:
    if part.name in read.values:
        read.wrong(part.name, "this field was given more than once")
        return
    read.values[part.name] = None
    if part.is_too_long:
        read.wrong(part.name, f"this has more than {part.limit} bytes")
        return
    try:
        # Files of prompts often begin with a byte order mark.
        read.values[part.name] = part.data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        read.wrong(part.name, f"this is not UTF-8 at byte {wrong.start + 1}")


def _read_metadata(read: Reader) -> None:
    text = read.values.pop("metadata", None)
    if text is None:
        return
    try:
        read.values["metadata"] = parsed(text)
    except Refusal:
        read.wrong("metadata", "in a form this must be a JSON object, written out, in which no name stands twice")
