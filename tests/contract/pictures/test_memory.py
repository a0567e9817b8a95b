"""Opening and converting take no more memory than is told in docs/operations.md, however many threads want to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.conversions import WORK, Work, an_image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the images are that were drawn already."""
    return tmp_path_factory.mktemp("images")


@pytest.mark.parametrize(
    "work", [pytest.param(one, id=f"{one.given} to {one.wanted or 'nothing'}, {one.images}") for one in WORK]
)
def test_a_4k_image_is_opened_and_converted_within_bounds(work: Work, folder: Path) -> None:
    found = work.done(an_image(work.given, folder))

    assert float(found.said) > 1
    assert found.grown < work.grown
