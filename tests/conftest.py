"""What tests of several folders share: emulators, each started when the first test needs it, and one local stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness import servers
from tests.harness.groups import ScheduleByGroup, rank_of
from tests.harness.stack import run_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer  # type: ignore[import-untyped] # it has no py.typed

    from tests.harness.stack import Stack


def pytest_configure(config: pytest.Config) -> None:
    """Let the longest groups begin first, not those of the most tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ScheduleByGroup:
    """Let what shares emulators or a stack run in one process."""
    return ScheduleByGroup(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first; within a group, and behind them all, as collected."""
    items.sort(key=lambda item: rank_of(item.nodeid))


@pytest.fixture(scope="session")
def firestore_host() -> Iterator[str]:
    """Google's Firestore emulator, as host:port."""
    with servers.run_firestore() as host:
        yield host


@pytest.fixture(scope="session")
def storage_url() -> Iterator[str]:
    """fake-gcs-server, as a URL."""
    with servers.run_storage() as url:
        yield url


@pytest.fixture(scope="session")
def cloud_tasks_host() -> Iterator[str]:
    """Our Cloud Tasks emulator, as host:port of its gRPC side."""
    with servers.run_cloud_tasks() as host:
        yield host


@pytest.fixture(scope="session")
def secret_manager_host() -> Iterator[str]:
    """Our Secret Manager emulator, as host:port."""
    with servers.run_secret_manager() as host:
        yield host


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with quick watchdogs, and a first timeout of ten seconds for the model's calls."""
    folder = tmp_path_factory.mktemp("stack")
    settings = {"MODEL_TIMEOUT_SECONDS": "10", "WATCHDOG_INTERVAL_SECONDS": "1", "LOG_LEVEL": "debug"}
    with run_stack(folder, "--data-dir", str(folder), **settings) as running:
        yield running
