"""The folder that the demo's images go to."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image


def measured(path: Path) -> str:
    """Where an image is and how big; raises OSError for a file that does not open as an image."""
    with Image.open(path) as image:
        image.load()
        width, height = image.size
    return f"{shown(path)}  {width} x {height}  {path.stat().st_size / 1024:,.0f} KB"


def shown(path: Path) -> Path:
    """A path as a person in the current folder would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def shortened(text: str, longest: int = 60) -> str:
    """The beginning of a text, on one line."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def forget_earlier(folder: Path) -> None:
    """Deletes the images of an earlier run, and nothing else."""
    for path in folder.iterdir():
        if re.fullmatch(r"\d{5}\.(png|jpg|webp|bin)", path.name):
            path.unlink()
