"""What is uploaded runs: each staged folder in the real framework, with its own pins installed and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from imagefactory.settings import GenerateSettings, StatusSettings, SubmitSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
VENVS = ROOT / ".cache" / "venvs"
FUNCTIONS = ("submit", "generate", "status")
EXECUTE = "/api/workflows/f8b20b59-7d06-4599-8413-64da74225b0c/execute"
TOO_LARGE = 33_000_000
THREADS = 4

# Port 9 is "discard": nothing listens there.
NOBODY = "127.0.0.1:9"
NUMBERS = {"DISPATCH_RATE": "1", "DISPATCH_DEADLINE_SECONDS": "600"}
#: What each function refuses to start without: every setting that has no default.
REQUIRED = {
    name: {
        setting.name.upper(): NUMBERS.get(setting.name.upper(), f"http://{NOBODY}")
        for setting in fields(record)
        if setting.default is MISSING
    }
    for name, record in {"submit": SubmitSettings, "generate": GenerateSettings, "status": StatusSettings}.items()
}
#: Clients are made on the first request; these need neither credentials nor a connection for that.
OFFLINE = {
    "FIRESTORE_EMULATOR_HOST": NOBODY,
    "STORAGE_EMULATOR_HOST": f"http://{NOBODY}",
    "CLOUD_TASKS_EMULATOR_HOST": NOBODY,
    "SECRET_MANAGER_EMULATOR_HOST": NOBODY,
}


@dataclass(frozen=True)
class Staged:
    """A function's folder, and the Python that has its pins."""

    name: str
    folder: Path
    python: Path

    def command(self, port: int) -> list[str]:
        """The framework as the buildpack starts it."""
        return [
            *(str(self.python), "-m", "functions_framework"),
            *("--target", self.name, "--host", "127.0.0.1", "--port", str(port)),
        ]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make stage` fills, in a copy of what it reads: the real one may be in use."""
    copy = tmp_path_factory.mktemp("repository")
    shutil.copy(ROOT / "Makefile", copy)
    for folder in ("functions", "src"):
        shutil.copytree(ROOT / folder, copy / folder)
    subprocess.run(["make", "stage"], cwd=copy, check=True, capture_output=True)  # noqa: S607 - the make of this machine
    return copy / "build"


@pytest.fixture(scope="module", params=FUNCTIONS)
def staged(request: pytest.FixtureRequest, build: Path) -> Staged:
    folder = build / request.param
    return Staged(request.param, folder, venv(folder / "requirements.txt") / "bin" / "python")


@pytest.fixture(scope="module")
def submit(build: Path) -> Iterator[str]:
    folder = build / "submit"
    with running(Staged("submit", folder, venv(folder / "requirements.txt") / "bin" / "python")) as url:
        yield url


def venv(requirements: Path) -> Path:
    """A virtual environment with exactly these requirements; kept for the next run."""
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    kept = VENVS / digest
    if not kept.exists():
        VENVS.mkdir(parents=True, exist_ok=True)
        new = VENVS / f"{digest}.{os.getpid()}"
        options = ["--quiet", "--python"]
        for command in (
            ["venv", "--relocatable", *options, sys.executable, str(new)],
            ["pip", "install", *options, str(new / "bin" / "python"), "--require-hashes", "-r", str(requirements)],
        ):
            subprocess.run([sys.executable, "-m", "tools.run_uv", *command], cwd=ROOT, check=True)  # noqa: S603 - our own pins
        try:
            new.rename(kept)
        except OSError:
            # Another process of the tests was quicker.
            if not kept.exists():
                raise
            shutil.rmtree(new)
    return kept


@contextlib.contextmanager
def running(staged: Staged) -> Iterator[str]:
    """The function in its own process; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = REQUIRED[staged.name] | OFFLINE | {"THREADS": str(THREADS)}
    with subprocess.Popen(  # noqa: S603 - the framework
        staged.command(port), cwd=staged.folder, env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=10)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the framework ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the framework did not listen within 30 s")


def test_a_staged_folder_holds_what_is_uploaded_and_nothing_else(staged: Staged) -> None:
    names = {path.name for path in staged.folder.iterdir()}
    package = staged.folder / "imagefactory"

    assert names == {"main.py", "requirements.txt", "imagefactory"}
    assert {path.suffix for path in package.rglob("*") if path.is_file()} == {".py"}
    source = ROOT / "src/imagefactory"
    deployed = {path.relative_to(source) for path in source.rglob("*.py")}
    # The ports in memory are for tests.
    deployed = {path for path in deployed if path.parts[0] != "testing"}
    assert {path.relative_to(package) for path in package.rglob("*.py")} == deployed


def test_a_staged_function_answers_on_its_own_pins(staged: Staged) -> None:
    method, path = {"submit": ("POST", EXECUTE), "generate": ("POST", "/"), "status": ("GET", "/api/executions")}[
        staged.name
    ]

    with running(staged) as url:
        refused = requests.request(method, url + path, timeout=10)
        nowhere = requests.get(f"{url}/nowhere", timeout=10)
        wrong = requests.delete(url + path, timeout=10)

    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "UNAUTHENTICATED")
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert all(answer.headers["X-Request-Id"] for answer in (refused, nowhere, wrong))


def test_a_function_without_settings_refuses_to_start_and_names_them_all(staged: Staged) -> None:
    ran = subprocess.run(  # noqa: S603 - the framework
        staged.command(0), cwd=staged.folder, env={}, capture_output=True, check=False, timeout=60, text=True
    )

    assert ran.returncode != 0
    (complaint,) = [line for line in ran.stderr.splitlines() if line.startswith("imagefactory.settings.BadSettings: ")]
    assert {name for name in REQUIRED[staged.name] if f"{name} is not set" in complaint} == set(REQUIRED[staged.name])
    assert complaint.count("is not set") == len(REQUIRED[staged.name]) > len(NUMBERS)


def test_a_body_that_is_too_large_is_answered_as_such_by_the_real_server(submit: str) -> None:
    with_length = requests.post(submit + EXECUTE, data=b"\0" * TOO_LARGE, timeout=60)
    pieces = (b"\0" * 1_000_000 for _ in range(TOO_LARGE // 1_000_000))
    without = requests.post(submit + "/nowhere", data=pieces, timeout=60)

    assert (with_length.status_code, with_length.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert (without.status_code, without.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", id="a chunk without a size"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}", id="a chunk that is cut"),
        pytest.param(b"Content-Length: 100\r\n\r\n{}", id="less than was declared"),
    ],
)
def test_a_body_that_breaks_off_never_breaks_the_function(submit: str, sent: bytes) -> None:
    host, _, port = submit.removeprefix("http://").partition(":")
    head = f"POST {EXECUTE} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n".encode()

    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head + sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()

    assert answer.split(b"\r\n", 1)[0] in (b"HTTP/1.1 401 UNAUTHORIZED", b"HTTP/1.1 400 BAD REQUEST"), answer


@pytest.mark.parametrize("declared", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
def test_clients_without_a_token_that_drip_hold_every_thread_for_seconds_only(submit: str, declared: str) -> None:
    host, _, port = submit.removeprefix("http://").partition(":")
    head = f"POST {EXECUTE} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{declared}\r\n\r\n".encode()
    piece = b"1\r\n \r\n" if "chunked" in declared else b" "
    with contextlib.ExitStack() as connections:
        slow = [
            connections.enter_context(socket.create_connection((host, int(port)), timeout=1)) for _ in range(THREADS)
        ]
        for connection in slow:
            connection.sendall(head)
        started = time.monotonic()

        answers = [dripped(connection, piece) for connection in slow]

        assert time.monotonic() - started < 30
    assert {answer.split(b"\r\n", 1)[0] for answer in answers} == {b"HTTP/1.1 401 UNAUTHORIZED"}
    assert requests.get(f"{submit}/nowhere", timeout=10).status_code == 404


def test_a_connection_that_rests_for_longer_than_the_gateways_is_still_served(submit: str) -> None:
    address = urlsplit(submit)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    connection.connect()
    first_socket = connection.sock

    for _ in range(2):
        connection.request("POST", "/nowhere", body=b"{}")
        answer = connection.getresponse()
        assert (answer.status, answer.will_close) == (404, False)
        answer.read()
        # Longer than gunicorn keeps connections by itself.
        time.sleep(3.5)

    assert connection.sock is first_socket
    connection.close()


def dripped(connection: socket.socket, piece: bytes) -> bytes:
    """What is answered to whoever sends a piece of a body now and then."""
    for _ in range(60):
        connection.sendall(piece)
        with contextlib.suppress(TimeoutError):
            return connection.recv(65_536)
    return b""
