"""The pictures: pleasant, different for every prompt, cheap to make, and always of exactly the size asked for.

A gradient and a few soft shapes, all derived from a hash of the prompt; the prompt on a panel at the bottom; reference
images as small framed prints at the top. A 1024x1024 PNG costs about 40 ms of one core.
"""

from __future__ import annotations

import colorsys
import functools
import hashlib
import io
import random
import unicodedata
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont, ImageOps, PngImagePlugin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulators.gemini.images.models import Pixels

MAX_REFERENCE_PIXELS = 60_000_000
THUMBNAIL_PIXELS = 512
SHOWN_CHARACTERS = 500

# The size of every input is checked by hand, below; Pillow's own check would warn before it refuses.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY


class UnreadableError(Exception):
    """Bytes that no picture can be made of."""


def open_reference(mime: str, data: bytes) -> tuple[Image.Image, Pixels]:
    """A reference image, made small, and its real size; raises `UnreadableError`.

    HEIC cannot be opened here, and an address is not fetched: a grey square stands for both.
    """
    if not data or mime in {"image/heic", "image/heif"}:
        return Image.new("RGB", (THUMBNAIL_PIXELS // 2, THUMBNAIL_PIXELS // 2), (150, 150, 155)), (1, 1)
    # As viewers do: a JPEG without its end marker is no fault, and neither is a megabyte of text in a PNG.
    ended = data + b"\xff\xd9" if data.startswith(b"\xff\xd8") else data
    try:
        with Image.open(io.BytesIO(ended), formats=("PNG", "JPEG", "WEBP")) as image:
            size = image.size
            if size[0] * size[1] > MAX_REFERENCE_PIXELS:
                raise UnreadableError(f"{size[0]}x{size[1]} pixels")
            # A JPEG is decoded at the small size at once, which is many times cheaper.
            image.draft("RGB", (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
            image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS), Image.Resampling.BILINEAR)
            return image.convert("RGB"), size
    except (OSError, ValueError, SyntaxError) as error:
        raise UnreadableError(str(error)) from error


def picture(prompt: str, size: Pixels, caption: str, references: Sequence[Image.Image] = ()) -> Image.Image:
    """The picture of a prompt; the same words give the same picture."""
    dice = random.Random(hashlib.blake2b(prompt.encode(errors="surrogatepass")).digest())  # noqa: S311 - not for cryptography
    hue = dice.random()
    image = _gradient(dice, hue, size)
    draw = ImageDraw.Draw(image, "RGBA")
    _shapes(dice, hue, draw, size)
    _prints(draw, image, references)
    _panel(draw, size, prompt, caption)
    return image


def encoded(image: Image.Image, mime: str, *, grain: bool = False) -> bytes:
    """The file: quick rather than small; with film grain as large as Google's, 1K about 1 or 2 MB and 4K 20."""
    file = io.BytesIO()
    drawn = _grained(image) if grain else image
    if mime == "image/png":
        drawn.save(file, "PNG", compress_level=1)
    else:
        drawn.save(file, "JPEG", quality=97 if grain else 88, subsampling=0 if grain else 2)
    return file.getvalue()


def _grained(image: Image.Image) -> Image.Image:
    # Always the same grain, so that the same prompt still gives the same file.
    noise = random.Random(0).randbytes(3 * image.width * image.height)  # noqa: S311 - not for cryptography
    return Image.blend(image, Image.frombytes("RGB", image.size, noise), 0.12)


def _color(hue: float, lightness: float, saturation: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return int(red * 255), int(green * 255), int(blue * 255)


def _gradient(dice: random.Random, hue: float, size: Pixels) -> Image.Image:
    """Four corners of neighbouring colours, and everything in between left to Pillow's resize."""
    corners = Image.new("RGB", (2, 2))
    for index in range(4):
        color = _color(hue + dice.uniform(-0.12, 0.12), dice.uniform(0.45, 0.8), dice.uniform(0.45, 0.75))
        corners.putpixel((index % 2, index // 2), color)
    return corners.resize(size, Image.Resampling.BICUBIC)


def _shapes(dice: random.Random, hue: float, draw: ImageDraw.ImageDraw, size: Pixels) -> None:
    """A sun and rows of hills, or a handful of bubbles."""
    width, height = size
    unit = min(size)
    hilly = dice.random() < 0.5  # noqa: PLR2004 - a coin
    for layer in range(4 if hilly else 9):
        red, green, blue = _color(hue + dice.uniform(-0.1, 0.1), dice.uniform(0.3, 0.9), dice.uniform(0.3, 0.7))
        x, y, radius = dice.uniform(0, width), dice.uniform(0, height * 0.6), unit * dice.uniform(0.06, 0.28)
        if hilly and layer:
            x, radius = dice.uniform(0, width), unit * dice.uniform(0.7, 1.1)
            y = height * (0.45 + 0.15 * layer) + radius * 0.7
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(red, green, blue, 90))


def _prints(draw: ImageDraw.ImageDraw, image: Image.Image, references: Sequence[Image.Image]) -> None:
    """The reference images in a row at the top, each in a white frame."""
    width, height = image.size
    gap = max(4, min(width, height) // 40)
    room = (width - gap) // max(1, len(references)) - gap
    edge = max(8, min(height // 4, room))
    for index, reference in enumerate(references):
        small = ImageOps.contain(reference, (edge, edge), Image.Resampling.BILINEAR)
        left = gap + index * (edge + gap)
        frame = gap // 3
        draw.rectangle(
            (left - frame, gap - frame, left + small.width + frame, gap + small.height + frame), fill=(255, 255, 255)
        )
        image.paste(small, (left, gap))


def _panel(draw: ImageDraw.ImageDraw, size: Pixels, prompt: str, caption: str) -> None:
    """The prompt in dark letters on a light panel, as large as fits into the lower part of the picture."""
    width, height = size
    margin = max(6, min(size) // 24)
    text = " ".join(prompt[:SHOWN_CHARACTERS].split()) + (" …" if len(prompt) > SHOWN_CHARACTERS else "")
    # The font that Pillow brings has no letters with accents: they are drawn without.
    text = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    text = text.encode("utf-8", "replace").decode()
    points = max(10, min(size) // 20)
    lines = _wrapped(text, points, width - 4 * margin)
    while points > 10 and len(lines) * points * 1.35 > height * 0.45:  # noqa: PLR2004 - smaller is not readable
        points = max(10, int(points * 0.8))
        lines = _wrapped(text, points, width - 4 * margin)
    step = points * 1.35
    small = max(9, points // 2)
    tall = len(lines) * step + small * 1.6 + margin
    top = height - margin - tall
    draw.rounded_rectangle((margin, top, width - margin, height - margin), margin // 2, fill=(255, 255, 255, 205))
    for index, line in enumerate(lines):
        draw.text((2 * margin, top + margin / 2 + index * step), line, fill=(28, 30, 40), font=_font(points))
    draw.text((2 * margin, height - 1.5 * margin - small), caption, fill=(95, 98, 110), font=_font(small))


def _wrapped(text: str, points: int, width: int) -> list[str]:
    """The text in lines of at most `width` pixels; a word that is longer than a line is cut."""
    font = _font(points)
    lines = [""]
    for word in text.split():
        rest = word
        while rest and font.getlength(rest) > width:
            fits = max(1, int(len(rest) * width / font.getlength(rest)) - 1)
            lines.append(rest[:fits])
            rest = rest[fits:]
        joined = f"{lines[-1]} {rest}".strip()
        if font.getlength(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(rest)
    return [line for line in lines if line]


@functools.lru_cache(maxsize=64)
def _font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(points)
