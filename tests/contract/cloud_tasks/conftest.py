"""A running Cloud Tasks emulator, reset before every test, with Google's own client and a target."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import grpc
import pytest
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from tests.contract.cloud_tasks.support import (
    LOCATION,
    Emulator,
    Target,
    Tasks,
    start_emulator,
    stop_emulator,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    emulator = start_emulator()
    yield emulator
    stop_emulator(emulator)


@pytest.fixture(scope="session")
def channel(running_emulator: Emulator) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(running_emulator.grpc_address) as opened:
        yield opened


@pytest.fixture(scope="session")
def client(channel: grpc.Channel) -> tasks_v2.CloudTasksClient:
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


@pytest.fixture
def emulator(running_emulator: Emulator) -> Iterator[Emulator]:
    running_emulator.reset()
    yield running_emulator
    running_emulator.reset()


@pytest.fixture
def queue(emulator: Emulator, client: tasks_v2.CloudTasksClient) -> str:
    """The name of a fresh queue with default settings."""
    name = f"{LOCATION}/queues/queue-{next(_numbers)}"
    assert emulator.rest_url
    return client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=name)).name


@pytest.fixture
def target() -> Iterator[Target]:
    started = Target()
    yield started
    started.close()


@pytest.fixture
def tasks(client: tasks_v2.CloudTasksClient, queue: str, target: Target) -> Tasks:
    return Tasks(client, queue, target)


@pytest.fixture
def frozen(emulator: Emulator) -> Emulator:
    """The emulator with its clock stopped: time passes only when the test says so."""
    emulator.freeze()
    return emulator
