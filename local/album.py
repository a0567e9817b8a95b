"""The demo's images in their folder."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image


def describe_image(path: Path) -> str:
    """A line with the image's path, width, height and size in KB; raises OSError if the file is not an image."""
    with Image.open(path) as image:
        image.load()
        width, height = image.size
    return f"{relative_path(path)}  {width} x {height}  {path.stat().st_size / 1024:,.0f} KB"


def relative_path(path: Path) -> Path:
    """The path relative to the current folder, if it is inside; else unchanged."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def shorten(text: str, max_length: int = 60) -> str:
    """The text, cut to `max_length` characters with "..." at its end."""
    return text if len(text) <= max_length else f"{text[: max_length - 3]}..."


def delete_earlier_images(folder: Path) -> None:
    """Delete the images of an earlier run; leave every other file."""
    for path in folder.iterdir():
        if re.fullmatch(r"\d{5}\.(png|jpg|webp|bin)(\.part)?", path.name):
            path.unlink()
