"""The image models: their ratios, sizes, exact pixels, tokens, types and latencies.

Pixels and tokens are Google's published tables (checked 2026-11). Types: recorded traffic has PNG of 2.5 Flash and JPEG
of 3 Pro; users report both of the other models: here 3.1 Flash Lite answers PNG, the others JPEG.
Seconds: recorded are 5.6 and 6.0 of 2.5 Flash and 16.8 to 29.2 of 3 Pro; reported, 12 to 23 of 3.1 Flash and 15 to 40
of 2.1. Of 3.1 Flash Lite nothing is known: it takes half of 3.1 Flash's.
Reports about the wide ratios (1:4 to 8:1) of 3.1 Flash Lite disagree; here it has them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Pixels: TypeAlias = tuple[int, int]

# In the order of Google's error message.
RATIOS = ("1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9", "21:9")
EXTREME_RATIOS = frozenset({"1:4", "1:8", "4:1", "8:1"})
DEFAULT_SIZE = "1K"


def _table(widths: str) -> Mapping[str, Pixels]:
    """Parse `ratio=WIDTHxHEIGHT …`."""
    rows = (row.split("=") for row in widths.split())
    return {ratio: (int(pixels.split("x")[0]), int(pixels.split("x")[1])) for ratio, pixels in rows}


_FLASH_2_5 = _table(
    "1:1=1024x1024 2:3=832x1248 3:2=1248x832 3:4=864x1184 4:3=1184x864 4:5=896x1152 5:4=1152x896"
    " 9:16=768x1344 16:9=1344x768 21:9=1536x672"
)
_THIRD_1K = _table(
    "1:1=1024x1024 2:3=848x1264 3:2=1264x848 3:4=896x1200 4:3=1200x896 4:5=928x1152 5:4=1152x928"
    " 9:16=768x1376 16:9=1376x768 21:9=1584x672 1:4=512x2048 4:1=2048x512 1:8=384x3072 8:1=3072x384"
)


def _times(factor: float, ratios: Iterable[str]) -> Mapping[str, Pixels]:
    """The third family's pixels: 512, 2K and 4K are exactly half, twice and four times 1K."""
    return {ratio: (int(_THIRD_1K[ratio][0] * factor), int(_THIRD_1K[ratio][1] * factor)) for ratio in ratios}


_COMMON_RATIOS = tuple(ratio for ratio in RATIOS if ratio not in EXTREME_RATIOS)
_FACTORS = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}


@dataclass(frozen=True)
class Model:
    """One model: `pixels` and `tokens` are by size, `sizes` are those that a request may name (none for 2.5 Flash).

    Nine of ten pictures of 1K take a time within `seconds`.
    """

    name: str
    label: str
    mime: str
    pixels: Mapping[str, Mapping[str, Pixels]]
    tokens: Mapping[str, int]
    sizes: tuple[str, ...]
    thinks: bool
    input_limit: int
    output_limit: int
    reference_tokens: int
    seconds: tuple[float, float]
    default_pixels: Pixels = (1024, 1024)

    @property
    def ratios(self) -> tuple[str, ...]:
        """The ratios that a request may name, in the order of Google's messages."""
        return tuple(ratio for ratio in RATIOS if ratio in self.pixels[DEFAULT_SIZE])

    def dimensions(self, ratio: str | None, size: str | None, last_reference: Pixels | None) -> Pixels:
        """Width and height in pixels; without a ratio, those nearest to the last reference image's shape."""
        table = self.pixels[size or DEFAULT_SIZE]
        if ratio is None and last_reference is not None:
            shape = math.log(last_reference[0] / last_reference[1])
            ratio = min(table, key=lambda each: abs(math.log(table[each][0] / table[each][1]) - shape))
        if ratio is not None:
            return table[ratio]
        factor = _FACTORS[size or DEFAULT_SIZE]
        return int(self.default_pixels[0] * factor), int(self.default_pixels[1] * factor)


def _third(
    name: str,
    label: str,
    tokens: Mapping[str, int],
    seconds: tuple[float, float],
    *,
    ratios: tuple[str, ...] = RATIOS,
    limits: tuple[int, int] = (65_536, 65_536),
) -> Model:
    """A model of the third family, with the sizes that `tokens` has."""
    return Model(
        name,
        label,
        "image/jpeg",
        pixels={size: _times(_FACTORS[size], ratios) for size in tokens},
        tokens=tokens,
        sizes=tuple(tokens),
        thinks=True,
        input_limit=limits[0],
        output_limit=limits[1],
        reference_tokens=258,
        seconds=seconds,
    )


def _pro(name: str, label: str) -> Model:
    """3 Pro: ten ratios; recorded at 1408x768 without a ratio."""
    tokens = {"1K": 1120, "2K": 1120, "4K": 2000}
    family = _third(name, label, tokens, (16, 32), ratios=_COMMON_RATIOS, limits=(131_072, 32_768))
    return replace(family, reference_tokens=560, default_pixels=(1408, 768))


MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model(
            "gemini-2.5-flash-image",
            "Nano Banana",
            "image/png",
            {DEFAULT_SIZE: _FLASH_2_5},
            {DEFAULT_SIZE: 1290},
            sizes=(),
            thinks=False,
            input_limit=32_768,
            output_limit=32_768,
            reference_tokens=258,
            seconds=(4, 9),
        ),
        _pro("gemini-3-pro-image-preview", "Nano Banana Pro (preview)"),
        _pro("gemini-3-pro-image", "Nano Banana Pro"),
        _third(
            "gemini-3.1-flash-image",
            "Nano Banana 2",
            {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520},
            (12, 23),
        ),
        replace(_third("gemini-3.1-flash-lite-image", "Nano Banana 2 Lite", {"1K": 1120}, (6, 12)), mime="image/png"),
        _third(
            "gemini-nano-banana-2.1",
            "Nano Banana 2.1",
            {"1K": 1120, "2K": 1680, "4K": 3780},
            (15, 40),
        ),
    )
}
