"""PNG files as they are decoded here: without text and colour profiles, which nobody here reads.

Compressed, these unpack to up to a thousand times their size, so Pillow refuses what every viewer opens. Here they are
measured piece by piece, in memory of one size, so that nobody is handed an image that unpacks to more than it may.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Bytes that the text and the colour profile of one image may unpack to in all.
MAX_UNPACKED = 64 * 1024 * 1024
_UNREAD = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
_LAST = b"IEND"
#: What a chunk has beside its data: a length, a kind and a checksum.
_FRAME = 12
# What is left over is copied with each piece, so pieces are large.
_PIECE_BYTES = 1024 * 1024


def strip_metadata(data: bytes) -> bytes:
    """The PNG without text, colour profiles and chunks of a wrong checksum; itself where it has none.

    Raises:
        ValueError: text and profiles unpack to more than `MAX_UNPACKED` bytes in all.
    """
    kept: list[bytes] = []
    room, start = MAX_UNPACKED, 0
    for kind, first, end in _chunks(data):
        if kind in _UNREAD:
            room -= _measure(kind, data[first : end - 4], room)
        if kind in _UNREAD or _is_void(kind, data[first - 4 : end]):
            kept.append(data[start : first - 8])
            start = end
    return b"".join([*kept, data[start:]]) if kept else data


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk as far as the file is whole: its kind, where its data begin, and where the chunk ends."""
    offset, kind = len(SIGNATURE), b""
    while offset + _FRAME <= len(data) and kind != _LAST:
        kind = data[offset + 4 : offset + 8]
        end = offset + _FRAME + int.from_bytes(data[offset : offset + 4])
        if end > len(data):
            return
        yield kind, offset + 8, end
        offset = end


def _is_void(kind: bytes, content: bytes) -> bool:
    """Whether a chunk that an image can do without has a wrong checksum; decoders pass over it."""
    return kind[:1].islower() and zlib.crc32(content[:-4]) != int.from_bytes(content[-4:])


def _measure(kind: bytes, content: bytes, room: int) -> int:
    """How many bytes a text or a profile unpacks to.

    Raises:
        ValueError: more than there is room for.
    """
    _, _, rest = content.partition(b"\0")
    if kind == b"tEXt" or (kind == b"iTXt" and rest[:1] != b"\x01"):
        return 0
    # A text in iTXt stands behind a flag, a method, a language and a keyword; in the others behind a method.
    packed = rest[2:].split(b"\0", 2)[-1] if kind == b"iTXt" else rest[1:]
    total = 0
    for piece in _unpack(packed):
        total += len(piece)
        if total > room:
            raise ValueError(f"the image holds more than {MAX_UNPACKED} bytes of text and colour profiles, unpacked")
    return total


def _unpack(packed: bytes) -> Iterator[bytes]:
    decompressor = zlib.decompressobj()
    try:
        while piece := decompressor.decompress(packed, _PIECE_BYTES):
            yield piece
            packed = decompressor.unconsumed_tail
    except zlib.error:
        # What does not unpack takes no memory; whether the image opens without it is the decoder's to say.
        return
