"""Measure memory and time of opening and converting images: `make bench` prints the table, a test checks the limits."""

from __future__ import annotations

import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Measurement, measure_module, report_measurement
from emulators.gemini.images.drawing import draw_picture, encode_picture
from imagefactory.adapters.pillow import PillowImageCodec
from imagefactory.ports import DecodedImage, ImageFormat

#: The side in pixels of the largest square image of the models, and the number of threads at once.
SIDE, AT_ONCE = 4096, 4


@dataclass(frozen=True)
class Conversion:
    """Opening an image and converting it to `target`, if set; `images` at once may grow a process by `growth_mb`."""

    source: ImageFormat
    target: ImageFormat | None
    images: int
    growth_mb: float

    def run(self, file: Path) -> Measurement:
        """Measure it in a process of its own."""
        return measure_module("bench.conversions", str(file), self.target or "-", str(self.images))


CONVERSIONS = [
    Conversion(ImageFormat.JPG, None, 1, 25),
    Conversion(ImageFormat.JPG, None, AT_ONCE, 25),
    Conversion(ImageFormat.PNG, None, 1, 90),
    Conversion(ImageFormat.PNG, None, AT_ONCE, 160),
    Conversion(ImageFormat.JPG, ImageFormat.PNG, 1, 170),
    Conversion(ImageFormat.PNG, ImageFormat.JPG, 1, 170),
    Conversion(ImageFormat.JPG, ImageFormat.WEBP, 1, 230),
    Conversion(ImageFormat.JPG, ImageFormat.WEBP, AT_ONCE, 520),
]


def make_image(source: ImageFormat, folder: Path) -> Path:
    """Make a file with an image of 4K, as large as Google's; return its path."""
    file = folder / f"4k.{source.value}"
    if not file.exists():
        drawn = draw_picture("A lighthouse at dusk", (SIDE, SIDE), "4K")
        file.write_bytes(encode_picture(drawn, source.content_type, grain=True))
    return file


def convert(data: bytes, target: str, images: int) -> str:
    """In the child: open and convert the image in `images` threads, and keep the results, as uploads do. Returns MB."""
    pictures, results = PillowImageCodec(), list[DecodedImage]()

    def convert_one() -> None:
        opened = pictures.decode(data)
        results.append(opened if target == "-" else pictures.convert(opened, ImageFormat(target)))

    threads = [threading.Thread(target=convert_one) for _ in range(images)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"{len(results[0].data) / 1e6:.1f}"


def main() -> None:
    """Run every conversion and print the table."""
    sys.stdout.write("| 4K image | converted to | at once | MB | seconds |\n| --- | --- | --- | --- | --- |\n")
    with tempfile.TemporaryDirectory() as folder:
        for conversion in CONVERSIONS:
            file = make_image(conversion.source, Path(folder))
            run = conversion.run(file)
            source = f"{conversion.source.name}, {file.stat().st_size / 1e6:.0f} MB"
            target = f"{conversion.target.name}, {run.output} MB" if conversion.target else "-"
            sys.stdout.write(
                f"| {source} | {target} | {conversion.images} | {run.growth_mb:.0f} | {run.seconds:.1f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    path, to, count = sys.argv[1:]
    content = Path(path).read_bytes()
    report_measurement(lambda: convert(content, to, int(count)))
