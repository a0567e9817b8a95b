"""How long pictures take: by model as Google's do, only shorter; or within one range for all."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from emulators.gemini.images.models import Model

#: Of Google's seconds: a picture of 2.5 Flash then takes one to three.
PACE = 0.3
#: A normal distribution has 90 % of its values within so many standard deviations.
_NINE_OF_TEN = 1.645
#: How much longer a larger picture takes. For 4K 30 to 150 s are reported; 2K lies between.
_BY_SIZE = {"2K": 1.5, "4K": 3.0}


class Latency(Protocol):
    """Says how long pictures take."""

    def draw(self, model: Model, size: str | None) -> float:
        """Seconds that one picture takes."""
        ...


@dataclass(frozen=True)
class Range:
    """At least and at most so many seconds for any picture, most often in the lower third."""

    shortest: float
    longest: float
    dice: random.Random = field(default_factory=random.Random, compare=False, repr=False)

    def draw(self, _model: Model, _size: str | None) -> float:
        """The latency of one call."""
        mode = self.shortest + (self.longest - self.shortest) * 0.3
        return self.dice.triangular(self.shortest, self.longest, mode)


@dataclass(frozen=True)
class ByModel:
    """Log-normal, fitted so that nine pictures of ten take what the model's row says, times `pace`."""

    pace: float = PACE
    dice: random.Random = field(default_factory=random.Random, compare=False, repr=False)

    def draw(self, model: Model, size: str | None) -> float:
        """The latency of one call."""
        shortest, longest = (math.log(seconds) for seconds in model.seconds)
        middle, deviation = (shortest + longest) / 2, (longest - shortest) / 2 / _NINE_OF_TEN
        return self.pace * _BY_SIZE.get(size or "", 1.0) * self.dice.lognormvariate(middle, deviation)
