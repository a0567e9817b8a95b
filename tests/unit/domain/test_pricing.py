from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.domain.pricing import microusd, usd


@pytest.mark.parametrize(
    ("dollars", "amount"), [(0.039, 39_000), ("0.134", 134_000), (0.0336, 33_600), (0, 0), (1, 1_000_000)]
)
def test_prices_become_whole_millionths(dollars: float | str, amount: int) -> None:
    assert microusd(dollars) == amount


@given(st.integers(0, 10**9))
def test_an_amount_survives_the_way_through_json(amount: int) -> None:
    assert microusd(usd(amount)) == amount


def test_ten_thousand_images_cost_exactly_ten_thousand_times_one() -> None:
    assert usd(microusd(0.039) * 10_000) == 390.0
