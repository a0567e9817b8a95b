"""A running Secret Manager emulator and Google's own client for it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import grpc
import pytest
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


@pytest.fixture(scope="session")
def channel(secret_manager_host: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(secret_manager_host) as opened:
        yield opened


@pytest.fixture(scope="session")
def client(channel: grpc.Channel) -> secretmanager_v1.SecretManagerServiceClient:
    return secretmanager_v1.SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))


@pytest.fixture
def project() -> str:
    """A project that no other test has secrets in."""
    return f"projects/test-{next(_numbers)}"


@pytest.fixture
def secret(client: secretmanager_v1.SecretManagerServiceClient, project: str) -> str:
    """The name of a fresh secret without versions."""
    created = client.create_secret(
        parent=project, secret_id="key", secret=secretmanager_v1.Secret(replication={"automatic": {}})
    )
    return created.name
