"""A running token issuer, as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.servers import run_issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

AUDIENCE = "demo-project"


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    with run_issuer(AUDIENCE) as url:
        yield url
