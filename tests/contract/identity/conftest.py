"""A running token issuer, as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

AUDIENCE = "demo-project"


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "emulators.identity", "--port", str(port), "--audience", AUDIENCE]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own program
        _wait_until_healthy(url)
        yield url
        process.terminate()
        assert process.wait(timeout=2) == 0


def _wait_until_healthy(url: str) -> None:
    for _ in range(100):
        try:
            if requests.get(f"{url}/_local/health", timeout=1).status_code == requests.codes.ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    pytest.fail(f"{url} did not come up within ten seconds")
