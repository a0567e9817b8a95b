"""One first run of setup and deploy that all tests look at, and further runs on copies of the world it left."""

from __future__ import annotations

import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.infra.cloud.world import World
from tests.infra.runs import Command, Run, carried_out
from tests.infra.scenes import SCENES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def gcloud() -> None:
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed: https://cloud.google.com/sdk/docs/install")


@pytest.fixture(scope="session")
def first(gcloud: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An empty project, set up and deployed to."""
    del gcloud
    return carried_out(World(), tmp_path_factory.mktemp("first"), Command("setup.sh"), Command("deploy.sh"))


@dataclass(frozen=True)
class Starter:
    """Starts scripts on copies of the deployed world, two at a time: gcloud is busy with itself mostly."""

    pool: ThreadPoolExecutor
    deployed: World
    folders: pytest.TempPathFactory

    def start(self, *commands: Command, change: Callable[[World], object] = lambda _: None) -> Future[Run]:
        world = self.deployed.copied()
        change(world)
        return self.pool.submit(carried_out, world, self.folders.mktemp("later"), *commands)


@pytest.fixture(scope="session")
def started(first: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Starter, dict[str, Future[Run]]]]:
    """The long runs, all started at once, so that no core waits; each test waits for its own."""
    with ThreadPoolExecutor(2) as pool:
        starter = Starter(pool, first.world, tmp_path_factory)
        yield starter, {name: starter.start(*commands, change=change) for name, (commands, change) in SCENES.items()}


@pytest.fixture(scope="session")
def runs(started: tuple[Starter, dict[str, Future[Run]]]) -> dict[str, Future[Run]]:
    return started[1]


@pytest.fixture(scope="session")
def later(started: tuple[Starter, dict[str, Future[Run]]]) -> Callable[..., Future[Run]]:
    return started[0].start
