"""Emulators and servers, each in a process of its own for as long as a block runs, and Google's clients of them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as cloud_firestore
from google.cloud import storage as cloud_storage

from local.stack import firestore, storage
from local.stack.ports import Ports
from local.stack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

    import requests

#: A machine with two busy cores takes its time to start Java; most servers are there within one second.
START_SECONDS = 60
END_SECONDS = 10
#: A second for the gateway to end, and some for a busy machine.
GATEWAY_END_SECONDS = 2.5
#: Where the emulator's jar is kept once it was downloaded, where no Cloud SDK brings it.
CACHE = ROOT / ".cache"
HEALTH = "/_local/health"

_numbers = itertools.count(1)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    """Look again and again until the condition holds; fail when the process ends first, or after a minute."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if process is not None:
            assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def answers(port: int, path: str | None) -> bool:
    """Whether a server answers at this path; without a path, whether it accepts connections."""
    try:
        if path is None:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False


@contextlib.contextmanager
def run_server(
    command: Sequence[str], port: int, path: str | None = None, *, log: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block, and enter the block once it answers; its output goes to `log`."""
    output = log or subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)  # noqa: S603 - our own and Google's
    try:
        wait_until(lambda: answers(port, path), process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def run_firestore() -> Iterator[str]:
    """Google's Firestore emulator, as host:port."""
    port = Ports.find_free().firestore
    jar = firestore.find_jar(os.environ, CACHE, print)
    java = firestore.find_java(os.environ, firestore.find_bundled_java(), jar)
    with tempfile.TemporaryDirectory() as folder:
        logging = firestore.write_logging(Path(folder))
        with run_server(firestore.build_command(java, jar, port, logging), port, "/"):
            yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def run_storage(folder: Path | None = None, log: IO[bytes] | None = None) -> Iterator[str]:
    """fake-gcs-server, as a URL; it keeps its objects in `folder`, or in memory. It ends with code 0."""
    port = Ports.find_free().storage
    command = storage.build_command(storage.find_binary(), port, folder)
    with run_server(command, port, "/_internal/healthcheck", log=log) as process:
        yield f"http://127.0.0.1:{port}"
    assert process.returncode == 0


@contextlib.contextmanager
def run_cloud_tasks() -> Iterator[str]:
    """Our Cloud Tasks emulator, as host:port of its gRPC side."""
    ports = Ports.find_free()
    command = [sys.executable, "-m", "emulators.cloud_tasks", "--grpc-port", str(ports.cloud_tasks)]
    command += ["--rest-port", str(ports.cloud_tasks_rest)]
    with run_server(command, ports.cloud_tasks_rest, HEALTH):
        yield f"127.0.0.1:{ports.cloud_tasks}"


@contextlib.contextmanager
def run_secret_manager() -> Iterator[str]:
    """Our Secret Manager emulator, as host:port; it ends with code 0."""
    port = Ports.find_free().secret_manager
    with run_server([sys.executable, "-m", "emulators.secret_manager", "--port", str(port)], port) as process:
        yield f"127.0.0.1:{port}"
    assert process.returncode == 0


@contextlib.contextmanager
def run_issuer(audience: str) -> Iterator[str]:
    """Our token issuer, as a URL; it ends with code 0."""
    port = Ports.find_free().identity
    command = [sys.executable, "-m", "emulators.identity", "--port", str(port), "--audience", audience]
    with run_server(command, port, HEALTH) as process:
        yield f"http://127.0.0.1:{port}"
    assert process.returncode == 0


@contextlib.contextmanager
def run_gateway(submit: str, status: str, web: str = "no-such-folder") -> Iterator[str]:
    """A gateway in front of two addresses, as a URL; it must end with code 0 within a second or so."""
    port = Ports.find_free().gateway
    command = [sys.executable, "-m", "local.gateway", "--port", str(port), "--submit", submit, "--status", status]
    with run_server([*command, "--web", web], port, HEALTH) as process:
        yield f"http://127.0.0.1:{port}"
        began = time.monotonic()
    assert process.returncode == 0
    assert time.monotonic() - began < GATEWAY_END_SECONDS


def name_project() -> str:
    """A project that no other test has written to."""
    return f"contract-{os.getpid()}-{next(_numbers)}"


def connect_firestore(host: str, project: str | None = None) -> cloud_firestore.Client:
    """A client on a database of its own."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", host)
        return cloud_firestore.Client(project=project or name_project(), credentials=AnonymousCredentials())


def connect_storage(url: str, session: requests.Session | None = None) -> cloud_storage.Client:
    """A client on fake-gcs-server."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STORAGE_EMULATOR_HOST", url)
        return cloud_storage.Client(project="contract", credentials=AnonymousCredentials(), _http=session)
