"""`python -m local` ends as it was told to, or in one sentence, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from local.stack.ports import Ports
from local.stack.settings import ROOT
from tests.harness.stack import run_stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Family = Callable[[int], set[int]]
    AllGone = Callable[[set[int]], None]


def test_ctrl_c_leaves_nothing(tmp_path: Path, family: Family, all_gone: AllGone) -> None:
    with run_stack(tmp_path) as running:
        members = family(running.process.pid)

        running.process.send_signal(signal.SIGINT)
        code = running.process.wait(10)

    assert len(members) > 12
    assert code == 0
    assert not running.state_file.exists()
    all_gone(members)
    logs = folder_named_in(running.read_output())
    assert not os.path.lexists(logs)


def test_the_crash_of_one_service_is_named_and_ends_everything(
    tmp_path: Path, family: Family, all_gone: AllGone
) -> None:
    with run_stack(tmp_path, "--data-dir", str(tmp_path / "data")) as running:
        members = family(running.process.pid)
        victim = process_with("fake-gcs-server", members)

        os.kill(victim, signal.SIGKILL)
        code = running.process.wait(10)

    printed = running.read_output()
    assert code == 1
    assert "storage was ended by SIGKILL; everything else was stopped." in printed
    assert f"All logs are in {tmp_path / 'data' / 'logs'}" in printed
    assert "Traceback" not in printed
    assert not running.state_file.exists()
    all_gone(members)


def test_even_a_killed_stack_leaves_nothing(tmp_path: Path, family: Family, all_gone: AllGone) -> None:
    with run_stack(tmp_path) as running:
        members = family(running.process.pid)

        running.process.kill()
        running.process.wait(10)

    all_gone(members)
    assert not running.state_file.exists()


def test_a_busy_port_ends_it_with_one_sentence() -> None:
    ports = Ports.find_free()
    with socket.create_server(("127.0.0.1", ports.gateway)):
        ended = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "local", "--port-base", str(ports.gateway)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"{ports.gateway} (gateway)" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"FIRESTORE_EMULATOR_JAR": "/no/such.jar"}, "FIRESTORE_EMULATOR_JAR names /no/such.jar, which is not a file."),
        ({"PATH": "/nowhere"}, "The program make is needed to lay out the functions, and was not found: install it."),
    ],
)
def test_a_missing_program_ends_it_with_one_sentence(variables: dict[str, str], sentence: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "local", "--free-ports"],
        cwd=ROOT,
        env=dict(os.environ) | variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (1, f"{sentence}\n")


def folder_named_in(output: str) -> str:
    """The folder of the logs, which the stack prints when it starts."""
    line = next(line for line in output.splitlines() if "their logs are in" in line)
    return line.rpartition(" ")[2]


def process_with(word: str, pids: set[int]) -> int:
    """The one of these processes whose command line has the word."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607 - ps is where the machine keeps it
    rows: list[Any] = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return next(int(pid) for pid, command in rows if int(pid) in pids and word in command)
