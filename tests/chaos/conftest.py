"""The emulators, started once for all chaos tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers import firestore_emulator, storage_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def firestore_host() -> Iterator[str]:
    """Google's Firestore emulator, as host:port."""
    with firestore_emulator() as host:
        yield host


@pytest.fixture(scope="session")
def storage_url() -> Iterator[str]:
    """fake-gcs-server, as a URL."""
    with storage_server() as url:
        yield url
