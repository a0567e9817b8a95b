"""JPEG files without their end marker, as cameras and interrupted programs leave them: whole, or cut short?

libjpeg fills what is missing with grey and says nothing. But where nothing is missing, no pixel depends on what would
follow the last byte. So the file is decoded with several endings, and all scans that the image needs must have begun.
Each ending has more data than a block of the image can take, once behind every restart marker that may be due.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import re
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

END = b"\xff\xd9"
# Bits that a decoder which still wants some reads as other pixels than the zeros that it fills in before the marker.
_FILLS = (b"\xaa" * 8192, b"\x55" * 8192)
_ENDINGS = (END, *(fill + END for fill in _FILLS))
_RESTART_ENDINGS = tuple(bytes((0xFF, number)) + _FILLS[0] + END for number in range(0xD0, 0xD8))
#: Zeros at the end that may be data; more are what a program left of a file that it had made room for.
_MAX_ZEROS = 2
_SCAN, _RESTARTS = 0xDA, 0xDD
#: Scans of one image; a progressive one of a camera has a dozen, and each takes time for the whole image.
MAX_SCANS = 100
#: Frames of the Huffman-coded kinds; a progressive one has its coefficients in many scans.
_FRAMES = (0xC0, 0xC1, 0xC2)
# The next marker among a scan's data: not a stuffed zero, not a restart, not a byte that fills.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_STRIP_ROWS = 64
#: Segments that are looked at; a progressive JPEG of a camera has some dozens.
MAX_SEGMENTS = 1_000


def lacks_end(data: bytes) -> bool:
    """Whether a JPEG has no end marker behind its last scan; among the data of a scan it never stands."""
    return data.startswith(b"\xff\xd8") and data.rfind(END) < data.rfind(bytes((0xFF, _SCAN)))


def check_every_pixel(data: bytes) -> None:
    """See that a JPEG that lacks its end marker lacks nothing else.

    Raises:
        ValueError: pixels are missing.
        OSError, SyntaxError, MemoryError: it cannot be decoded.
    """
    stripped = data.rstrip(b"\0")
    data = (stripped if len(data) - len(stripped) > _MAX_ZEROS else data).removesuffix(END[:1])
    try:
        is_begun = _has_every_scan(data)
    except IndexError:
        is_begun = False
    if not is_begun:
        raise ValueError("a scan is missing, or a segment is cut")
    endings = _ENDINGS + (_RESTART_ENDINGS if _has_restarts(data) else ())
    if len({_hash_pixels(data + ending) for ending in endings}) > 1:
        raise ValueError("pixels depend on what is missing")


def has_many_scans(data: bytes) -> bool:
    """Whether a JPEG has so many scans that decoding it takes time out of proportion."""
    # Among the data of a scan these two bytes never stand side by side.
    return data.startswith(b"\xff\xd8") and data.count(bytes((0xFF, _SCAN))) > MAX_SCANS


def _has_restarts(data: bytes) -> bool:
    """Whether restart markers stand among the data of scans."""
    return any(marker == _RESTARTS for marker, _ in itertools.islice(_segments(data), MAX_SEGMENTS))


def _has_every_scan(data: bytes) -> bool:
    """Whether scans bring every coefficient of every component down to its last bit."""
    wanted: set[tuple[int, int]] = set()
    for marker, content in itertools.islice(_segments(data), MAX_SEGMENTS):
        if marker in _FRAMES:
            components = content[6::3][: content[5]]
            wanted = {(component, number) for component in components for number in range(64)}
        elif marker == _SCAN:
            components = content[1 : 1 + 2 * content[0] : 2]
            first, last, bits = content[-3:]
            if not bits & 0x0F:
                wanted -= {(component, number) for component in components for number in range(first, last + 1)}
    return not wanted


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each segment of a JPEG: its marker and its content, which ends before the data of a scan."""
    offset = 2
    while marker := _MARKER.search(data, offset):
        offset = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
        yield data[marker.end() - 1], data[marker.end() + 2 : offset]


def _hash_pixels(data: bytes) -> bytes:
    """A hash of the decoded pixels, made strip by strip, so that the image is in memory once."""
    digest = hashlib.sha256()
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.load()
        for top in range(0, image.height, _STRIP_ROWS):
            digest.update(image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height))).tobytes())
    return digest.digest()
