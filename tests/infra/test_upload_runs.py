"""The very zip that was uploaded, installed with its own pins and nothing else, starts with the deployed settings."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.stack.credentials import write_service_account
from tests.infra.cloud.world import PROJECT
from tests.infra.test_first_run import service, uploaded

if TYPE_CHECKING:
    from tests.infra.runs import Run

# The first test waits for everything to be set up and deployed.
pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("function", "method", "path"),
    [
        ("submit", "POST", "/api/workflows/f8b20b59-7d06-4599-8413-64da74225b0c/execute"),
        ("generate", "POST", "/"),
        ("status", "GET", "/api/executions"),
    ],
)
def test_an_upload_installs_starts_and_asks_for_a_token(
    first: Run, tmp_path: Path, function: str, method: str, path: str
) -> None:
    folder = unpacked(uploaded(first, function), tmp_path / "workspace")
    python = installed(folder, tmp_path / "venv")
    write_service_account(tmp_path / "key.json", PROJECT, "http://127.0.0.1:1/token")
    env = service(first, function)["environmentVariables"] | {
        "PATH": os.environ["PATH"],
        "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json"),
        # Google's clients otherwise look for a metadata server.
        "NO_GCE_CHECK": "true",
        "XDG_RUNTIME_DIR": str(tmp_path),
    }

    framework = [str(python.parent / "functions-framework"), "--target", function, "--host", "127.0.0.1"]

    status = answered(framework, folder, env, method, path)

    assert status == 401


def unpacked(archive: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        source.extractall(folder)
    return folder


def installed(folder: Path, venv: Path) -> Path:
    """A new environment with the pins of requirements.txt, hash-checked."""
    python = venv / "bin" / "python"
    pins = str(folder / "requirements.txt")
    for command in (
        ["venv", "--quiet", "--python", sys.executable, str(venv)],
        ["pip", "install", "--quiet", "--require-hashes", "--python", str(python), "-r", pins],
    ):
        subprocess.run([sys.executable, "-m", "tools.run_uv", *command], cwd=ROOT, check=True, timeout=250)  # noqa: S603 - our own uv
    return python


def answered(command: list[str], folder: Path, env: dict[str, str], method: str, path: str) -> int:
    """The status of the answer to one request without a token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([*command, "--port", str(port)], cwd=folder, env=env)  # noqa: S603 - what we installed
    try:
        return status_of(urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method), process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def status_of(request: urllib.request.Request, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - on loopback
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the function did not start")
