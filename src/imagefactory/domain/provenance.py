"""Where an image comes from: what the provider said of it, what it cost, and what is odd about it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagefactory.domain.execution import Recipe

#: Pixels on the side of a square image, by resolution; other ratios have about as many in all.
SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
#: Providers round to multiples of sixteen or thirty-two, so neither ratio nor size is ever quite as asked.
RATIO_TOLERANCE = 0.06
SIZE_TOLERANCE = 0.2


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an answer used: tokens of images made, of text and thoughts made, and of the request."""

    image: int = 0
    text: int = 0
    input: int = 0


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """US dollars for a million tokens of each kind: the same number is millionths of a dollar for one."""

    image: float
    text: float
    input: float

    def cost(self, tokens: Tokens) -> int:
        """What these tokens cost, in millionths of a US dollar."""
        return round(tokens.image * self.image + tokens.text * self.text + tokens.input * self.input)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is kept of an image besides the image; costs in millionths of a US dollar."""

    cost_microusd: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    model_version: str | None = None
    response_id: str | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Provenance:
        """The record whose fields, as plain values, these are."""
        tokens, warnings = Tokens(**values["tokens"]), tuple(values["warnings"])
        return cls(**{**values, "tokens": tokens, "warnings": warnings})


def cost(recipe: Recipe, tokens: Tokens) -> int:
    """What an image cost: by its tokens where the recipe has their prices and they were told, else per image."""
    if recipe.token_prices is None or not tokens.image:
        return recipe.price_microusd
    return recipe.token_prices.cost(tokens)


def oddities(recipe: Recipe, width: int, height: int, model_version: str | None) -> tuple[str, ...]:
    """In what the image is not as it was asked for; it is kept all the same, since it was paid for."""
    found = []
    across, down = (int(part) for part in recipe.aspect_ratio.split(":"))
    if abs(math.log(width / height * down / across)) > RATIO_TOLERANCE:
        found.append(f"asked for {recipe.aspect_ratio}, the image has {width} x {height} pixels")
    side = SIDES.get(recipe.resolution)
    if side and abs(math.log(math.sqrt(width * height) / side)) > SIZE_TOLERANCE:
        found.append(f"asked for {recipe.resolution}, the image has {width} x {height} pixels")
    if model_version and model_version != recipe.model:
        found.append(f"asked {recipe.model}, {model_version} answered")
    return tuple(found)
