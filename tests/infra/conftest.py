"""One first run of setup and deploy that all tests look at, and further runs on copies of the world it left."""

from __future__ import annotations

import fcntl
import pickle
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.infra.cloud.quick_gcloud import quick_gcloud
from tests.infra.cloud.world import World
from tests.infra.runs import Command, Run, carry_out
from tests.infra.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class SharedRuns:
    """Runs that several processes of one test session look at; the first that asks for one makes it."""

    folder: Path

    def get(self, name: str, make: Callable[[], Run]) -> Run:
        path = self.folder / f"{name}.run"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                path.write_bytes(pickle.dumps(make()))
        run: Run = pickle.loads(path.read_bytes())  # noqa: S301 - written by a process of this session
        return run


@dataclass(frozen=True)
class Starter:
    """Starts commands on copies of the deployed world, two at a time: gcloud is busy with itself mostly."""

    pool: ThreadPoolExecutor
    deployed: World
    folders: pytest.TempPathFactory
    programs: Path

    def start(self, *commands: Command, change: Callable[[World], object] = lambda _: None) -> Future[Run]:
        return self.pool.submit(self.run, *commands, change=change)

    def run(self, *commands: Command, change: Callable[[World], object]) -> Run:
        world = self.deployed.copied()
        change(world)
        return carry_out(world, self.folders.mktemp("later"), self.programs, *commands)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a gcloud that starts quickly."""
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed: https://cloud.google.com/sdk/docs/install")
    with quick_gcloud(tmp_path_factory.mktemp("gcloud")) as folder:
        yield folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> SharedRuns:
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "infra-runs"
    folder.mkdir(exist_ok=True)
    return SharedRuns(folder)


@pytest.fixture(scope="session")
def first(programs: Path, shared: SharedRuns, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An empty project, set up and deployed to."""
    folder = tmp_path_factory.mktemp("first")
    commands = (Command(("setup",)), Command(("deploy",)))
    return shared.get("first", lambda: carry_out(World(), folder, programs, *commands))


@pytest.fixture(scope="session")
def started(
    first: Run, programs: Path, shared: SharedRuns, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Starter, dict[str, Future[Run]]]]:
    """The long runs, all started at once, so that no core waits; each test waits for its own."""
    with ThreadPoolExecutor(2) as pool:
        starter = Starter(pool, first.world, tmp_path_factory, programs)
        started = {
            name: pool.submit(shared.get, name, partial(starter.run, *commands, change=change))
            for name, (commands, change) in SCENARIOS.items()
        }
        yield starter, started


@pytest.fixture(scope="session")
def runs(started: tuple[Starter, dict[str, Future[Run]]]) -> dict[str, Future[Run]]:
    return started[1]


@pytest.fixture(scope="session")
def later(started: tuple[Starter, dict[str, Future[Run]]]) -> Callable[..., Future[Run]]:
    return started[0].start
