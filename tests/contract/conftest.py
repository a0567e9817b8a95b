"""Each emulator is started once, when the first test needs it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from local.stack.ports import Ports
from tests.contract.emulators import a_database, running
from tests.servers import cloud_tasks_emulator, firestore_emulator, storage_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud.firestore import Client


@pytest.fixture(scope="session")
def firestore_host() -> Iterator[str]:
    """Google's Firestore emulator, as host:port."""
    with firestore_emulator() as host:
        yield host


@pytest.fixture
def database(firestore_host: str) -> Iterator[Client]:
    """A database that no other test has written to."""
    client = a_database(firestore_host)
    yield client
    client.close()


@pytest.fixture(scope="session")
def storage_url() -> Iterator[str]:
    """fake-gcs-server, as a URL."""
    with storage_server() as url:
        yield url


@pytest.fixture(scope="session")
def cloud_tasks_host() -> Iterator[str]:
    """Our Cloud Tasks emulator, as host:port of its gRPC side."""
    with cloud_tasks_emulator() as host:
        yield host


@pytest.fixture(scope="session")
def secret_manager_host() -> Iterator[str]:
    """Our Secret Manager emulator, as host:port."""
    port = Ports.find_free().secret_manager
    with running([sys.executable, "-m", "emulators.secret_manager", "--port", str(port)], port):
        yield f"127.0.0.1:{port}"
