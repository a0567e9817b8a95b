"""The supervisor starts services, notices what becomes of them, and leaves none of them behind."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from local.stack.ports import Ports
from local.stack.settings import ROOT
from local.supervision import reaper
from local.supervision.errors import CrashError, StackError
from local.supervision.logs import Terminal
from local.supervision.signals import run
from local.supervision.supervisor import Kind, Service, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Program = Callable[..., Service]
    IsAlive = Callable[[int], bool]
    AllGone = Callable[[set[int]], None]

SLEEPER = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STUBBORN!r}])"
SERVER = """
import http.server, sys
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.BaseHTTPRequestHandler).serve_forever()
"""


async def pid_in(path: Path) -> int:
    """The process id that a service has printed into its log."""
    async with asyncio.timeout(10):
        while not (text := await asyncio.to_thread(path.read_text)).endswith("\n"):  # noqa: ASYNC110 - it is a file
            await asyncio.sleep(0.02)
    return int(text.split()[0])


def test_each_service_s_lines_go_to_a_file_of_its_own_and_to_the_terminal(tmp_path: Path, program: Program) -> None:
    screen = io.StringIO()

    async def work() -> None:
        async with Supervisor(tmp_path, terminal=Terminal(screen, width=6)) as supervisor:
            await supervisor.start(program("one", "import sys; sys.stderr.write('a\\nb\\n')", kind=Kind.ONESHOT))
            await supervisor.start(program("second", "print('c')", kind=Kind.ONESHOT))
            await supervisor.wait_until_ready()

    asyncio.run(work())

    assert (tmp_path / "one.log").read_text() == "a\nb\n"
    assert (tmp_path / "second.log").read_text() == "c\n"
    assert sorted(screen.getvalue().splitlines()) == ["one    | a", "one    | b", "second | c"]


def test_a_line_of_many_megabytes_does_not_stop_the_log(tmp_path: Path, program: Program) -> None:
    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(program("service", "print('x' * 5_000_000); print('after')", kind=Kind.ONESHOT))
            await supervisor.wait_until_ready()

    asyncio.run(work())

    assert (tmp_path / "service.log").read_text().splitlines()[-1] == "after"


def test_a_server_is_ready_once_it_answers(tmp_path: Path, program: Program) -> None:
    port = Ports.find_free().gateway
    addresses = (f"http://127.0.0.1:{port}/", f"tcp://127.0.0.1:{port}")
    late = f"import time; time.sleep(0.5){SERVER}"

    async def work() -> float:
        began = time.monotonic()
        async with Supervisor(tmp_path) as supervisor:
            # The handler knows no GET and answers 501, which is no answer of a server that is up.
            source = late.replace("BaseHTTPRequestHandler", "SimpleHTTPRequestHandler")
            await supervisor.start(program("web", source, str(port), answers_at=addresses))
            await supervisor.wait_until_ready()
            return time.monotonic() - began

    assert asyncio.run(work()) >= 0.5


def test_the_crash_of_one_service_is_told_with_its_last_lines_and_ends_the_others(
    tmp_path: Path, program: Program, is_alive: IsAlive
) -> None:
    async def work() -> tuple[CrashError, int]:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(program("steady", SLEEPER))
            other = await pid_in(tmp_path / "steady.log")
            await supervisor.start(program("fragile", "print('first'); print('last words'); raise SystemExit(3)"))
            return await supervisor.wait_for_crash(), other

    crash, other = asyncio.run(work())

    assert str(crash) == "fragile ended by itself with code 3; everything else was stopped."
    assert crash.tail == ("first", "last words")
    assert crash.report().splitlines()[1:] == ["Its last log lines (fragile):", "  first", "  last words"]
    assert not is_alive(other)


def test_a_service_ended_by_a_signal_is_told_by_the_signal_s_name(tmp_path: Path, program: Program) -> None:
    async def work() -> CrashError:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(program("service", SLEEPER))
            os.kill(await pid_in(tmp_path / "service.log"), signal.SIGKILL)
            return await supervisor.wait_for_crash()

    assert str(asyncio.run(work())) == "service was ended by SIGKILL; everything else was stopped."


def test_a_service_that_ends_before_it_answers_is_a_crash(tmp_path: Path, program: Program) -> None:
    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(program("service", "print('no'); exit(1)", answers_at=("tcp://127.0.0.1:1",)))
            await supervisor.wait_until_ready()

    with pytest.raises(CrashError, match=r"service ended by itself with code 1") as caught:
        asyncio.run(work())

    assert caught.value.tail == ("no",)


def test_a_server_that_ends_without_a_fault_is_a_crash_too(tmp_path: Path, program: Program) -> None:
    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(program("service", "", answers_at=("tcp://127.0.0.1:1",)))
            await supervisor.wait_until_ready()

    with pytest.raises(CrashError, match=r"service ended by itself with code 0"):
        asyncio.run(work())


def test_a_service_that_never_answers_is_given_up(tmp_path: Path, program: Program, is_alive: IsAlive) -> None:
    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(program("mute", SLEEPER, answers_at=("tcp://127.0.0.1:1",)))
            await pid_in(tmp_path / "mute.log")
            await supervisor.wait_until_ready(timeout_seconds=0.3)

    with pytest.raises(CrashError, match=r"mute was not ready within 0\.3 s"):
        asyncio.run(work())

    assert not is_alive(int((tmp_path / "mute.log").read_text()))


def test_a_oneshot_that_fails_is_a_crash(tmp_path: Path, program: Program) -> None:
    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(program("seed", "exit(2)", kind=Kind.ONESHOT))
            await supervisor.wait_until_ready()

    with pytest.raises(CrashError, match=r"seed ended by itself with code 2"):
        asyncio.run(work())


def test_a_missing_program_is_named_in_one_sentence(tmp_path: Path) -> None:
    async def work() -> None:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(Service("java", ("/no/such/java",), tmp_path, {}))

    with pytest.raises(StackError, match=r"^java cannot be started: No such file or directory: /no/such/java\.$"):
        asyncio.run(work())


def test_a_service_that_ignores_sigterm_is_killed_with_its_children(
    tmp_path: Path, program: Program, is_alive: IsAlive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.3)

    async def work() -> set[int]:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(program("stubborn", STUBBORN))
            await supervisor.start(program("parent", PARENT))
            return {await pid_in(tmp_path / "stubborn.log"), await pid_in(tmp_path / "parent.log")}

    pids = asyncio.run(work())

    assert not any(map(is_alive, pids))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_work_and_everything_it_started(
    tmp_path: Path, program: Program, is_alive: IsAlive, number: signal.Signals
) -> None:
    pids = []

    async def work() -> int:
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(program("service", SLEEPER))
            pids.append(await pid_in(tmp_path / "service.log"))
            os.kill(os.getpid(), number)
            # Impatience: the second one must not disturb the clearing up.
            os.kill(os.getpid(), number)
            await supervisor.wait_until_ready()
            return 0

    code = run(work(), interrupt_code=7)

    assert code == 7
    assert not any(map(is_alive, pids))


def test_even_a_supervisor_that_is_killed_leaves_nothing(tmp_path: Path, all_gone: AllGone) -> None:
    secret = tmp_path / "run"
    secret.mkdir()
    script = f"""
import asyncio, sys
from pathlib import Path
from local.supervision.supervisor import Service, Supervisor
async def work():
    folder = Path({str(tmp_path)!r})
    async with Supervisor(folder, remove=[folder / "run", folder / "state.json"]) as supervisor:
        for name, source in (("service", {SLEEPER!r}), ("parent", {PARENT!r})):
            await supervisor.start(Service(name, (sys.executable, "-u", "-c", source), folder, {{}}))
        print("up", flush=True)
        await asyncio.sleep(60)
asyncio.run(work())
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        pids = {asyncio.run(pid_in(tmp_path / f"{name}.log")) for name in ("service", "parent")}

        process.kill()

    all_gone(pids)
    deadline = time.monotonic() + 5
    while secret.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
