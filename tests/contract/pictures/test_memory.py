"""Opening and converting take no more memory than is told in docs/operations.md, however many threads want to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.conversions import CONVERSIONS, Conversion, make_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the images are that were drawn already."""
    return tmp_path_factory.mktemp("images")


@pytest.mark.parametrize(
    "work", [pytest.param(one, id=f"{one.source} to {one.target or 'nothing'}, {one.images}") for one in CONVERSIONS]
)
def test_a_4k_image_is_opened_and_converted_within_bounds(work: Conversion, folder: Path) -> None:
    measurement = work.run(make_image(work.source, folder))

    assert float(measurement.output) > 1
    assert measurement.growth_mb < work.growth_mb
