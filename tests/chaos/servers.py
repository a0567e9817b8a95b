"""The emulators that a chaos run stands on, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from local import firestore, storage
from local.ports import Ports
from tests.contract.emulators import CACHE, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def firestore_emulator() -> Iterator[str]:
    """Google's Firestore emulator, as host:port."""
    port = Ports.free().firestore
    java = firestore.find_java(os.environ, firestore.bundled_java())
    jar = firestore.find_jar(os.environ, CACHE, print)
    with tempfile.TemporaryDirectory() as folder:
        logging = firestore.write_logging(Path(folder))
        with running(firestore.command(java, jar, port, logging), port, "/"):
            yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def storage_server() -> Iterator[str]:
    """fake-gcs-server, as a URL."""
    port = Ports.free().storage
    with running(storage.command(storage.binary(), port, None), port, "/_internal/healthcheck"):
        yield f"http://127.0.0.1:{port}"
