"""Starts the parts of the stack as processes, watches them, and stops all of them together.

```
start ──► ready ──► crash (waits for the first part that ends by itself)
             │           │
             └─ a part ended, or did not answer in time: CrashError
             └ a part that is revived is started again instead, as Cloud Run starts another instance
leaving the `async with` block stops everything: SIGTERM to every process group, SIGKILL five seconds later
```

Each part is a session of its own, so a Ctrl-C in the terminal reaches the supervisor only, and a signal to the part's
group reaches the part's own children too. `local.supervision.reaper` does the same if the supervisor itself is killed.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from subprocess import DEVNULL, PIPE, STDOUT
from typing import TYPE_CHECKING, Self

from local.supervision import reaper
from local.supervision.errors import CrashError, StackError, writing
from local.supervision.logs import Log, Terminal
from local.supervision.readiness import answered

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

READY_SECONDS = 60.0
LONGEST_LINE = 4 * 1024 * 1024


class Kind(Enum):
    """How a part is meant to end."""

    SERVER = "runs until it is stopped; ending by itself is a crash"
    ERRAND = "ends with code 0 once its work is done"


@dataclass(frozen=True)
class Part:
    """One program of the stack.

    `environment` is all that its process gets. A server is ready when each of `answers_at` answers: `http://…` with any
    status below 500, `tcp://HOST:PORT` by accepting a connection. An errand is ready when it has ended with code 0.
    A part that is revived is started again when it ends by itself.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    answers_at: tuple[str, ...] = ()
    kind: Kind = Kind.SERVER
    is_revived: bool = False


@dataclass(frozen=True)
class Running:
    """A part that has been started."""

    part: Part
    process: asyncio.subprocess.Process
    log: Log
    pump: asyncio.Task[None]

    async def crashed(self, what: str) -> CrashError:
        """The error that tells of this part's end; its last lines may still be on their way."""
        await asyncio.wait({self.pump}, timeout=1)
        return CrashError(self.part.name, what, self.log.tail())


class Supervisor:
    """Runs parts inside an `async with` block and leaves none of them behind.

    `log_folder` must exist. `terminal` shows every line, None only keeps the files. `remove` are the paths that
    the guardian deletes should this process be killed. `revivals` counts the parts that were started again, each
    `revival_pause` seconds after it had ended.
    """

    def __init__(self, log_folder: Path, *, terminal: Terminal | None = None, remove: Iterable[Path] = ()) -> None:
        self._log_folder = log_folder
        self._terminal = terminal
        self._remove = tuple(remove)
        self._running: list[Running] = []
        self.revivals: Counter[str] = Counter()
        self.revival_pause = 0.0
        self._guardian: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Starts the reaper."""
        self._guardian = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", reaper.__file__), stdin=PIPE, start_new_session=True
        )
        for path in self._remove:
            self._tell_guardian(f"remove {path}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops every part, then the reaper."""
        await self._stop()
        self._tell_guardian("done")
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.close()
            await self._guardian.wait()

    async def start(self, part: Part) -> None:
        """Starts one part; raises StackError when its program is not there."""
        with writing(f"The log of {part.name} in {self._log_folder}", "choose another folder, or make room in it"):
            log = Log(self._log_folder, part.name, self._terminal)
        self._running.append(await self._started(part, log))

    async def _started(self, part: Part, log: Log) -> Running:
        try:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                cwd=part.folder,
                env=dict(part.environment),
                start_new_session=True,
                limit=LONGEST_LINE,
            )
        except OSError as error:
            log.close()
            raise StackError(f"{part.name} cannot be started: {error.strerror}: {error.filename}.") from error
        self._tell_guardian(f"group {process.pid}")
        return Running(part, process, log, asyncio.create_task(pump(process, log)))

    async def ready(self, timeout_seconds: float = READY_SECONDS) -> None:
        """Waits until every part answers; raises CrashError for the first that ends or is too slow."""
        await together(self._one_ready(running, timeout_seconds) for running in self._running)

    def send(self, name: str, signal_number: int) -> None:
        """Sends a signal to all processes of a part."""
        for running in self._running:
            if running.part.name == name:
                reaper.send(running.process.pid, signal_number)

    async def crash(self) -> CrashError:
        """Waits until a server ends by itself that is not revived, and says which and how."""
        while True:
            running = await self._ended()
            if not running.part.is_revived:
                return await running.crashed(ending(running.process.returncode))
            await self._revive(running)

    async def _revive(self, dead: Running) -> None:
        # What is left of the group would keep the port.
        reaper.send(dead.process.pid, signal.SIGKILL)
        await asyncio.wait({dead.pump}, timeout=1)
        self._tell_guardian(f"ended {dead.process.pid}")
        await asyncio.sleep(self.revival_pause)
        self._running[self._running.index(dead)] = await self._started(dead.part, dead.log)
        self.revivals[dead.part.name] += 1

    async def _ended(self) -> Running:
        """The first server that has ended."""
        servers = [running for running in self._running if running.part.kind is Kind.SERVER]
        waits = {asyncio.create_task(running.process.wait()): running for running in servers}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel(waits)
        return waits[next(iter(done))]

    async def _one_ready(self, running: Running, timeout_seconds: float) -> None:
        part = running.part
        ended = asyncio.create_task(running.process.wait())
        waits: set[asyncio.Task[int] | asyncio.Task[None]] = {ended}
        if part.kind is Kind.SERVER:
            waits.add(asyncio.create_task(answered(part.answers_at)))
        try:
            done, _ = await asyncio.wait(waits, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel(waits)
        if not done:
            raise await running.crashed(f"was not ready within {timeout_seconds:g} s")
        if ended in done and not (part.kind is Kind.ERRAND and ended.result() == 0):
            raise await running.crashed(ending(ended.result()))

    async def _stop(self) -> None:
        for running in self._running:
            reaper.send(running.process.pid, signal.SIGTERM)
        if self._running:
            waits = [asyncio.create_task(running.process.wait()) for running in self._running]
            await asyncio.wait(waits, timeout=reaper.GRACE_SECONDS)
            # Also for groups whose first process has ended: it may have left children.
            for running in self._running:
                reaper.send(running.process.pid, signal.SIGKILL)
            await asyncio.gather(*waits)
            pumps = {running.pump for running in self._running}
            await asyncio.wait(pumps, timeout=1)
            await cancel(pumps)
        for running in self._running:
            self._tell_guardian(f"ended {running.process.pid}")
            running.log.close()
        self._running.clear()

    def _tell_guardian(self, line: str) -> None:
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.write(f"{line}\n".encode())


async def pump(process: asyncio.subprocess.Process, log: Log) -> None:
    """Carries the process's lines to its log until it has closed its output."""
    if process.stdout is None:
        return
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            log.write(b"(a line longer than 4 MiB was left out)")
            continue
        if not line:
            return
        log.write(line)


def ending(code: int | None) -> str:
    """How a process ended, in words: `code` is negative for the signal that ended it."""
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended by itself with code {code}"


async def together(works: Iterable[Coroutine[None, None, None]]) -> None:
    """Does all of it at the same time; the first error ends the rest and is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        await cancel(tasks)


async def cancel(tasks: Iterable[asyncio.Task[int] | asyncio.Task[None]]) -> None:
    """Cancels what still runs and waits until it has ended."""
    ending_tasks = list(tasks)
    for task in ending_tasks:
        task.cancel()
    await asyncio.gather(*ending_tasks, return_exceptions=True)
