"""Images opened and converted with Pillow.

Bytes from outside are hostile: only the three formats' own decoders are tried, the size is read from the header before
anything is decoded, and what does not decode to its end is refused. A 4K image takes 70 MB when decoded, and 110 more
to be written as WebP: so a process works on a few images at a time.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from imagefactory.adapters.pillow import jpeg, png
from imagefactory.ports import DecodedImage, ImageFormat

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

#: A 4K image has 17 million pixels, its widest ratio 19. Each takes up to 15 bytes while a WebP is decoded.
MAX_PIXELS = 25_000_000
#: The quality at which lossy formats are written.
QUALITY = 92
#: WebP's own default of 4 takes twice the time and memory for a file that is two percent smaller.
WEBP_METHOD = 2

_FORMATS = {"PNG": ImageFormat.PNG, "JPEG": ImageFormat.JPG, "WEBP": ImageFormat.WEBP}
# Pillow warns of large images, in all threads at once: the bound below decides.
Image.MAX_IMAGE_PIXELS = None
_STARTS = ((png.SIGNATURE, "PNG"), (b"\xff\xd8\xff", "JPEG"))
#: Other files that are sent for images: where a mark stands, the mark, and what it tells.
_OTHERS = (
    *((0, b"GIF8", "GIF"), (0, b"BM", "BMP"), (0, b"II*\0", "TIFF"), (0, b"MM\0*", "TIFF"), (0, b"%PDF", "PDF")),
    *((4, b"ftypheic", "HEIC"), (4, b"ftypheix", "HEIC"), (4, b"ftypmif1", "HEIF"), (4, b"ftypavif", "AVIF")),
    *((0, b"<svg", "SVG"), (0, b"<?xml", "XML"), (0, b"<html", "HTML"), (0, b"<!DOCTYPE", "HTML")),
)
_NAMES = {image_format: name for name, image_format in _FORMATS.items()}


class PillowImageCodec:
    """The port ImageCodec. `at_once` images are worked on at a time: more than there are processors gain nothing."""

    def __init__(self, at_once: int = 2) -> None:
        self._room = threading.BoundedSemaphore(at_once)

    def decode(self, data: bytes) -> DecodedImage:
        """Decode the image once, to know that all of it is there."""
        with self._room:
            image = _image(data)
            width, height = image.size
            # A JPEG with further pictures behind the first, as phones write it, goes by another name (MPO).
            image_format = _FORMATS.get(str(image.format), ImageFormat.JPG)
            # JPEG is read to its end even at an eighth of its size, and that takes a fraction of time and memory.
            image.draft(None, (1, 1))
            try:
                if jpeg.lacks_end(data):
                    jpeg.check_every_pixel(data)
                else:
                    image.load()
            except (OSError, ValueError, SyntaxError, MemoryError) as broken:
                raise ValueError("the image is damaged or cut short") from broken
            finally:
                image.close()
        return DecodedImage(data, image_format, width, height)

    def convert(self, decoded: DecodedImage, target_format: ImageFormat) -> DecodedImage:
        """Write the image anew, without transparency where the format has none."""
        if decoded.format is target_format:
            return decoded
        output = io.BytesIO()
        data = decoded.data + jpeg.END if jpeg.lacks_end(decoded.data) else decoded.data
        try:
            with self._room, _image(data) as image:
                # PNG has no colours for print; nothing is copied that is as it must be.
                must_be_rgb = image.mode != "RGB" and (target_format is ImageFormat.JPG or image.mode == "CMYK")
                drawn = image.convert("RGB") if must_be_rgb else image
                drawn.save(output, _NAMES[target_format], quality=QUALITY, method=WEBP_METHOD)
        except (OSError, ValueError, AssertionError) as refused:
            # A side longer than the format counts, or colours by a palette that the file does not have.
            raise ValueError(f"the image cannot be written as {target_format.value}") from refused
        return DecodedImage(output.getvalue(), target_format, decoded.width, decoded.height)


def _image(data: bytes) -> ImageFile:
    if jpeg.has_many_scans(data):
        raise ValueError(f"the image has more than {jpeg.MAX_SCANS} scans; save it as an ordinary JPEG")
    source = png.strip_metadata(data) if data.startswith(png.SIGNATURE) else data
    try:
        image = Image.open(io.BytesIO(source), formats=tuple(_FORMATS))
    except UnidentifiedImageError as unknown:
        raise ValueError(_describe(data)) from unknown
    except (OSError, ValueError, SyntaxError) as broken:
        raise ValueError("the image is damaged or cut short") from broken
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(f"the image has {image.width} x {image.height} pixels; at most {MAX_PIXELS} in all are taken")
    return image


def _describe(data: bytes) -> str:
    """What a file is that does not open as an image."""
    if not data:
        return "the file is empty: it is no PNG, JPEG or WebP image"
    for start, name in _STARTS:
        if data.startswith(start):
            return f"the file begins as {name}, but is damaged, cut short, or of a rare kind that cannot be read"
    for offset, mark, name in _OTHERS:
        if data.startswith(mark, offset):
            return f"the file is no PNG, JPEG or WebP image, but {name}"
    return "the file is no PNG, JPEG or WebP image"
