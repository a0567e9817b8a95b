"""Prices and costs: whole millionths of a US dollar, so that sums are exact."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class TokenUsage:
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

    def cost(self, tokens: TokenUsage) -> int:
        """What these tokens cost, in millionths of a US dollar."""
        return round(tokens.image * self.image + tokens.text * self.text + tokens.input * self.input)


def microusd(usd: float | str) -> int:
    """US dollars as millionths: 0.039 → 39000."""
    return int((Decimal(str(usd)) * 1_000_000).to_integral_value())


def usd(amount: int) -> float:
    """Millionths as US dollars, for JSON: 39000 → 0.039."""
    return amount / 1_000_000
