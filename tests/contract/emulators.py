"""Starts the emulators that the contract tests talk to, each in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, storage

from local.stack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import requests

START_SECONDS = 40
#: Where the emulator's jar is kept once it was downloaded, where no Cloud SDK brings it.
CACHE = ROOT / ".cache"

_numbers = itertools.count(1)


def fresh_project() -> str:
    """A project that no other test has written to."""
    return f"contract-{os.getpid()}-{next(_numbers)}"


@contextlib.contextmanager
def running(command: Sequence[str], port: int, path: str | None = None) -> Iterator[None]:
    """Run a server until the end of the block, and enter the block once it answers at this path, or accepts."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)  # noqa: S603 - our own and Google's emulators
    try:
        wait_until(lambda: answers(port, path), process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args!r} does not answer"
        time.sleep(0.05)


def answers(port: int, path: str | None) -> bool:
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


def a_database(host: str, project: str | None = None) -> firestore.Client:
    """A client on a database of its own."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", host)
        return firestore.Client(project=project or fresh_project(), credentials=AnonymousCredentials())


def a_storage_client(url: str, session: requests.Session | None = None) -> storage.Client:
    """A client on fake-gcs-server."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STORAGE_EMULATOR_HOST", url)
        return storage.Client(project="contract", credentials=AnonymousCredentials(), _http=session)
