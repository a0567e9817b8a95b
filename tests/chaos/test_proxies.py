"""Short runs through the failing proxies; `python -m tests.chaos.runs` makes long ones."""

from __future__ import annotations

import pytest

from tests.chaos.runs import run_seed


@pytest.mark.parametrize("seed", [101, 102])
def test_whatever_the_stores_do_every_promise_holds(seed: int, firestore_host: str, storage_url: str) -> None:
    report = run_seed(seed, 25, firestore_host, storage_url)

    assert report.violations == [], str(report)
    assert sum(report.struck.values()) > 20
