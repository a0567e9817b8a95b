"""Files that claim to be images: bombs, torn ones, ones that are two things at once."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SCRIPT = b"<html><script>alert(document.domain)</script></html>"


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 8), mode: str = "RGB", **how: Any) -> bytes:
    """The bytes of a real image."""
    target = io.BytesIO()
    Image.new(mode, size, "teal" if mode == "RGB" else None).save(target, kind, **how)
    return target.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def png(width: int, height: int, *between: bytes, pixels: bytes = bytes(1000)) -> bytes:
    """A PNG whose header says this size, whatever its pixels are."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), *between, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def animated(kind: str, frames: int) -> bytes:
    """An image that moves."""
    first, *rest = [Image.new("RGB", (8, 8), (number % 256, 0, 0)) for number in range(frames)]
    target = io.BytesIO()
    first.save(target, kind, save_all=True, append_images=rest)
    return target.getvalue()


def with_text(text: str, **how: Any) -> bytes:
    """A PNG that says this in both kinds of compressed text."""
    told = PngInfo()
    told.add_text("Comment", text, zip=True)
    told.add_itxt("XML:com.adobe.xmp", text, zip=True)
    return picture(pnginfo=told, **how)


def claiming(data: bytes, width: int, height: int) -> bytes:
    """A JPEG whose frame says another size."""
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def webp_of(width: int, height: int) -> bytes:
    """A lossless WebP whose header says this size."""
    data = picture("WEBP", lossless=True)
    place = data.index(b"VP8L") + 9
    bits = int.from_bytes(data[place : place + 4], "little") >> 28 << 28 | height - 1 << 14 | width - 1
    return data[:place] + bits.to_bytes(4, "little") + data[place + 4 :]


def scripted_jpeg() -> bytes:
    """A JPEG with a script in its EXIF data, its colour profile and its comment."""
    exif = Image.Exif()
    exif[270] = SCRIPT.decode()
    return picture("JPEG", exif=exif.tobytes(), icc_profile=SCRIPT, comment=SCRIPT)


#: What is no image that is taken, or none that is whole.
REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "one byte": b"\x89",
    "text": b"a lighthouse",
    "HTML": SCRIPT,
    "an SVG": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "XML with an entity": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>',
    "a GIF": picture("GIF"),
    "a GIF that is a script": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)//;",
    "a BMP": picture("BMP"),
    "a TIFF": picture("TIFF"),
    "an ICO": picture("ICO", (16, 16)),
    "a PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(/etc/passwd) run\n",
    "a ZIP": b"PK\x03\x04" + bytes(200),
    "an ELF": b"\x7fELF" + bytes(200),
    "an AVIF by its name": b"\x00\x00\x00\x1cftypavif" + bytes(100),
    "HTML before a PNG": SCRIPT + picture(),
    "a PNG of sixty thousand a side": png(60_000, 60_000),
    "a PNG of two thousand million a side": png(2**31 - 1, 2**31 - 1),
    "a PNG with no pixels": png(0, 0),
    "a PNG of one line, thirty million wide": png(30_000_000, 1),
    "a PNG whose pixels are missing": png(640, 480),
    "a PNG with a wrong checksum": picture()[:-20] + bytes(4) + picture()[-16:],
    "a PNG of its head alone": picture()[:33],
    "a PNG cut in two": picture(size=(64, 64))[:80],
    "a PNG whose chunk is longer than the file": b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xffIHDR" + bytes(20),
    "a PNG with a text bomb": with_text("a" * 40_000_000),
    "a JPEG of sixty-five thousand a side": claiming(picture("JPEG"), 65_535, 65_535),
    "a JPEG cut in two": picture("JPEG", (64, 64))[:300],
    "a JPEG of two bytes": b"\xff\xd8",
    "a JPEG of markers": b"\xff\xd8" + b"\xff" * 5000,
    "a WebP of sixteen thousand a side": webp_of(16_384, 16_384),
    "a WebP cut in two": picture("WEBP", (64, 64))[:40],
    "a WebP whose length lies": b"RIFF\xff\xff\xff\xffWEBP" + picture("WEBP")[12:30],
    "a WebP of its name alone": b"RIFF\x04\x00\x00\x00WEBP",
}

#: What is an image, whatever else it is; each is kept byte for byte as the image that it is.
TAKEN: dict[str, tuple[str, bytes]] = {
    "a PNG with HTML behind it": ("image/png", picture() + SCRIPT),
    "a PNG that is an archive as well": ("image/png", picture() + b"PK\x05\x06" + bytes(18)),
    "a PNG with HTML in its text": ("image/png", with_text(SCRIPT.decode())),
    "a PNG that moves": ("image/png", animated("PNG", 400)),
    "a JPEG with scripts in what describes it": ("image/jpeg", scripted_jpeg()),
    "a JPEG with PHP behind it": ("image/jpeg", picture("JPEG") + b"<?php system($_GET['c']); ?>"),
    "a JPEG with a second picture": ("image/jpeg", animated("MPO", 2)),
    "a WebP with HTML behind it": ("image/webp", picture("WEBP") + SCRIPT),
    "a WebP that moves": ("image/webp", animated("WEBP", 400)),
}
