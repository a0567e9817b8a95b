"""The supervisor: starts the services of the stack as processes, watches them, and stops all of them together.

```
start ──► wait_until_ready ──► wait_for_crash
                │                    └─ a service ended: CrashError, or its restart if it restarts
                └─ a service ended, or did not answer in time: CrashError
leaving the `async with` block stops everything: SIGTERM to every process group, SIGKILL five seconds later
```

Each service is a session of its own: a Ctrl-C in the terminal reaches the supervisor only, and a signal to a service's
process group reaches its children too. If the supervisor itself is killed, `local.supervision.reaper` stops everything.
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
from local.supervision.errors import CrashError, StackError, explain_write_errors
from local.supervision.logs import Log, Terminal
from local.supervision.readiness import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

DEFAULT_READY_SECONDS = 60.0
MAX_LINE_BYTES = 4 * 1024 * 1024


class Kind(Enum):
    """How a service should end."""

    SERVER = "runs until it is stopped; an end by itself is a crash"
    ONESHOT = "ends with code 0 once its work is done"


@dataclass(frozen=True)
class Service:
    """One program of the stack.

    `environment` is the whole environment of its process. A server is ready when each of `answers_at` answers:
    `http://…` with a status below 500, `tcp://HOST:PORT` by accepting a connection. A one-shot is ready when it has
    ended with code 0. A server that `restarts` starts again when it ends by itself.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    answers_at: tuple[str, ...] = ()
    kind: Kind = Kind.SERVER
    restarts: bool = False


@dataclass(frozen=True)
class RunningService:
    """A service and its process; `pump` copies the process's output to the log."""

    service: Service
    process: asyncio.subprocess.Process
    log: Log
    pump: asyncio.Task[None]

    async def build_crash_error(self, what: str) -> CrashError:
        """Wait for the last log lines, up to a second, and build the error about this service's end."""
        await asyncio.wait({self.pump}, timeout=1)
        return CrashError(self.service.name, what, self.log.tail())


