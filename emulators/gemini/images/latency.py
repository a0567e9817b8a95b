"""The latency of pictures: by model, as a share of Google's; or in one range for all models."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from emulators.gemini.images.models import Model

#: The share of Google's seconds: a picture of 2.5 Flash then takes one to three.
DEFAULT_PACE = 0.3
#: A normal distribution has 90 % of its values within so many standard deviations.
_NINE_OF_TEN = 1.645
#: How much longer a larger picture takes. For 4K 30 to 150 s are reported; 2K lies between.
_BY_SIZE = {"2K": 1.5, "4K": 3.0}


class Latency(Protocol):
    """A distribution of latencies."""

    def draw(self, model: Model, size: str | None) -> float:
        """Draw the seconds of one picture."""
        ...


@dataclass(frozen=True)
class LatencyRange:
    """One range of seconds for every model, with its mode in the lower third."""

    min_seconds: float
    max_seconds: float
    rng: random.Random = field(default_factory=random.Random, compare=False, repr=False)

    def draw(self, _model: Model, _size: str | None) -> float:
        """Draw the seconds of one picture."""
        mode = self.min_seconds + (self.max_seconds - self.min_seconds) * 0.3
        return self.rng.triangular(self.min_seconds, self.max_seconds, mode)


@dataclass(frozen=True)
class LatencyByModel:
    """Log-normal by model: nine pictures of ten take the seconds of the model's row, times `pace`."""

    pace: float = DEFAULT_PACE
    rng: random.Random = field(default_factory=random.Random, compare=False, repr=False)

    def draw(self, model: Model, size: str | None) -> float:
        """Draw the seconds of one picture."""
        low, high = (math.log(seconds) for seconds in model.seconds)
        middle, deviation = (low + high) / 2, (high - low) / 2 / _NINE_OF_TEN
        return self.pace * _BY_SIZE.get(size or "", 1.0) * self.rng.lognormvariate(middle, deviation)
