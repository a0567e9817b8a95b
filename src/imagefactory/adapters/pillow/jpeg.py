"""JPEG files without their end marker, as cameras and interrupted programs leave them: whole, or cut short?

libjpeg fills what is missing with grey and says nothing. But where nothing is missing, no pixel depends on what would
follow the last byte. So the file is decoded with several endings, and all scans that the image needs must have begun.
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
_ENDINGS = (END, b"\xaa" * 64 + END, b"\x55" * 64 + END)
_SCAN = 0xDA
#: Frames of the Huffman-coded kinds; a progressive one has its coefficients in many scans.
_FRAMES = (0xC0, 0xC1, 0xC2)
# The next marker among a scan's data: not a stuffed zero, not a restart, not a byte that fills.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_STRIP_ROWS = 64
#: Segments that are looked at; a progressive JPEG of a camera has some dozens.
MAX_SEGMENTS = 1_000


def has_every_pixel(data: bytes) -> bool:
    """Whether a JPEG that lacks its end marker lacks nothing else."""
    data = data.removesuffix(END[:1])
    try:
        return _has_every_scan(data) and len({_hash_pixels(data + ending) for ending in _ENDINGS}) == 1
    except (OSError, ValueError, SyntaxError, IndexError):
        return False


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
    place = 2
    while marker := _MARKER.search(data, place):
        place = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
        yield data[marker.end() - 1], data[marker.end() + 2 : place]


def _hash_pixels(data: bytes) -> bytes:
    """A hash of the decoded pixels, made strip by strip, so that the image is in memory once."""
    digest = hashlib.sha256()
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.load()
        for top in range(0, image.height, _STRIP_ROWS):
            digest.update(image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height))).tobytes())
    return digest.digest()
