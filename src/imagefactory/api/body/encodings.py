"""How bytes say they are written: a transfer encoding and a charset, undone or refused by name.

What says how it is encoded is never taken as it stands: prompts in another alphabet would be paid for as they look.
"""

from __future__ import annotations

import binascii
import codecs
import encodings
import pkgutil
import re
from encodings.aliases import aliases
from typing import TYPE_CHECKING

from imagefactory.domain.base64text import decode_base64

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Transfer encodings that change nothing, and what is written in their place.
PLAIN = ("", "7bit", "8bit", "binary", "identity", "none", "7-bit", "8-bit", "utf-8", "utf8")
_NAME_PART = re.compile(r"[a-z0-9_-]+")
# Every charset that Python knows, by all its names: whatever else is asked for is not even looked up, since each name
# that is not found would be kept.
_CHARSETS = {*aliases, *(module.name for module in pkgutil.iter_modules(encodings.__path__))} - {"aliases"}
# Python's codecs for program text and host names; decoding long texts with them can take time beyond their length.
_NO_CHARSETS = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem")
_BROKEN_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*(?:\r?\n|$))")
# The longer first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    *((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")),
    *((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")),
)
#: Characters of a name that an error repeats.
_MAX_NAME = 40


def name_encoding(values: Sequence[str]) -> str:
    """The encoding that headers of one kind name, in lower case; names that differ make one that nobody knows."""
    cleaned = [value.strip(' "').lower() for value in values]
    # Without parameters and comments; what does not even begin with a name stands as it is.
    matches = [_NAME_PART.match(value) for value in cleaned]
    return ", ".join(sorted({name[0] if name else value for name, value in zip(matches, cleaned, strict=True)}))


def decode_transfer(data: bytes, encoding: str) -> bytes:
    """The bytes that data in a Content-Transfer-Encoding other than those in `PLAIN` stand for.

    Raises:
        ValueError: the encoding is neither base64 nor quoted-printable, or the data are not in it.
    """
    if encoding == "base64":
        try:
            return decode_base64(data.decode("ascii")).data
        except ValueError:
            raise ValueError("this is said to be base64, and is not") from None
    if encoding == "quoted-printable":
        if _BROKEN_QUOTED.search(data):
            raise ValueError("this is said to be quoted-printable, and is not")
        return binascii.a2b_qp(data)
    raise ValueError(f"this is encoded as “{encoding[:_MAX_NAME]}”: send it as it is, as base64 or as quoted-printable")


def decode_text(data: bytes | bytearray, charset: str = "", errors: str = "strict") -> str:
    """The text that bytes in a charset stand for, UTF-8 where none is named; a byte order mark is left out.

    `errors` is the handler of what is no UTF-8.

    Raises:
        LookupError: there is no such charset.
        UnicodeError: the bytes are not in it.
    """
    name = encodings.normalize_encoding(charset or "utf-8").lower()
    if name not in _CHARSETS or (codec := codecs.lookup(name)).name in _NO_CHARSETS:
        raise LookupError(charset)
    return data.decode(codec.name, errors if codec.name == "utf-8" else "strict").removeprefix("\ufeff")


def find_marked_charset(data: bytes | bytearray) -> str:
    """The charset whose byte order mark the text begins with, as Windows writes files; "" where that says UTF-8."""
    return next((charset for mark, charset in _MARKS if data.startswith(mark)), "")


def describe_text_error(wrong: LookupError | UnicodeError, charset: str) -> str:
    """What `decode_text` could not do, in words."""
    name = charset[:_MAX_NAME] or "UTF-8"
    if isinstance(wrong, UnicodeError):
        return f"is not {name} at byte {getattr(wrong, 'start', 0) + 1}"
    return f"is in “{name}”, a charset that is not known: send UTF-8"
