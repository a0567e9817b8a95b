"""Forms, read part by part: what a part may hold is decided by its name, before it is kept.

The framework's own reader takes any part up to the limit of the whole body and headers of any length, leaves files of
broken forms open, and puts U+FFFD for what is no UTF-8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData

from imagefactory.api.body.encodings import PLAIN, decode_transfer, name_encoding
from imagefactory.api.errors import MAX_FORM_PARTS
from imagefactory.domain.errors import MalformedRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flask import Request
    from werkzeug.sansio.multipart import Event

#: What is parsed at once. It bounds a part's header too, which is parsed as a whole.
PIECE_BYTES = 16_384
_BRACKETS = re.compile(r"\[\d{0,3}\]\Z")
# In quotes, or up to a semicolon: many programs leave quotes out that the standard wants.
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]*)"|([^;"]*))', re.IGNORECASE)
#: The longest boundary that the standard allows, and some more.
MAX_BOUNDARY = 200
#: How many bytes a transfer encoding takes for one, at most: quoted-printable with its line ends.
ENCODED_SIZE = 4


@dataclass(slots=True)
class Part:
    """A part of a form as far as it was read.

    `content_type` is without its parameters; `charset` and `encoding` (Content-Transfer-Encoding) are empty where the
    part names none; `limit` is how many bytes it may have once it is decoded.
    """

    name: str
    filename: str | None
    content_type: str
    charset: str
    encoding: str
    limit: int
    data: bytearray

    @property
    def is_file(self) -> bool:
        """Whether it came with a file name, even an empty one."""
        return self.filename is not None

    def keep(self, more: bytes) -> None:
        """Add what has room: one byte more than may be decoded, so that what is too long can be told."""
        self.data += more[: self.limit * ENCODED_SIZE + 1 - len(self.data)]

    def decode(self) -> bytes | bytearray:
        """The bytes that were meant, at most one more than the limit; the part's own where nothing is to be undone.

        Raises:
            ValueError: the part is encoded in a way that is not known, not as it says, or too long to be decoded.
        """
        if self.encoding in PLAIN:
            return self.data
        if len(self.data) > self.limit * ENCODED_SIZE:
            raise ValueError(f"this has more than {self.limit} bytes")
        return decode_transfer(bytes(self.data), self.encoding)[: self.limit + 1]


def read_parts(request: Request, body: bytearray, limits: Mapping[str, int]) -> list[Part]:
    """The parts of a form in their order; each name has a limit in bytes, and of any other nothing is kept.

    The body is empty afterwards, since its memory is wanted.

    Raises:
        MalformedRequest: it is no form, or not whole.
        RequestEntityTooLarge: it has too many parts.
    """
    found_boundary = _BOUNDARY.search(request.headers.get("Content-Type", ""))
    boundary = (found_boundary[1] or found_boundary[2]).strip() if found_boundary else ""
    if not boundary.isascii() or not 0 < len(boundary) <= MAX_BOUNDARY:
        raise MalformedRequest("The form's Content-Type needs a boundary.")
    parts: list[Part] = []
    try:
        for event in _events(body, boundary.encode()):
            if isinstance(event, Field | File):
                parts.append(_part(event, limits))
            elif isinstance(event, Data):
                parts[-1].keep(event.data)
    except ValueError:
        parts.clear()
    body.clear()
    if not parts:
        raise MalformedRequest("The form has no line with the boundary of its Content-Type, or its end is missing.")
    return parts


def _events(body: bytearray, boundary: bytes) -> Iterator[Event]:
    decoder = MultipartDecoder(boundary, max_parts=MAX_FORM_PARTS)
    for first in range(0, len(body), PIECE_BYTES):
        decoder.receive_data(bytes(body[first : first + PIECE_BYTES]))
        while not isinstance(event := decoder.next_event(), NeedData):
            yield event
        # What the decoder keeps back is a header, or what stands before the first part or after the last.
        if len(decoder.buffer) > PIECE_BYTES:
            raise MalformedRequest("The form has a part with too long a header, or too much outside of its parts.")
    decoder.receive_data(None)
    # This is where a form that is not whole raises: all else has been told.
    decoder.next_event()


def _part(event: Field | File, limits: Mapping[str, int]) -> Part:
    if not isinstance(event.name, str):
        raise MalformedRequest("A part of the form has no name.")
    # What programs put behind the name of a list.
    name = _BRACKETS.sub("", event.name)
    content_type, options = parse_options_header(event.headers.get("Content-Type"))
    # Some clients write the one header for the other.
    encodings = [name_encoding(event.headers.getlist(f"Content-{kind}Encoding")) for kind in ("Transfer-", "")]
    return Part(
        name=name,
        filename=event.filename if isinstance(event, File) else None,
        content_type=content_type.strip().lower(),
        charset=options.get("charset", "").strip(),
        encoding=next((encoding for encoding in encodings if encoding not in PLAIN), ""),
        limit=limits.get(name, 0),
        data=bytearray(),
    )
