"""The whole stack as one `async with` block: everything runs and answers inside it, nothing is left outside of it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from local.stack import firestore, storage
from local.stack.credentials import write_service_account
from local.stack.environment import KEY_FILE
from local.stack.services import Setup
from local.stack.settings import FUNCTIONS, ROOT, Options, QueueNumbers, State, workflow_id
from local.supervision.errors import CrashError, StackError, writing
from local.supervision.reaper import remove
from local.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from local.supervision.logs import Terminal

CACHE = ROOT / ".cache"
TEMPORARY = ("The folder for temporary files", "make room in it, or name another in TMPDIR")
CHECKOUT = (f"The folder {ROOT}", "give yourself the right to, make room, or clone into a folder of yours")


@dataclass(frozen=True)
class Stack:
    """A stack that runs: where everything is, where its logs are, and who watches it."""

    state: State
    logs: Path
    supervisor: Supervisor

    async def crash(self) -> CrashError:
        """Waits until a part ends by itself, and says which and how."""
        return await self.supervisor.crash()


@dataclass(frozen=True)
class Folders:
    """Where a run keeps its files: `logs` for people, `run` for keys and sockets."""

    logs: Path
    run: Path


@asynccontextmanager
async def running(
    options: Options,
    user: Mapping[str, str],
    say: Callable[[str], None],
    *,
    terminal: Terminal | None = None,
    stage: Callable[[], Path] | None = None,
) -> AsyncIterator[Stack]:
    """Starts everything and yields once it answers; stops everything at the end.

    `user` is the user's environment, `say` is told each step in a line, `terminal` shows the logs; `stage` lays out the
    functions and returns their folder, `make stage` by default. Raises StackError, CrashError for a part that ended.
    """
    options.ports.check()
    with folders(options.data_dir) as places:
        setup = await asyncio.to_thread(prepare, options, user, places.run, say, stage or stage_with_make)
        cleared = [places.run, *([options.state_file] if options.state_file else [])]
        async with Supervisor(places.logs, terminal=terminal, remove=cleared) as supervisor:
            parts = setup.all()
            say(f"Starting {len(parts)} programs; their logs are in {places.logs}")
            for part in parts:
                await supervisor.start(part)
            await supervisor.ready()
            with published(setup.state, options.state_file):
                yield Stack(setup.state, places.logs, supervisor)


def prepare(
    options: Options, user: Mapping[str, str], run: Path, say: Callable[[str], None], stage: Callable[[], Path]
) -> Setup:
    """Finds every program and writes the files that the parts read; raises StackError for what is missing."""
    infra = ROOT / "infra"
    numbers = QueueNumbers.read(infra / "queue.json")
    if options.dispatch_rate is not None:
        numbers = replace(numbers, max_dispatches_per_second=options.dispatch_rate)
    state = State.of(options.ports, options.gemini_url, workflow_id(infra / "workflow.json"))
    with writing(*TEMPORARY):
        write_service_account(run / KEY_FILE, state.project, f"{state.identity}/token")
        (run / "state.json").write_text(json.dumps(asdict(state)))
        for name in FUNCTIONS:
            (run / name).mkdir()
    jar = firestore.find_jar(user, CACHE, say)
    return Setup(
        options=options,
        state=state,
        numbers=numbers,
        user=user,
        java=firestore.find_java(user, firestore.bundled_java(), jar),
        jar=jar,
        run=run,
        build=stage(),
        storage_binary=storage.binary(),
    )


def stage_with_make() -> Path:
    """Lays out the functions with `make stage`, one stack at a time; raises StackError with what make said."""
    if shutil.which("make") is None:
        raise StackError("The program make is needed to lay out the functions, and was not found: install it.")
    with writing(*CHECKOUT):
        CACHE.mkdir(exist_ok=True)
        lock = (CACHE / "stage.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(["make", "--silent", "stage"], cwd=ROOT, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        # The second line is make's own, about the first.
        raise StackError(f"`make stage` failed: {(made.stderr or made.stdout).strip().partition(chr(10))[0]}")
    return ROOT / "build"


@contextmanager
def folders(data_dir: Path | None) -> Iterator[Folders]:
    """The folders of a run; what is temporary is deleted at the end, only logs that tell of a crash are kept."""
    # Not below data_dir: sockets go here, and their paths may not be long.
    with writing(*TEMPORARY):
        run = Path(tempfile.mkdtemp(prefix="image-factory-"))
    logs = run / "logs"
    try:
        if data_dir is not None:
            logs = data_dir.resolve() / "logs"
        make_folder(logs)
        yield Folders(logs, run)
    except CrashError as error:
        error.logs = keep(logs) if data_dir is None else logs
        raise
    finally:
        remove(run)


def keep(logs: Path) -> Path | None:
    """Moves the logs to a folder that stays; None where that is not possible, since the crash is worse news."""
    try:
        return logs.rename(Path(tempfile.mkdtemp(prefix="image-factory-crash-")) / "logs")
    except OSError:
        return None


def make_folder(path: Path) -> None:
    """Makes a folder the user named; raises StackError where no file can be written in it."""
    with writing(f"The folder {path}", "name another, or give yourself the right to"):
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return


@contextmanager
def published(state: State, path: Path | None) -> Iterator[None]:
    """Keeps the state file at `path` for as long as the block runs; it appears whole or not at all."""
    if path is None:
        yield
        return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(f"The state file {path}", "name another place, or give yourself the right to"):
        try:
            part.write_text(json.dumps(asdict(state), indent=2) + "\n")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
