"""Base64 as people and programs send it, and the media type they declare with it."""

from __future__ import annotations

import binascii
import contextlib
import re
from typing import NamedTuple
from urllib.parse import unquote

from imagefactory.domain.media_type import normalize_media_type

_WHITE_SPACE = b" \t\n\v\f\r"
_AROUND = "\"'`\u00a0\ufeff\u200b"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
#: A data URL up to its comma (RFC 2397). Its parameters are short; base64 itself has neither a colon nor a comma.
_DATA_URL = re.compile(r"\s*+data:([^,]{0,1000}),", re.ASCII | re.IGNORECASE)


class DecodedBase64(NamedTuple):
    """The bytes of a text, and the media type that its data URL declared, normalized; "" where there was none."""

    data: bytes
    media_type: str


def decode_base64(text: str) -> DecodedBase64:
    """Decode base64 in the standard or the URL-safe alphabet, bare or in a data URL.

    White space anywhere, missing padding and excess padding are tolerated, everything else is refused. Twenty megabytes
    of plain standard base64 are not copied; any other spelling costs up to two copies of the text.

    Raises:
        ValueError: this is no base64, or the data URL is in another encoding.
    """
    # What is in another spelling, or wrong, is told apart below: there the error holds no memory any more.
    with contextlib.suppress(ValueError):
        return DecodedBase64(binascii.a2b_base64(text, strict_mode=True), "")
    text = _clean(text)
    prefix = _DATA_URL.match(text)
    media_type, *parameters = prefix[1].split(";") if prefix else ("", "base64")
    if not parameters or parameters[-1].strip().lower() != "base64":
        raise ValueError("this data URL is not in base64")
    try:
        return DecodedBase64(_decode_leniently(text, bool(prefix)), normalize_media_type(media_type))
    except ValueError:
        # The error of an encoder would hold the whole text.
        raise ValueError("this is not base64") from None


def _clean(text: str) -> str:
    """The text without what copying leaves around it, without line ends spelt out, and without escapes of URLs."""
    if text[:1] in _AROUND or text[-1:] in _AROUND:
        text = text.strip(_AROUND + " \t\r\n")
    text = text.replace("\\n", "").replace("\\r", "")
    return unquote(text) if "%" in text else text


def _decode_leniently(text: str, has_prefix: bool) -> bytes:  # noqa: FBT001 - a private helper's one switch
    letters = bytearray(text, "ascii").translate(_TO_STANDARD, _WHITE_SPACE)
    if has_prefix:
        del letters[: letters.index(b",") + 1]
    # Padding without data stays, so that it is refused.
    if length := len(letters.rstrip(b"=")):
        del letters[length:]
        letters += b"=" * (-length % 4)
    return binascii.a2b_base64(letters, strict_mode=True)
