"""What opening and converting an image takes at most: `make bench` prints the table, a test holds the bounds."""

from __future__ import annotations

import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Measured, measure, measured
from emulators.gemini.images.drawing import draw_picture, encode_picture
from imagefactory.adapters.pillow import PillowPictures
from imagefactory.ports import Picture, PictureFormat

#: The side of the largest square image that models make, and how many threads want theirs at once.
SIDE, AT_ONCE = 4096, 4


@dataclass(frozen=True)
class Work:
    """Opening an image, and converting it where it says to what; by how many MB a process may grow."""

    given: PictureFormat
    wanted: PictureFormat | None
    images: int
    grown: float

    def done(self, file: Path) -> Measured:
        """Do it in a process of its own."""
        return measured("bench.conversions", str(file), self.wanted or "-", str(self.images))


WORK = [
    Work(PictureFormat.JPG, None, 1, 25),
    Work(PictureFormat.JPG, None, AT_ONCE, 25),
    Work(PictureFormat.PNG, None, 1, 90),
    Work(PictureFormat.PNG, None, AT_ONCE, 160),
    Work(PictureFormat.JPG, PictureFormat.PNG, 1, 170),
    Work(PictureFormat.PNG, PictureFormat.JPG, 1, 170),
    Work(PictureFormat.JPG, PictureFormat.WEBP, 1, 230),
    Work(PictureFormat.JPG, PictureFormat.WEBP, AT_ONCE, 520),
]


def an_image(given: PictureFormat, folder: Path) -> Path:
    """A file with an image of 4K, as large as the models' own."""
    file = folder / f"4k.{given.value}"
    if not file.exists():
        drawn = draw_picture("A lighthouse at dusk", (SIDE, SIDE), "4K")
        file.write_bytes(encode_picture(drawn, given.content_type, grain=True))
    return file


def work(data: bytes, wanted: str, images: int) -> str:
    """In the child: so many threads open the image and convert it; each keeps what it made, as an upload does."""
    pictures, made = PillowPictures(), list[Picture]()

    def one() -> None:
        opened = pictures.opened(data)
        made.append(opened if wanted == "-" else pictures.converted(opened, PictureFormat(wanted)))

    threads = [threading.Thread(target=one) for _ in range(images)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"{len(made[0].data) / 1e6:.1f}"


def main() -> None:
    """Do all the work and print the table."""
    sys.stdout.write("| 4K image | converted to | at once | MB | seconds |\n| --- | --- | --- | --- | --- |\n")
    with tempfile.TemporaryDirectory() as folder:
        for one in WORK:
            file = an_image(one.given, Path(folder))
            found = one.done(file)
            given = f"{one.given.name}, {file.stat().st_size / 1e6:.0f} MB"
            wanted = f"{one.wanted.name}, {found.said} MB" if one.wanted else "-"
            sys.stdout.write(f"| {given} | {wanted} | {one.images} | {found.grown:.0f} | {found.seconds:.1f} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    path, to, count = sys.argv[1:]
    content = Path(path).read_bytes()
    measure(lambda: work(content, to, int(count)))
