"""How the images of an execution are made: the parameters of every call of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagefactory.domain.pricing import TokenPrices, TokenUsage

#: Pixels on the side of a square image, by resolution; other ratios have about as many in all.
SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
#: Providers round to multiples of sixteen or thirty-two, so neither ratio nor size is ever quite as asked.
RATIO_TOLERANCE = 0.06
SIZE_TOLERANCE = 0.2


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference image in the bucket."""

    name: str
    content_type: str


@dataclass(frozen=True, slots=True)
class GenerationParameters:
    """How each image of an execution is made, fixed when it was accepted.

    `image_size` is what the provider is sent: None for a model that has no sizes. `timeout_base` is in seconds, None
    for the usual one. `price_microusd` is per image; `token_prices` are what is billed, where they are known.
    """

    model: str
    aspect_ratio: str
    resolution: str
    image_size: str | None
    output_format: str | None
    price_microusd: int
    expected_seconds: float
    timeout_base: float | None = None
    token_prices: TokenPrices | None = None
    references: tuple[Reference, ...] = ()

    def cost(self, tokens: TokenUsage) -> int:
        """What an image cost, in millionths of a US dollar: by its tokens where they and their prices are known."""
        if self.token_prices is None or not tokens.image:
            return self.price_microusd
        return self.token_prices.cost(tokens)

    def mismatches(self, width: int, height: int, model_version: str | None) -> tuple[str, ...]:
        """In what an image of this size, by this model, differs from what was asked for; a sentence each.

        The image is kept all the same, since it was paid for.
        """
        sentences = []
        across, down = (int(part) for part in self.aspect_ratio.split(":"))
        if abs(math.log(width / height * down / across)) > RATIO_TOLERANCE:
            sentences.append(f"asked for {self.aspect_ratio}, the image has {width} x {height} pixels")
        side = SIDES.get(self.resolution)
        if side and abs(math.log(math.sqrt(width * height) / side)) > SIZE_TOLERANCE:
            sentences.append(f"asked for {self.resolution}, the image has {width} x {height} pixels")
        if model_version and model_version != self.model:
            sentences.append(f"asked {self.model}, {model_version} answered")
        return tuple(sentences)
