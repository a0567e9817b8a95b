from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import requests

from tests.contract.cloud_tasks.support import LOCATION, Target, start_emulator, stop_emulator

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emulators.cloud_tasks", "--grpc-port", "0", "--rest-port", "0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - our own program


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_with_attempts_in_flight(number: signal.Signals, target: Target) -> None:
    name = f"{LOCATION}/queues/q"
    emulator = start_emulator("--queue", name)
    target.gate.clear()
    emulator.call("POST", f"/v2/{name}/tasks", {"task": {"httpRequest": {"url": target.url}}})
    target.wait_for(1)
    start = time.monotonic()

    emulator.process.send_signal(number)

    assert emulator.process.wait(timeout=5) == 0
    assert time.monotonic() - start < 1
    assert emulator.process.stdout is not None
    emulator.process.stdout.close()


@pytest.mark.parametrize("option", ["--grpc-port", "--rest-port"])
def test_a_taken_port_is_told_in_one_sentence(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(option, port)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port} cannot be used" in done.stderr


def test_queues_named_on_the_command_line_exist_from_the_start_and_after_a_reset() -> None:
    names = [f"{LOCATION}/queues/{letter}" for letter in "ab"]
    emulator = start_emulator("--queue", names[0], "--queue", names[1])

    emulator.call("DELETE", f"/v2/{names[0]}")
    emulator.reset()
    found = [each["name"] for each in emulator.call("GET", "/_local/queues")["queues"]]
    stop_emulator(emulator)

    assert found == names


def test_a_queue_file_holds_what_gcloud_describes(tmp_path: Path) -> None:
    file = tmp_path / "queues.yaml"
    file.write_text(
        f"""
name: {LOCATION}/queues/slow
rateLimits: {{maxBurstSize: 10, maxConcurrentDispatches: 100, maxDispatchesPerSecond: 1.0}}
retryConfig: {{maxAttempts: 10, maxBackoff: 300s, maxDoublings: 4, minBackoff: 10s}}
state: PAUSED
---
queues:
- name: {LOCATION}/queues/plain
"""
    )
    emulator = start_emulator("--queue-file", str(file))

    slow = emulator.call("GET", f"/v2/{LOCATION}/queues/slow")
    plain = emulator.call("GET", f"/v2/{LOCATION}/queues/plain")
    stop_emulator(emulator)

    assert slow["rateLimits"] == {"maxBurstSize": 10, "maxConcurrentDispatches": 100, "maxDispatchesPerSecond": 1.0}
    assert slow["retryConfig"] == {"maxAttempts": 10, "maxBackoff": "300s", "maxDoublings": 4, "minBackoff": "10s"}
    assert slow["state"] == "PAUSED"
    assert plain["state"] == "RUNNING"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("name: nonsense", "Queue name must be formatted"),
        (f"{{name: {LOCATION}/queues/q, rateLimits: {{maxDispatchesPerSecond: 501}}}}", "less than or equal to 500"),
        ("{colour: red}", "colour"),
        ("just text", "queues.yaml"),
        ("{", "cannot be read"),
    ],
)
def test_a_bad_queue_file_is_told_before_anything_starts(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "queues.yaml"
    file.write_text(content)

    done = run("--queue-file", str(file))

    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_queue_name_is_told_too() -> None:
    done = run("--queue", "q")

    assert done.returncode == 1
    assert "Queue name must be formatted" in done.stderr


def test_names_can_be_made_reusable_sooner() -> None:
    name = f"{LOCATION}/queues/q"
    emulator = start_emulator("--queue", name, "--task-name-reuse", "10", "--queue-name-reuse", "20")
    emulator.freeze()
    task = {"task": {"name": f"{name}/tasks/t", "httpRequest": {"url": "http://127.0.0.1:1/"}}}

    emulator.call("POST", f"/v2/{name}/tasks", task)
    emulator.call("DELETE", f"/v2/{name}/tasks/t")
    emulator.advance(11)
    emulator.call("POST", f"/v2/{name}/tasks", task)
    emulator.call("DELETE", f"/v2/{name}")
    emulator.advance(21)
    made = emulator.call("POST", f"/v2/{LOCATION}/queues", {"name": name})
    stop_emulator(emulator)

    assert made["name"] == name


def test_a_queue_slows_down_for_an_overloaded_target_when_asked_to(target: Target) -> None:
    name = f"{LOCATION}/queues/q"
    emulator = start_emulator("--throttle", "--queue", name)
    emulator.freeze()
    target.answers.extend([503] * 10)
    limits = {"rateLimits": {"maxDispatchesPerSecond": 10, "maxConcurrentDispatches": 1}}
    emulator.call("PATCH", f"/v2/{name}?updateMask=rateLimits", limits)

    for _ in range(20):
        emulator.call("POST", f"/v2/{name}/tasks", {"task": {"httpRequest": {"url": target.url}}})
    emulator.settle()
    burst = len(target.received)
    emulator.advance(1)
    after_a_second = len(target.received)
    rate = emulator.call("GET", f"/v2/{name}")["rateLimits"]["maxDispatchesPerSecond"]
    stop_emulator(emulator)

    # At the configured rate a second would have let ten more through; ten refusals leave a twentieth of it.
    assert (burst, after_a_second) == (10, 10)
    assert rate == 10


def test_nothing_listens_beyond_this_machine() -> None:
    emulator = start_emulator()
    addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()  # noqa: S607 - coreutils

    for address in addresses[:1]:
        for port in (emulator.grpc_address.rpartition(":")[2], emulator.rest_url.rpartition(":")[2]):
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, int(port)), timeout=1)
    health = requests.get(f"{emulator.rest_url}/_local/health", timeout=5)
    stop_emulator(emulator)

    assert health.status_code == 200
