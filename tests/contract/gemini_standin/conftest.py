"""A running stand-in, empty for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.gemini_standin.client import Gemini, run_gemini

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def running() -> Iterator[Gemini]:
    with run_gemini("--latency", "0-0.02", "--signature-kb", "20") as running:
        yield running


@pytest.fixture
def gemini(running: Gemini) -> Gemini:
    """The stand-in without rules and with an empty journal."""
    running.reset()
    return running
