"""A database for a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.servers import connect_firestore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud.firestore import Client


@pytest.fixture
def database(firestore_host: str) -> Iterator[Client]:
    """A database that no other test has written to."""
    client = connect_firestore(firestore_host)
    yield client
    client.close()
