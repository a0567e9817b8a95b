"""Every case runs on both stores."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from imagefactory.adapters.firestore import FirestoreExecutions, FirestoreReservations
from imagefactory.testing import InMemoryExecutions, InMemoryReservations, ManualClock, Store
from tests.contract.executions.stores import Stores

if TYPE_CHECKING:
    from google.cloud.firestore import Client


@pytest.fixture(params=["memory", "firestore"])
def stores(request: pytest.FixtureRequest) -> Stores:
    return in_memory() if request.param == "memory" else request.getfixturevalue("firestore_stores")


@pytest.fixture
def firestore_stores(database: Client) -> Stores:
    return Stores(FirestoreExecutions(database), FirestoreReservations(database), tick=lambda: time.sleep(0.01))


def in_memory() -> Stores:
    clock = ManualClock()
    store = Store(clock)
    return Stores(InMemoryExecutions(store), InMemoryReservations(store), tick=lambda: clock.advance(1))
