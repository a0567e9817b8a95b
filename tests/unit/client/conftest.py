"""A server that a test tells what to answer, and a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagefactory_client import Client
from tests.unit.client.server import Clock, Server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(server: Server, clock: Clock) -> Iterator[Client]:
    with Client(server.url, "a-token", sleep=clock.sleep, clock=clock) as client:
        yield client