class Supervisor:
    """Runs services inside an `async with` block and leaves none of them behind.

    `log_folder` must exist. `terminal` shows every line; None writes the files only. The reaper deletes the paths of
    `remove` if this process is killed. `restart_counts` has the number of restarts by service; each restart comes
    `restart_delay_seconds` after the end.
    """

    def __init__(self, log_folder: Path, *, terminal: Terminal | None = None, remove: Iterable[Path] = ()) -> None:
        self._log_folder = log_folder
        self._terminal = terminal
        self._remove = tuple(remove)
        self._running: list[RunningService] = []
        self.restart_counts: Counter[str] = Counter()
        self.restart_delay_seconds = 0.0
        self._reaper: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start the reaper."""
        self._reaper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", reaper.__file__), stdin=PIPE, start_new_session=True
        )
        for path in self._remove:
            self._tell_reaper(f"remove {path}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop every service, then the reaper."""
        await self._stop()
        self._tell_reaper("done")
        if self._reaper is not None and self._reaper.stdin is not None:
            self._reaper.stdin.close()
            await self._reaper.wait()

    async def start(self, service: Service) -> None:
        """Start one service; raises StackError if its program or its log cannot be opened."""
        with explain_write_errors(
            f"The log of {service.name} in {self._log_folder}", "choose another folder, or make room in it"
        ):
            log = Log(self._log_folder, service.name, self._terminal)
        self._running.append(await self._spawn(service, log))

    async def _spawn(self, service: Service, log: Log) -> RunningService:
        try:
            process = await asyncio.create_subprocess_exec(
                *service.command,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                cwd=service.folder,
                env=dict(service.environment),
                start_new_session=True,
                limit=MAX_LINE_BYTES,
            )
        except OSError as error:
            log.close()
            raise StackError(f"{service.name} cannot be started: {error.strerror}: {error.filename}.") from error
        self._tell_reaper(f"group {process.pid}")
        return RunningService(service, process, log, asyncio.create_task(pump(process, log)))

    async def wait_until_ready(self, timeout_seconds: float = DEFAULT_READY_SECONDS) -> None:
        """Wait until every service is ready; raises CrashError for the first that ends or is too slow."""
        await run_together(self._wait_until_one_ready(running, timeout_seconds) for running in self._running)

    def send_signal(self, name: str, signal_number: int) -> None:
        """Send a signal to all processes of a service."""
        for running in self._running:
            if running.service.name == name:
                reaper.send_signal(running.process.pid, signal_number)

    async def wait_for_crash(self) -> CrashError:
        """Restart servers that restart; return the error of the first other server that ends by itself."""
        while True:
            running = await self._wait_for_exit()
            if not running.service.restarts:
                return await running.build_crash_error(describe_exit(running.process.returncode))
            await self._restart(running)

    async def _restart(self, dead: RunningService) -> None:
        # The rest of the process group would keep the port.
        reaper.send_signal(dead.process.pid, signal.SIGKILL)
        await asyncio.wait({dead.pump}, timeout=1)
        self._tell_reaper(f"ended {dead.process.pid}")
        await asyncio.sleep(self.restart_delay_seconds)
        self._running[self._running.index(dead)] = await self._spawn(dead.service, dead.log)
        self.restart_counts[dead.service.name] += 1

    async def _wait_for_exit(self) -> RunningService:
        """Wait for the first server that ends, and return it."""
        servers = [running for running in self._running if running.service.kind is Kind.SERVER]
        waits = {asyncio.create_task(running.process.wait()): running for running in servers}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel(waits)
        return waits[next(iter(done))]

    async def _wait_until_one_ready(self, running: RunningService, timeout_seconds: float) -> None:
        service = running.service
        ended = asyncio.create_task(running.process.wait())
        waits: set[asyncio.Task[int] | asyncio.Task[None]] = {ended}
        if service.kind is Kind.SERVER:
            waits.add(asyncio.create_task(wait_until_ready(service.answers_at)))
        try:
            done, _ = await asyncio.wait(waits, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel(waits)
        if not done:
            raise await running.build_crash_error(f"was not ready within {timeout_seconds:g} s")
        if ended in done and not (service.kind is Kind.ONESHOT and ended.result() == 0):
            raise await running.build_crash_error(describe_exit(ended.result()))

    async def _stop(self) -> None:
        for running in self._running:
            reaper.send_signal(running.process.pid, signal.SIGTERM)
        if self._running:
            waits = [asyncio.create_task(running.process.wait()) for running in self._running]
            await asyncio.wait(waits, timeout=reaper.GRACE_SECONDS)
            # Every group, even if its first process has ended: it may have left children.
            for running in self._running:
                reaper.send_signal(running.process.pid, signal.SIGKILL)
            await asyncio.gather(*waits)
            pumps = {running.pump for running in self._running}
            await asyncio.wait(pumps, timeout=1)
            await cancel(pumps)
        for running in self._running:
            self._tell_reaper(f"ended {running.process.pid}")
            running.log.close()
        self._running.clear()

    def _tell_reaper(self, line: str) -> None:
        if self._reaper is not None and self._reaper.stdin is not None:
            self._reaper.stdin.write(f"{line}\n".encode())


async def pump(process: asyncio.subprocess.Process, log: Log) -> None:
    """Copy the process's lines to its log until it closes its output."""
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


def describe_exit(code: int | None) -> str:
    """The end of a process in words; a negative `code` is the signal that ended it."""
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended by itself with code {code}"


async def run_together(coroutines: Iterable[Coroutine[None, None, None]]) -> None:
    """Run the coroutines concurrently; raises the first error after it has cancelled the rest."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        await cancel(tasks)


async def cancel(tasks: Iterable[asyncio.Task[int] | asyncio.Task[None]]) -> None:
    """Cancel the tasks and wait until they have ended."""
    cancelled = list(tasks)
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
