from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from imagefactory.domain.workflow import ModelConfig, Workflow
from imagefactory.testing import a_workflow

PAST, TODAY, TOMORROW = date(2026, 10, 2), date(2026, 11, 25), date(2026, 11, 26)
SEED = Path(__file__).parents[3] / "infra" / "workflow.json"


def test_a_document_becomes_a_table_of_models() -> None:
    large = a_workflow().models["large"]

    assert large == ModelConfig(
        id="large",
        label="Large",
        resolutions=("1K", "2K", "4K"),
        aspect_ratios=("1:1", "16:9", "21:9"),
        image_size=True,
        max_reference_images=2,
        price_microusd={"1K": 134_000, "2K": 134_000, "4K": 240_000},
        expected_seconds={"1K": 60.0, "2K": 60.0, "4K": 80.0},
        timeout_seconds={"4K": 240.0},
    )


def test_the_document_is_kept_for_forms_that_show_it() -> None:
    assert a_workflow().document["max_prompts"] == 10_000


@pytest.mark.parametrize(("today", "warned"), [(date(2027, 10, 31), False), (date(2027, 11, 1), True)])
def test_a_model_warns_from_the_day_of_its_retirement(today: date, warned: bool) -> None:  # noqa: FBT001 - a table
    expected = ["small was announced to be shut down on 2027-11-01; its successor is large."] if warned else []

    assert a_workflow().models["small"].warnings(today) == expected


def test_a_retired_model_without_a_successor_says_only_that() -> None:
    row = a_workflow().document["models"]["small"] | {"successor": None}

    assert ModelConfig.from_row("old", row).warnings(date(2028, 1, 1)) == [
        "old was announced to be shut down on 2027-11-01."
    ]


def test_a_model_that_stays_warns_of_nothing() -> None:
    assert a_workflow().models["large"].warnings(date(2099, 1, 1)) == []


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        pytest.param({"a": (None, "b"), "b": (None, None)}, "a", id="not retired"),
        pytest.param({"a": (TODAY, "b"), "b": (None, None)}, "b", id="retired today"),
        pytest.param({"a": (TOMORROW, "b"), "b": (None, None)}, "a", id="retired tomorrow"),
        pytest.param({"a": (PAST, "b"), "b": (PAST, "c"), "c": (None, None)}, "c", id="its successor is retired too"),
        pytest.param({"a": (PAST, "b"), "b": (PAST, "a")}, "a", id="in a circle"),
        pytest.param({"a": (PAST, None)}, "a", id="without a successor"),
        pytest.param({"a": (PAST, "gone")}, "a", id="with a successor that is not offered"),
        pytest.param({"b": (None, None)}, None, id="not offered"),
    ],
)
def test_the_default_is_followed_to_the_first_model_that_is_not_retired(
    rows: dict[str, tuple[date | None, str | None]], chosen: str | None
) -> None:
    small = a_workflow().models["small"]
    models = {
        name: replace(small, id=name, retired_on=retired_on, successor=successor)
        for name, (retired_on, successor) in rows.items()
    }

    found = a_workflow(default_model="a", models=models).choose_default(TODAY)

    assert (found and found.id) == chosen


def test_the_seeded_workflow_can_be_read_and_prices_every_resolution() -> None:
    document = json.loads(SEED.read_text())

    workflow = Workflow.from_document(document["id"], document)

    assert workflow.default_model in workflow.models
    for model in workflow.models.values():
        assert set(model.resolutions) == set(model.price_microusd) == set(model.expected_seconds), model.id
        assert {"1:1", "16:9", "9:16", "4:3", "3:4"} <= set(model.aspect_ratios), model.id
        assert workflow.default_resolution in model.resolutions, model.id
        assert model.successor is None or model.successor in workflow.models, model.id
