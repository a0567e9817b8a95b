"""Each emulator is started once, when the first test needs it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from local import firestore, storage
from local.ports import Ports
from tests.contract.emulators import CACHE, a_database, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud.firestore import Client


@pytest.fixture(scope="session")
def firestore_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Google's Firestore emulator, as host:port."""
    port = Ports.free().firestore
    java = firestore.find_java(os.environ, firestore.bundled_java())
    jar = firestore.find_jar(os.environ, CACHE, print)
    logging = firestore.write_logging(tmp_path_factory.mktemp("firestore"))
    with running(firestore.command(java, jar, port, logging), port, "/"):
        yield f"127.0.0.1:{port}"


@pytest.fixture
def database(firestore_host: str) -> Iterator[Client]:
    """A database that no other test has written to."""
    client = a_database(firestore_host)
    yield client
    client.close()


@pytest.fixture(scope="session")
def storage_url() -> Iterator[str]:
    """fake-gcs-server, as a URL."""
    port = Ports.free().storage
    with running(storage.command(storage.binary(), port, None), port, "/_internal/healthcheck"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def cloud_tasks_host() -> Iterator[str]:
    """Our Cloud Tasks emulator, as host:port of its gRPC side."""
    ports = Ports.free()
    command = [sys.executable, "-m", "local.cloud_tasks", "--grpc-port", str(ports.cloud_tasks)]
    command += ["--rest-port", str(ports.cloud_tasks_rest)]
    with running(command, ports.cloud_tasks_rest, "/_local/health"):
        yield f"127.0.0.1:{ports.cloud_tasks}"


@pytest.fixture(scope="session")
def secret_manager_host() -> Iterator[str]:
    """Our Secret Manager emulator, as host:port."""
    port = Ports.free().secret_manager
    with running([sys.executable, "-m", "local.secret_manager", "--port", str(port)], port):
        yield f"127.0.0.1:{port}"
