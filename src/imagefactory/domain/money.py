"""Amounts of money: whole millionths of a US dollar, so that sums are exact."""

from __future__ import annotations

from decimal import Decimal


def microusd(usd: float | str) -> int:
    """US dollars as millionths: 0.039 → 39000."""
    return int((Decimal(str(usd)) * 1_000_000).to_integral_value())


def usd(amount: int) -> float:
    """Millionths as US dollars, for JSON: 39000 → 0.039."""
    return amount / 1_000_000
