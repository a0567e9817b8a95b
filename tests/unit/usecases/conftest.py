"""A factory in memory for every test."""

from __future__ import annotations

import pytest

from tests.harness.factory import Factory


@pytest.fixture
def factory() -> Factory:
    return Factory()
