from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from imagefactory.domain.generation import GenerationParameters
from imagefactory.domain.image import Provenance
from imagefactory.domain.pricing import TokenPrices, TokenUsage

PARAMETERS = GenerationParameters("a-model", "16:9", "1K", None, None, price_microusd=134_000, expected_seconds=40)
PRICES = TokenPrices(image=120, text=12, input=2)


def test_an_image_costs_its_list_price_where_tokens_have_none() -> None:
    assert PARAMETERS.cost(TokenUsage(1120, 275, 22)) == 134_000


def test_an_image_costs_what_its_tokens_cost_where_they_have_prices() -> None:
    parameters = replace(PARAMETERS, token_prices=PRICES)

    assert parameters.cost(TokenUsage(1120, 275, 22)) == 1120 * 120 + 275 * 12 + 22 * 2


def test_interim_images_are_paid_for_too() -> None:
    parameters = replace(PARAMETERS, token_prices=PRICES)

    assert parameters.cost(TokenUsage(image=3 * 1120)) == 3 * 134_400


def test_an_answer_that_tells_no_tokens_costs_the_list_price() -> None:
    assert replace(PARAMETERS, token_prices=PRICES).cost(TokenUsage()) == 134_000


@pytest.mark.parametrize(
    ("ratio", "resolution", "width", "height"),
    [
        ("16:9", "1K", 1344, 768),
        ("16:9", "1K", 1376, 768),
        ("21:9", "1K", 1584, 672),
        ("3:4", "1K", 864, 1184),
        ("1:8", "1K", 384, 3072),
        ("1:4", "2K", 1024, 4096),
        ("1:1", "4K", 4096, 4096),
        ("1:1", "a size of tomorrow", 9000, 9000),
    ],
)
def test_the_sizes_that_models_make_are_as_asked_for(ratio: str, resolution: str, width: int, height: int) -> None:
    assert replace(PARAMETERS, aspect_ratio=ratio, resolution=resolution).mismatches(width, height, "a-model") == ()


def test_another_ratio_size_or_model_is_told() -> None:
    found = PARAMETERS.mismatches(512, 512, "another-model")

    assert found == (
        "asked for 16:9, the image has 512 x 512 pixels",
        "asked for 1K, the image has 512 x 512 pixels",
        "asked a-model, another-model answered",
    )


def test_a_model_that_does_not_say_who_it_is_is_believed() -> None:
    assert PARAMETERS.mismatches(1344, 768, None) == ()


def test_a_provenance_survives_as_plain_values() -> None:
    made = Provenance(39_000, TokenUsage(1290, 3, 15), "a-model-001", "an-id", ("odd",))

    assert Provenance.of(asdict(made)) == made
