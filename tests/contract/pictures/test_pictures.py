from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from imagefactory.adapters.pillow import MAX_PIXELS, PillowImageCodec
from imagefactory.ports import DecodedImage, ImageFormat
from imagefactory.testing import FakeImageCodec, the_bytes_of
from tests.hostile import images

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagefactory.ports import ImageCodec

NAMES = {ImageFormat.PNG: "PNG", ImageFormat.JPG: "JPEG", ImageFormat.WEBP: "WEBP"}


@dataclass(frozen=True)
class Studio:
    """The port ImageCodec, and how bytes are made that it takes for an image, whole or cut short."""

    codec: ImageCodec
    draw: Callable[[ImageFormat, int, int], bytes]
    cut_short: Callable[[bytes], bytes]


def drawn(image_format: ImageFormat, width: int = 64, height: int = 48, mode: str = "RGB", **how: Any) -> bytes:
    """A real image, a gradient so that it does not shrink to nothing."""
    target = io.BytesIO()
    gradient = Image.linear_gradient("L").resize((width, height)).convert(mode)
    gradient.save(target, NAMES[image_format], **how)
    return target.getvalue()


@pytest.fixture(params=["memory", "pillow"])
def studio(request: pytest.FixtureRequest) -> Studio:
    if request.param == "memory":
        fakes = FakeImageCodec()
        return Studio(fakes, lambda one, *size: the_bytes_of(one.value, *size), lambda data: data.rstrip(b"."))
    return Studio(PillowImageCodec(), drawn, lambda data: data[: len(data) * 2 // 3])


@pytest.mark.parametrize("image_format", ImageFormat)
def test_an_image_is_opened_with_its_format_and_size(studio: Studio, image_format: ImageFormat) -> None:
    data = studio.draw(image_format, 64, 48)

    assert studio.codec.decode(data) == DecodedImage(data, image_format, 64, 48)


@pytest.mark.parametrize("data", [b"", b"text", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", b"%PDF-1.7", bytes(1000)])
def test_what_is_no_image_is_refused(studio: Studio, data: bytes) -> None:
    with pytest.raises(ValueError, match="no PNG, JPEG or WebP image"):
        studio.codec.decode(data)


@pytest.mark.parametrize("image_format", ImageFormat)
def test_an_image_that_was_cut_short_is_refused(studio: Studio, image_format: ImageFormat) -> None:
    data = studio.draw(image_format, 64, 48)

    with pytest.raises(ValueError, match="damaged"):
        studio.codec.decode(studio.cut_short(data))


@pytest.mark.parametrize("wanted", ImageFormat)
@pytest.mark.parametrize("given_format", ImageFormat)
def test_an_image_is_converted_to_the_format_that_is_wanted(
    studio: Studio, given_format: ImageFormat, wanted: ImageFormat
) -> None:
    picture = studio.codec.decode(studio.draw(given_format, 64, 48))

    converted = studio.codec.convert(picture, wanted)

    assert (converted.format, converted.width, converted.height) == (wanted, 64, 48)
    assert studio.codec.decode(converted.data) == converted
    assert (converted is picture) is (given_format is wanted)


PILLOW = PillowImageCodec()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises this size; behind it stands next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def without_palette(png: bytes) -> bytes:
    """A PNG whose colours are those of a palette that it has not."""
    place = png.index(b"PLTE") - 4
    return png[:place] + png[place + 12 + int.from_bytes(png[place : place + 4]) :]


class TestPillow:
    def test_refuses_a_decompression_bomb_by_its_header(self) -> None:
        for width, height in ((65_535, 65_535), (10_000, 4_001), (MAX_PIXELS + 1, 1), (2**31 - 1, 2**31 - 1)):
            with pytest.raises(ValueError, match=r"pixels; at most|too large"):
                PILLOW.decode(png_of_size(width, height))

    def test_takes_the_largest_image_that_a_model_makes(self) -> None:
        assert PILLOW.decode(drawn(ImageFormat.PNG, 6336, 2688, compress_level=1)).width == 6336

    def test_refuses_a_header_without_an_image(self) -> None:
        with pytest.raises(ValueError, match="damaged"):
            PILLOW.decode(png_of_size(64, 48))

    def test_takes_a_photograph_with_a_second_picture_inside_for_the_jpeg_it_is(self) -> None:
        target = io.BytesIO()
        second = Image.new("RGB", (32, 24))
        Image.new("RGB", (64, 48)).save(target, "MPO", save_all=True, append_images=[second])

        picture = PILLOW.decode(target.getvalue())

        assert (picture.format, picture.width, picture.height) == (ImageFormat.JPG, 64, 48)

    @pytest.mark.parametrize(
        ("image_format", "mode"),
        [
            (ImageFormat.PNG, "RGBA"),
            (ImageFormat.PNG, "LA"),
            (ImageFormat.PNG, "P"),
            (ImageFormat.PNG, "1"),
            (ImageFormat.PNG, "I;16"),
            (ImageFormat.WEBP, "RGBA"),
            (ImageFormat.JPG, "L"),
            (ImageFormat.JPG, "CMYK"),
        ],
    )
    @pytest.mark.parametrize("wanted", ImageFormat)
    def test_converts_from_every_way_to_hold_colours(
        self, image_format: ImageFormat, mode: str, wanted: ImageFormat
    ) -> None:
        picture = PILLOW.decode(drawn(image_format, mode=mode))

        converted = PILLOW.convert(picture, wanted)

        assert PILLOW.decode(converted.data) == converted

    def test_refuses_to_write_what_the_format_cannot_hold(self) -> None:
        for data, wanted in (
            (drawn(ImageFormat.PNG, 65_501, 1), ImageFormat.JPG),
            (drawn(ImageFormat.PNG, 16_384, 1), ImageFormat.WEBP),
            (without_palette(drawn(ImageFormat.PNG, mode="P")), ImageFormat.WEBP),
        ):
            picture = PILLOW.decode(data)
            with pytest.raises(ValueError, match=f"cannot be written as {wanted}"):
                PILLOW.convert(picture, wanted)

    @pytest.mark.parametrize("size", [2_000_000, 30_000_000], ids=["2 MB", "30 MB"])
    def test_takes_a_png_with_much_text_and_a_large_colour_profile(self, size: int) -> None:
        data = images.with_text("a" * (size // 3), icc_profile=b"p" * (size // 3))

        assert PILLOW.decode(data) == DecodedImage(data, ImageFormat.PNG, 8, 8)

    @pytest.mark.parametrize(
        "more",
        [
            pytest.param({"icc_profile": bytes(65 * 1024 * 1024)}, id="a profile"),
            pytest.param({"icc_profile": bytes(32 * 1024 * 1024), "text": "a" * 17 * 1024 * 1024}, id="all together"),
        ],
    )
    def test_refuses_a_png_that_unpacks_to_too_much_and_says_so(self, more: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="more than 67108864 bytes of text and colour profiles"):
            PILLOW.decode(images.with_text(more.pop("text", ""), **more))

    @pytest.mark.parametrize(
        "between",
        [
            pytest.param([images.chunk(b"tEXt", b"a\0b")[:-1] + b"?"], id="text with a wrong checksum"),
            pytest.param([images.chunk(b"pHYs", bytes(9))[:-1] + b"?"], id="a scale with a wrong checksum"),
            pytest.param([images.chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(20_000_000)))] * 3, id="three profiles"),
            pytest.param([images.chunk(b"zTXt", b"a\0\0no zlib")], id="text that does not unpack"),
            pytest.param([images.chunk(b"iTXt", b"a\0\0\0en\0a\0b" * 9)], id="text that is not packed"),
            pytest.param([images.chunk(b"zzZz", bytes(9))], id="a chunk of nobody's"),
        ],
    )
    def test_passes_over_what_every_viewer_passes_over(self, between: list[bytes]) -> None:
        whole = images.picture()

        assert PILLOW.decode(whole[:33] + b"".join(between) + whole[33:]).width == 8

    @pytest.mark.parametrize("bytes_missing", [4, 8, 12])
    def test_takes_a_png_that_lacks_its_end_but_no_pixel(self, bytes_missing: int) -> None:
        assert PILLOW.decode(images.picture()[:-bytes_missing]).width == 8

    @pytest.mark.parametrize(
        ("data", "told"),
        [
            (b"", "is empty"),
            (images.picture("GIF"), "but GIF"),
            (b"\0\0\0\x18ftypheic" + bytes(40), "but HEIC"),
            (png_of_size(0, 0), "begins as PNG"),
            (b"\xff\xd8\xff\xc3" + bytes(100), "begins as JPEG"),
            (png_of_size(2**31 - 1, 2**31 - 1), "at most 25000000"),
        ],
    )
    def test_says_what_a_file_is_that_it_cannot_open(self, data: bytes, told: str) -> None:
        with pytest.raises(ValueError, match=told):
            PILLOW.decode(data)

    @pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in images.REFUSED.items()])
    def test_refuses_every_hostile_file(self, data: bytes) -> None:
        with pytest.raises(ValueError, match=r"^the (file|image) "):
            PILLOW.decode(data)

    @pytest.mark.parametrize(
        ("content_type", "data"), [pytest.param(*taken, id=name) for name, taken in images.TAKEN.items()]
    )
    def test_takes_what_is_an_image_and_something_else_for_the_image(self, content_type: str, data: bytes) -> None:
        assert PILLOW.decode(data).format.content_type == content_type

    def test_knows_all_three_formats_on_this_machine(self) -> None:
        assert features.check("webp")

    @given(st.data())
    @settings(max_examples=300, deadline=None)
    def test_refuses_damaged_images_with_nothing_but_its_own_words(self, data: st.DataObject) -> None:
        whole = bytearray(drawn(data.draw(st.sampled_from(list(ImageFormat))), 16, 16))
        for _ in range(data.draw(st.integers(1, 8))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))

        try:
            PILLOW.decode(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
        except ValueError as refused:
            assert str(refused).startswith("the ")  # noqa: PT017 - some are still images
