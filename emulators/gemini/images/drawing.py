"""Draw pictures: different for every prompt, cheap, and of exactly the requested size.

A picture has a gradient and soft shapes that derive from a hash of the prompt, the prompt on a panel at the bottom, and
the reference images in small frames at the top. A 1024x1024 PNG costs about 40 ms of one core.
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
MAX_PROMPT_CHARACTERS = 500

# `open_reference` checks every size itself: Pillow's own check would warn before it refuses.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY


class UnreadableError(Exception):
    """Bytes that are no readable picture."""


def open_reference(mime: str, data: bytes) -> tuple[Image.Image, Pixels]:
    """Open a reference image; return a thumbnail and the real size in pixels. Raises `UnreadableError`.

    A grey square stands for HEIC, which cannot be opened, and for an empty `data`, since URIs are not fetched.
    """
    if not data or mime in {"image/heic", "image/heif"}:
        return Image.new("RGB", (THUMBNAIL_PIXELS // 2, THUMBNAIL_PIXELS // 2), (150, 150, 155)), (1, 1)
    # As in image viewers, a JPEG without its end marker is valid.
    ended = data + b"\xff\xd9" if data.startswith(b"\xff\xd8") else data
    try:
        with Image.open(io.BytesIO(ended), formats=("PNG", "JPEG", "WEBP")) as image:
            size = image.size
            if size[0] * size[1] > MAX_REFERENCE_PIXELS:
                raise UnreadableError(f"{size[0]}x{size[1]} pixels")
            # Pillow decodes a JPEG at the small size, which is many times cheaper.
            image.draft("RGB", (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
            image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS), Image.Resampling.BILINEAR)
            return image.convert("RGB"), size
    except (OSError, ValueError, SyntaxError) as error:
        raise UnreadableError(str(error)) from error


def draw_picture(prompt: str, size: Pixels, caption: str, references: Sequence[Image.Image] = ()) -> Image.Image:
    """Draw the picture of a prompt; the same prompt gives the same picture."""
    rng = random.Random(hashlib.blake2b(prompt.encode(errors="surrogatepass")).digest())  # noqa: S311 - not for cryptography
    hue = rng.random()
    image = _draw_gradient(rng, hue, size)
    draw = ImageDraw.Draw(image, "RGBA")
    _draw_shapes(rng, hue, draw, size)
    _draw_references(draw, image, references)
    _draw_panel(draw, size, prompt, caption)
    return image


def encode_picture(image: Image.Image, mime: str, *, grain: bool = False) -> bytes:
    """Encode a picture as a PNG or JPEG file; with `grain` as large as Google's: 1 or 2 MB at 1K, 20 MB at 4K."""
    file = io.BytesIO()
    drawn = _add_grain(image) if grain else image
    if mime == "image/png":
        drawn.save(file, "PNG", compress_level=1)
    else:
        drawn.save(file, "JPEG", quality=97 if grain else 88, subsampling=0 if grain else 2)
    return file.getvalue()


def _add_grain(image: Image.Image) -> Image.Image:
    # The grain is constant, so that the same prompt gives the same file.
    noise = random.Random(0).randbytes(3 * image.width * image.height)  # noqa: S311 - not for cryptography
    return Image.blend(image, Image.frombytes("RGB", image.size, noise), 0.12)


def _color(hue: float, lightness: float, saturation: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return int(red * 255), int(green * 255), int(blue * 255)


def _draw_gradient(rng: random.Random, hue: float, size: Pixels) -> Image.Image:
    """Draw a gradient: four corners of neighbouring colours, which Pillow's resize interpolates."""
    corners = Image.new("RGB", (2, 2))
    for index in range(4):
        color = _color(hue + rng.uniform(-0.12, 0.12), rng.uniform(0.45, 0.8), rng.uniform(0.45, 0.75))
        corners.putpixel((index % 2, index // 2), color)
    return corners.resize(size, Image.Resampling.BICUBIC)


def _draw_shapes(rng: random.Random, hue: float, draw: ImageDraw.ImageDraw, size: Pixels) -> None:
    """Draw a sun and rows of hills, or a handful of bubbles."""
    width, height = size
    unit = min(size)
    hilly = rng.random() < 0.5  # noqa: PLR2004 - a coin
    for layer in range(4 if hilly else 9):
        red, green, blue = _color(hue + rng.uniform(-0.1, 0.1), rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.7))
        x, y, radius = rng.uniform(0, width), rng.uniform(0, height * 0.6), unit * rng.uniform(0.06, 0.28)
        if hilly and layer:
            x, radius = rng.uniform(0, width), unit * rng.uniform(0.7, 1.1)
            y = height * (0.45 + 0.15 * layer) + radius * 0.7
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(red, green, blue, 90))


def _draw_references(draw: ImageDraw.ImageDraw, image: Image.Image, references: Sequence[Image.Image]) -> None:
    """Draw the reference images in a row at the top, each in a white frame."""
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


def _draw_panel(draw: ImageDraw.ImageDraw, size: Pixels, prompt: str, caption: str) -> None:
    """Draw the prompt in dark letters on a light panel, as large as fits into the lower part."""
    width, height = size
    margin = max(6, min(size) // 24)
    text = " ".join(prompt[:MAX_PROMPT_CHARACTERS].split()) + (" …" if len(prompt) > MAX_PROMPT_CHARACTERS else "")
    # Pillow's font has no accented letters: drop the accents.
    text = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    text = text.encode("utf-8", "replace").decode()
    points = max(10, min(size) // 20)
    lines = _wrap_text(text, points, width - 4 * margin)
    while points > 10 and len(lines) * points * 1.35 > height * 0.45:  # noqa: PLR2004 - smaller is not readable
        points = max(10, int(points * 0.8))
        lines = _wrap_text(text, points, width - 4 * margin)
    step = points * 1.35
    small = max(9, points // 2)
    tall = len(lines) * step + small * 1.6 + margin
    top = height - margin - tall
    draw.rounded_rectangle((margin, top, width - margin, height - margin), margin // 2, fill=(255, 255, 255, 205))
    for index, line in enumerate(lines):
        draw.text((2 * margin, top + margin / 2 + index * step), line, fill=(28, 30, 40), font=_font(points))
    draw.text((2 * margin, height - 1.5 * margin - small), caption, fill=(95, 98, 110), font=_font(small))


def _wrap_text(text: str, points: int, width: int) -> list[str]:
    """Wrap the text into lines of at most `width` pixels; cut words longer than a line."""
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
