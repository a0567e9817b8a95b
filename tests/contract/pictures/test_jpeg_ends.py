"""JPEG files without an end: taken when no pixel is missing, refused when one is."""

from __future__ import annotations

import contextlib
import io
import random
import re
from typing import Any

import pytest
from PIL import Image

from imagefactory.adapters.pillow import PillowImageCodec
from imagefactory.ports import ImageFormat

PILLOW = PillowImageCodec()


def grained(**how: Any) -> bytes:
    """A JPEG of noise, in which every bit counts."""
    target = io.BytesIO()
    mode, size = how.pop("mode", "RGB"), how.pop("size", (160, 120))
    noise = random.Random(7).randbytes(size[0] * size[1] * len(mode))  # noqa: S311 - the same grain each time
    Image.frombytes(mode, size, noise).save(target, "JPEG", **how)
    return target.getvalue()


JPEGS = [
    pytest.param({"progressive": progressive, "mode": mode, "restart_marker_rows": rows}, id=f"{mode} {kind} {rows}")
    for progressive, kind in ((False, "baseline"), (True, "progressive"))
    for mode in ("RGB", "L", "CMYK")
    for rows in (0, 2)
]


@pytest.mark.parametrize("how", JPEGS)
def test_takes_a_jpeg_without_its_end_marker_when_no_pixel_is_missing(how: dict[str, Any]) -> None:
    whole = grained(**how)

    for ending in (b"", b"\xff", b"\0\0\0"):
        picture = PILLOW.decode(whole[:-2] + ending)
        assert (picture.format, picture.width, picture.height) == (ImageFormat.JPG, 160, 120)
    assert PILLOW.convert(picture, ImageFormat.PNG).width == 160


@pytest.mark.parametrize("how", JPEGS)
@pytest.mark.parametrize("bytes_missing", [3, 4, 5, 20, 500])
def test_refuses_a_jpeg_whose_last_pixels_are_missing(how: dict[str, Any], bytes_missing: int) -> None:
    with pytest.raises(ValueError, match="damaged or cut short"):
        PILLOW.decode(grained(**how)[:-bytes_missing])


def test_refuses_a_jpeg_without_its_end_marker_whose_tables_are_broken() -> None:
    whole = bytearray(grained())
    counts = whole.index(b"\xff\xc4") + 5
    whole[counts : counts + 16] = b"\xff" * 16

    with pytest.raises(ValueError, match="damaged or cut short"):
        PILLOW.decode(bytes(whole[:-2]))


@pytest.mark.parametrize("how", [{}, {"restart_marker_rows": 1}, {"subsampling": "4:4:4"}, {"progressive": True}])
def test_refuses_a_small_jpeg_cut_at_every_length(how: dict[str, Any]) -> None:
    whole = grained(size=(40, 40), **how)
    taken = []

    for length in range(len(whole) - 2, len(whole) // 2, -1):
        with contextlib.suppress(ValueError):
            PILLOW.decode(whole[:length])
            taken.append(len(whole) - length)

    assert taken == [2]


def test_refuses_a_jpeg_cut_before_any_of_its_restart_markers() -> None:
    whole = grained(restart_marker_rows=1)
    places = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", whole)]

    for place in places:
        for ending in (b"", b"\xff", whole[place : place + 2]):
            with pytest.raises(ValueError, match="damaged or cut short"):
                PILLOW.decode(whole[:place] + ending)


@pytest.mark.parametrize("how", [{}, {"progressive": True}])
def test_refuses_a_jpeg_whose_missing_end_is_filled_with_zeros(how: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="damaged or cut short"):
        PILLOW.decode(grained(**how)[:-500] + bytes(4096))


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
def test_refuses_a_jpeg_of_thousands_of_scans_before_it_decodes_them(end: bytes) -> None:
    whole = grained(progressive=True)
    scan = whole[whole.rindex(b"\xff\xda") : -2]

    with pytest.raises(ValueError, match="more than 100 scans"):
        PILLOW.decode(whole[:-2] + scan * 200 + end)


@pytest.mark.parametrize("mark", [b"\xff\xda", b"\xff\xc4"], ids=["a scan", "its table"])
def test_refuses_a_progressive_jpeg_that_lacks_its_last_scan(mark: bytes) -> None:
    whole = grained(progressive=True)

    with pytest.raises(ValueError, match="damaged or cut short"):
        PILLOW.decode(whole[: whole.rindex(mark)])
