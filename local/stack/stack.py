"""The whole stack as one `async with` block: every service answers inside it, nothing is left after it."""

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

from imagefactory.settings import rename_settings
from local.stack import firestore, storage
from local.stack.credentials import write_service_account
from local.stack.environment import KEY_FILE
from local.stack.services import Setup
from local.stack.settings import DATABASE, FUNCTIONS, ROOT, Endpoints, Options, QueueNumbers, workflow_id
from local.supervision.errors import CrashError, StackError, explain_write_errors
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
    """A running stack: its endpoints, the folder of its logs, and its supervisor."""

    endpoints: Endpoints
    logs: Path
    supervisor: Supervisor

    async def wait_for_crash(self) -> CrashError:
        """Wait until a service ends by itself; return the error that names it."""
        return await self.supervisor.wait_for_crash()


@dataclass(frozen=True)
class Folders:
    """The folders of a run: `logs` for people, `run_folder` for keys and sockets."""

    logs: Path
    run_folder: Path


@asynccontextmanager
async def run_stack(
    options: Options,
    user: Mapping[str, str],
    say: Callable[[str], None],
    *,
    terminal: Terminal | None = None,
    stage: Callable[[], Path] | None = None,
) -> AsyncIterator[Stack]:
    """Start every service, yield once all answer, and stop them at the end.

    `user` is the user's environment. `say` gets a line for each step. `terminal` shows the logs. `stage` lays out the
    functions and returns their folder; the default runs `make stage`. Raises StackError; CrashError if a service ends.
    """
    options.ports.require_free()
    with make_folders(options.data_dir) as folders:
        setup = await asyncio.to_thread(prepare, options, user, folders.run_folder, say, stage or stage_with_make)
        cleared = [folders.run_folder, *([options.state_file] if options.state_file else [])]
        async with Supervisor(folders.logs, terminal=terminal, remove=cleared) as supervisor:
            services = setup.list_services()
            say(f"Starting {len(services)} programs; their logs are in {folders.logs}")
            for service in services:
                await supervisor.start(service)
            await supervisor.wait_until_ready()
            with publish_state_file(setup.endpoints, options.state_file):
                yield Stack(setup.endpoints, folders.logs, supervisor)


def prepare(
    options: Options, user: Mapping[str, str], run_folder: Path, say: Callable[[str], None], stage: Callable[[], Path]
) -> Setup:
    """Find every program and write the files that the services read; raises StackError for what is missing."""
    infra = ROOT / "infra"
    numbers = QueueNumbers.read(infra / "queue.json")
    if options.dispatch_rate is not None:
        numbers = replace(numbers, max_dispatches_per_second=options.dispatch_rate)
    user = rename_settings(user, lambda old, new: say(f"{old} is now called {new}; the old name is read once more."))
    database = user.get("DATABASE") or DATABASE
    endpoints = Endpoints.of(options.ports, options.gemini_url, workflow_id(infra / "workflow.json"), database)
    with explain_write_errors(*TEMPORARY):
        write_service_account(run_folder / KEY_FILE, endpoints.project, f"{endpoints.identity}/token")
        (run_folder / "state.json").write_text(json.dumps(asdict(endpoints)))
        for name in FUNCTIONS:
            (run_folder / name).mkdir()
    jar = firestore.find_jar(user, CACHE, say)
    return Setup(
        options=options,
        endpoints=endpoints,
        numbers=numbers,
        user=user,
        java=firestore.find_java(user, firestore.find_bundled_java(), jar),
        jar=jar,
        run_folder=run_folder,
        build_folder=stage(),
        storage_binary=storage.find_binary(),
    )


def stage_with_make() -> Path:
    """Run `make stage`, one stack at a time; return the folder. Raises StackError with make's first line."""
    if shutil.which("make") is None:
        raise StackError("The program make is needed to lay out the functions, and was not found: install it.")
    with explain_write_errors(*CHECKOUT):
        CACHE.mkdir(exist_ok=True)
        lock = (CACHE / "stage.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make = subprocess.run(["make", "--silent", "stage"], cwd=ROOT, capture_output=True, text=True, check=False)
    if make.returncode != 0:
        # The second line is make's own, about the first.
        raise StackError(f"`make stage` failed: {(make.stderr or make.stdout).strip().partition(chr(10))[0]}")
    return ROOT / "build"


@contextmanager
def make_folders(data_dir: Path | None) -> Iterator[Folders]:
    """Make the folders of a run; delete the temporary ones at the end, but keep the logs of a crash."""
    # Not below data_dir: paths of sockets must be short.
    with explain_write_errors(*TEMPORARY):
        run_folder = Path(tempfile.mkdtemp(prefix="image-factory-"))
    logs = run_folder / "logs"
    try:
        if data_dir is not None:
            logs = data_dir.resolve() / "logs"
        make_folder(logs)
        yield Folders(logs, run_folder)
    except CrashError as error:
        error.logs = keep_logs(logs) if data_dir is None else logs
        raise
    finally:
        remove(run_folder)


def keep_logs(logs: Path) -> Path | None:
    """Move the logs to a folder that stays, and return it; None if that fails: the crash is the worse news."""
    try:
        return logs.rename(Path(tempfile.mkdtemp(prefix="image-factory-crash-")) / "logs")
    except OSError:
        return None


def make_folder(path: Path) -> None:
    """Make a folder; raises StackError if no file can be written in it."""
    with explain_write_errors(f"The folder {path}", "name another, or give yourself the right to"):
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return


@contextmanager
def publish_state_file(endpoints: Endpoints, path: Path | None) -> Iterator[None]:
    """Keep the state file at `path` for as long as the block runs; it appears whole or not at all."""
    if path is None:
        yield
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with explain_write_errors(f"The state file {path}", "name another place, or give yourself the right to"):
        try:
            partial.write_text(json.dumps(asdict(endpoints), indent=2) + "\n")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
