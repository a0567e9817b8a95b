"""A submission that comes as a form: text fields, files of images, and prompts as either."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from imagefactory.api.body.encodings import decode_text, describe_text_error, find_marked_charset
from imagefactory.api.body.fields import CHOICES, Fields
from imagefactory.api.body.json_limits import parse_json
from imagefactory.api.body.multipart import read_parts
from imagefactory.api.body.stream import MAX_BODY_BYTES
from imagefactory.domain.base64text import decode_base64
from imagefactory.domain.errors import ClientError
from imagefactory.domain.media_type import find_format
from imagefactory.domain.submission import MAX_REFERENCE_BYTES, Upload, trim

if TYPE_CHECKING:
    from flask import Request

    from imagefactory.api.body.multipart import Part

#: The longest metadata that keeps its rules has 110,000 bytes, with every character written as two escapes.
MAX_METADATA_BYTES = 200_000
#: A key of the largest size, and what copying leaves around it.
MAX_KEY_BYTES = 1_000
MAX_CHOICE_BYTES = 200

_TEXTS = {
    "prompts_text": MAX_BODY_BYTES,
    "api_key": MAX_KEY_BYTES,
    **dict.fromkeys(CHOICES, MAX_CHOICE_BYTES),
    "metadata": MAX_METADATA_BYTES,
}
_REFERENCES = "reference_images"
_FIELDS = (*_TEXTS, _REFERENCES)
#: The field in which a browser says the charset of a form's texts (RFC 7578, 4.6).
_CHARSET = "_charset_"
_LIMITS = _TEXTS | {_REFERENCES: MAX_REFERENCE_BYTES, _CHARSET: MAX_CHOICE_BYTES}
#: What a page's script makes of nothing in a form; as prompts these are words, and as a key they are told.
_NOTHING = (b"undefined", b"null")
_RTF = b"{\\rtf"
#: How the bytes of the images begin that are taken: PNG, JPEG, WebP.
_IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
_HINTS = {
    "prompts_text": "send plain text, one prompt a line",
    "metadata": "send a JSON object",
}


def read_form(request: Request, body: bytearray) -> Fields:
    """The fields of a form, those left empty left out; files of images are `Upload`s. The body is empty afterwards.

    Raises:
        MalformedRequest: it is no form, or not whole.
        RequestEntityTooLarge: it has too many parts.
    """
    parts = read_parts(request, body, _LIMITS)
    charset = next((part.data.decode("latin-1").strip() for part in parts if part.name == _CHARSET), "")
    fields = Fields({}, _FIELDS)
    references: list[Upload] = []
    for part in parts:
        if part.name == _REFERENCES:
            references += _read_reference(part)
        elif part.name in _TEXTS:
            _read_text(fields, part, charset)
        elif part.name != _CHARSET:
            fields.reject_unknown(part.name)
    _parse_metadata(fields)
    fields.values[_REFERENCES] = references
    return fields


def _read_reference(part: Part) -> list[Upload]:
    if _is_empty(part) and not _is_named(part):
        # No file was chosen: a form says so without a name, servers that hand it on with one like "blob".
        return []
    if not part.is_file and part.data.strip() in _NOTHING:
        return []
    try:
        data = bytes(part.decode())
    except ValueError as wrong:
        return [Upload(b"", error=str(wrong))]
    # A part without a file name is a file too when its type or its bytes say so.
    is_text = not part.is_file and (not part.content_type or part.content_type.startswith("text/"))
    if data[:5].lower() == b"data:" or (is_text and not data.startswith(_IMAGE_STARTS)):
        return [_upload_of_url(data)]
    return [Upload(data, part.content_type)]


def _is_named(part: Part) -> bool:
    """Whether an empty file has the name or the type of one that somebody chose."""
    return bool(part.filename) and ("." in str(part.filename) or part.content_type.startswith("image/"))


def _upload_of_url(text: bytes) -> Upload:
    """The image in a data URL, as pages draw it."""
    with contextlib.suppress(ValueError):
        data, media_type = decode_base64(text.decode("ascii"))
        if media_type:
            return Upload(data, media_type)
    return Upload(b"", error="this must be a file (with curl: -F reference_images=@FILE)")


def _read_text(fields: Fields, part: Part, charset: str) -> None:
    if _is_empty(part) or (part.name not in ("prompts_text", "api_key") and part.data.strip() in _NOTHING):
        return
    if part.name in fields.values:
        fields.reject(part.name, "this field was given more than once")
        return
    # Even where it cannot be read, so that a second one is told.
    fields.values[part.name] = None
    try:
        text = _text(part, part.charset or charset)
        fields.values[part.name] = text if trim(text) else None
    except ValueError as wrong:
        fields.reject(part.name, str(wrong))


def _text(part: Part, charset: str) -> str:
    file_format = find_format(part.content_type, part.filename or "")
    if file_format and not (part.name == "metadata" and file_format == "JSON"):
        raise ValueError(_explain_format(part.name, file_format))
    data = part.decode()
    if len(data) > part.limit:
        raise ValueError(f"this has more than {part.limit} bytes")
    if data.startswith(_RTF):
        raise ValueError(_explain_format(part.name, "RTF"))
    charset = charset or find_marked_charset(data)
    if not charset and data.count(0) * 3 > len(data):
        raise ValueError("this looks like UTF-16: send UTF-8, or name the charset in the part's Content-Type")
    try:
        return decode_text(data, charset)
    except (LookupError, UnicodeError) as wrong:
        raise ValueError(f"this {describe_text_error(wrong, charset)}") from None


def _explain_format(name: str, file_format: str) -> str:
    hint = _HINTS.get(name, "send plain text")
    if name == "prompts_text" and file_format in ("CSV", "TSV", "JSON", "JSON lines"):
        hint += ", or a JSON body whose field prompts has them, with custom ids"
    return f"this is {file_format}, not plain text: {hint}"


def _is_empty(part: Part) -> bool:
    return not part.data or part.data.isspace()


def _parse_metadata(fields: Fields) -> None:
    text = fields.values.pop("metadata", None)
    if text is None:
        return
    try:
        fields.values["metadata"] = parse_json(text)
    except ClientError:
        fields.reject("metadata", "in a form this must be a JSON object, written out, in which no name stands twice")
