"""The emulators, and the whole local stack, each in processes of its own for as long as a block runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local.stack import firestore, storage
from local.stack.ports import Ports
from local.stack.settings import ROOT
from tests.contract.emulators import CACHE, answers, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


START_SECONDS = 60
#: A second to end, and some for a busy machine.
GATEWAY_END_SECONDS = 2.5


@contextlib.contextmanager
def firestore_emulator() -> Iterator[str]:
    """Google's Firestore emulator, as host:port."""
    port = Ports.find_free().firestore
    jar = firestore.find_jar(os.environ, CACHE, print)
    java = firestore.find_java(os.environ, firestore.find_bundled_java(), jar)
    with tempfile.TemporaryDirectory() as folder:
        logging = firestore.write_logging(Path(folder))
        with running(firestore.build_command(java, jar, port, logging), port, "/"):
            yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def storage_server() -> Iterator[str]:
    """fake-gcs-server, as a URL."""
    port = Ports.find_free().storage
    with running(storage.build_command(storage.find_binary(), port, None), port, "/_internal/healthcheck"):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def cloud_tasks_emulator() -> Iterator[str]:
    """Our Cloud Tasks emulator, as host:port of its gRPC side."""
    ports = Ports.find_free()
    command = [sys.executable, "-m", "emulators.cloud_tasks", "--grpc-port", str(ports.cloud_tasks)]
    command += ["--rest-port", str(ports.cloud_tasks_rest)]
    with running(command, ports.cloud_tasks_rest, "/_local/health"):
        yield f"127.0.0.1:{ports.cloud_tasks}"


@contextlib.contextmanager
def a_gateway(submit: str, status: str, web: str = "no-such-folder") -> Iterator[str]:
    """A gateway in front of two addresses, as a URL; it must end with code 0 within a second or so."""
    port = Ports.find_free().gateway
    command = [sys.executable, "-m", "local.gateway", "--port", str(port), "--submit", submit, "--status", status]
    process = subprocess.Popen([*command, "--web", web], cwd=ROOT)  # noqa: S603 - our own program
    try:
        wait_until(lambda: answers(port, "/_local/health"), process)
        yield f"http://127.0.0.1:{port}"
        began = time.monotonic()
    finally:
        process.terminate()
        code = process.wait(timeout=5)
    assert code == 0
    assert time.monotonic() - began < GATEWAY_END_SECONDS


@contextlib.contextmanager
def local_stack(
    folder: Path, *options: str, **settings: str
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """A stack with these options and settings: its process, and its addresses; its log and images are in `folder`."""
    state_file, log_file = folder / "state.json", folder / "stack.log"
    command = [sys.executable, "-m", "local", "--free-ports", "--state-file", str(state_file)]
    command += ["--data-dir", str(folder), *options]
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | settings)  # noqa: S603 - our own
        try:
            deadline = time.monotonic() + START_SECONDS
            while not state_file.exists():
                assert process.poll() is None, log_file.read_text()
                assert time.monotonic() < deadline, log_file.read_text()
                time.sleep(0.1)
            yield process, json.loads(state_file.read_text())
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
