"""How long pictures take: judged by what is drawn, not by waiting for it."""

from __future__ import annotations

import random
import statistics

import pytest

from emulators.gemini.__main__ import build_parser, build_stand_in, parse_latency
from emulators.gemini.images.latency import DEFAULT_PACE, LatencyByModel
from emulators.gemini.images.models import MODELS

FLASH, PRO = "gemini-2.5-flash-image", "gemini-3-pro-image"
DRAWS = 4000


def rng(seed: int = 1) -> random.Random:
    """Chance that repeats itself."""
    return random.Random(seed)  # noqa: S311 - not for cryptography


def drawn(by_model: LatencyByModel, name: str, size: str | None = None) -> list[float]:
    """Many latencies of a model."""
    return [by_model.draw(MODELS[name], size) for _ in range(DRAWS)]


@pytest.mark.parametrize("name", MODELS)
def test_nine_of_ten_pictures_take_what_is_known_of_the_model(name: str) -> None:
    shortest, longest = MODELS[name].seconds
    seconds = drawn(LatencyByModel(1.0, rng()), name)

    assert sum(one < shortest for one in seconds) / DRAWS == pytest.approx(0.05, abs=0.015)
    assert sum(one > longest for one in seconds) / DRAWS == pytest.approx(0.05, abs=0.015)


def test_the_distribution_leans_to_the_left_and_has_a_long_tail() -> None:
    seconds = drawn(LatencyByModel(1.0, rng()), PRO)

    assert statistics.median(seconds) == pytest.approx((16 * 32) ** 0.5, rel=0.03)
    assert statistics.median(seconds) < statistics.mean(seconds)
    assert min(seconds) > 0
    assert max(seconds) > 40


def test_the_fastest_model_takes_one_to_three_seconds_here_and_the_pro_model_several_times_that() -> None:
    by_model = LatencyByModel(rng=rng())

    flash, pro = drawn(by_model, FLASH), drawn(by_model, PRO)

    assert sum(1 <= one <= 3 for one in flash) / DRAWS > 0.95
    assert 3 < statistics.median(pro) / statistics.median(flash) < 5


@pytest.mark.parametrize(("size", "factor"), [(None, 1), ("1K", 1), ("2K", 1.5), ("4K", 3)])
def test_larger_pictures_take_longer(size: str | None, factor: float) -> None:
    seconds = drawn(LatencyByModel(rng=rng()), PRO, size)

    assert statistics.median(seconds) == pytest.approx((16 * 32) ** 0.5 * DEFAULT_PACE * factor, rel=0.03)


def test_a_seed_repeats_the_seconds() -> None:
    first, again, other = (drawn(LatencyByModel(rng=rng(seed)), FLASH) for seed in (7, 7, 8))

    assert first == again != other


@pytest.mark.parametrize("option", [(), ("--latency", "1-3")])
def test_the_program_takes_a_seed(option: tuple[str, ...]) -> None:
    first, again = (
        build_stand_in(build_parser().parse_args(["--port", "1", "--seed", "7", *option])).latency for _ in range(2)
    )

    assert [first.draw(MODELS[FLASH], None) for _ in range(9)] == [again.draw(MODELS[FLASH], None) for _ in range(9)]


def test_the_program_takes_a_pace_and_a_size() -> None:
    standin = build_stand_in(build_parser().parse_args(["--port", "1", "--pace", "1", "--full-size"]))

    assert standin.response_builder.full_size
    assert statistics.median(standin.latency.draw(MODELS[PRO], None) for _ in range(DRAWS)) > 20


def test_a_range_is_the_same_for_every_model() -> None:
    same = parse_latency("0.05-0.2")

    seconds = [same.draw(model, "4K") for model in MODELS.values() for _ in range(500)]

    assert 0.05 <= min(seconds) < 0.06
    assert 0.18 < max(seconds) <= 0.2
    assert statistics.mode(round(one, 2) for one in seconds) < 0.125
