"""`python -m local` as a person or a test uses it: it starts, says where everything is, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, secretmanager_v1, storage, tasks_v2
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from local.stack.ports import Ports
from local.stack.settings import ROOT, Endpoints, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Family = Callable[[int], set[int]]
    AllGone = Callable[[set[int]], None]

START_SECONDS = 40
QUICK = ("--free-ports", "--dispatch-rate", "20", "--gemini-latency", "0.05-0.2")


@dataclass
class LocalStack:
    """A stack in a process of its own."""

    process: subprocess.Popen[bytes]
    state_file: Path
    output: Path

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(**json.loads(self.state_file.read_text()))


@contextmanager
def a_stack(folder: Path, *arguments: str) -> Iterator[LocalStack]:
    """Starts `python -m local` and waits for its state file; ends it with Ctrl-C if the test has not ended it."""
    state_file, output = folder / "state.json", folder / "output.txt"
    command = [sys.executable, "-m", "local", *QUICK, "--state-file", str(state_file), *arguments]
    with (
        output.open("wb") as file,
        subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT) as process,  # noqa: S603 - our own program
    ):
        deadline = time.monotonic() + START_SECONDS
        while not state_file.exists():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.05)
        try:
            yield LocalStack(process, state_file, output)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(15)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("stack")
    with a_stack(folder, "--data-dir", str(folder / "data")) as running:
        yield running


def test_the_state_file_names_exactly_what_tools_may_rely_on(stack: LocalStack) -> None:
    names = [field.name for field in fields(Endpoints)]

    state = json.loads(stack.state_file.read_text())

    assert list(state) == names
    assert names == [
        *("gateway", "submit", "generate", "status", "firestore", "storage", "bucket", "cloud_tasks"),
        *("cloud_tasks_rest", "secret_manager", "gemini", "identity", "project", "location", "queue", "workflow_id"),
    ]
    assert [name for name in names if state[name].startswith("http")] == [
        *("gateway", "submit", "generate", "status", "storage", "cloud_tasks_rest", "gemini", "identity")
    ]


def test_everything_answers_once_the_state_file_is_there(stack: LocalStack) -> None:
    state = stack.endpoints
    health = [state.gateway, state.cloud_tasks_rest, state.gemini, state.identity]

    codes = [requests.get(f"{url}/_local/health", timeout=5).status_code for url in health]

    assert codes == [200] * 4
    for address in (state.firestore, state.cloud_tasks, state.secret_manager):
        host, _, port = address.partition(":")
        socket.create_connection((host, int(port)), timeout=5).close()


def test_the_gateway_reaches_submit_and_status_and_both_want_a_token(stack: LocalStack) -> None:
    gateway, workflow = stack.endpoints.gateway, stack.endpoints.workflow_id

    submit = requests.post(f"{gateway}/api/workflows/{workflow}/execute", json={}, timeout=30)
    status = requests.get(f"{gateway}/api/executions", timeout=30)

    assert [answer.status_code for answer in (submit, status)] == [401, 401]
    assert submit.json()["error"]["code"] == "UNAUTHENTICATED"


def test_a_local_user_s_token_is_taken(stack: LocalStack) -> None:
    token = requests.get(f"{stack.endpoints.identity}/token", params={"user": "ada"}, timeout=5).json()["id_token"]

    answer = requests.get(
        f"{stack.endpoints.gateway}/api/executions", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )

    assert (answer.status_code, answer.json()["success"]) == (200, True)


def test_the_queue_has_the_file_s_numbers_and_the_rate_that_was_asked_for(stack: LocalStack) -> None:
    state = stack.endpoints
    numbers = read_json(ROOT / "infra" / "queue.json")
    transport = CloudTasksGrpcTransport(channel=grpc.insecure_channel(state.cloud_tasks))

    with tasks_v2.CloudTasksClient(transport=transport) as client:
        queue = client.get_queue(name=state.queue_path)

    assert queue.rate_limits.max_dispatches_per_second == 20
    assert queue.rate_limits.max_concurrent_dispatches == numbers["max_concurrent_dispatches"]
    assert queue.retry_config.max_attempts == numbers["max_attempts"]
    assert seconds(queue.retry_config.min_backoff) == numbers["min_backoff_seconds"]
    assert seconds(queue.retry_config.max_backoff) == numbers["max_backoff_seconds"]
    assert queue.retry_config.max_doublings == numbers["max_doublings"]


def test_the_key_has_256_bits(stack: LocalStack) -> None:
    transport = SecretManagerServiceGrpcTransport(channel=grpc.insecure_channel(stack.endpoints.secret_manager))
    name = f"projects/{stack.endpoints.project}/secrets/encryption-key/versions/latest"

    with secretmanager_v1.SecretManagerServiceClient(transport=transport) as client:
        payload = client.access_secret_version(name=name).payload

    assert len(payload.data) == 32


def test_the_workflow_is_the_file_s(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", stack.endpoints.firestore)
    client = firestore.Client(project=stack.endpoints.project, credentials=AnonymousCredentials())
    file = read_json(ROOT / "infra" / "workflow.json")

    document = client.document("workflows", stack.endpoints.workflow_id).get()
    client.close()

    assert stack.endpoints.workflow_id == file.pop("id")
    assert document.to_dict() == file


def test_the_bucket_is_there_and_kept_in_the_data_folder(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", stack.endpoints.storage)
    client = storage.Client(project=stack.endpoints.project, credentials=AnonymousCredentials())

    client.bucket(stack.endpoints.bucket).blob("kept.txt").upload_from_string(b"kept")
    client.close()

    data = stack.state_file.parent / "data"
    assert [path.name for path in (data / "storage" / stack.endpoints.bucket).iterdir()] == ["kept.txt"]


def test_it_prints_addresses_and_the_commands_to_try(stack: LocalStack) -> None:
    printed = stack.output.read_text()

    assert f"page and API    {stack.endpoints.gateway}" in printed
    assert f"curl -s '{stack.endpoints.identity}/token?user=ada'" in printed
    assert f"curl -s {stack.endpoints.gateway}/api/workflows/{stack.endpoints.workflow_id}/execute" in printed


def test_each_service_logs_to_a_file_of_its_own(stack: LocalStack) -> None:
    logs = stack.state_file.parent / "data" / "logs"
    services = {field.name for field in fields(Endpoints)} - {"bucket", "project", "location", "queue", "workflow_id"}

    names = {path.stem for path in logs.iterdir()}

    assert names == (services - {"cloud_tasks_rest"}) | {"seed"}


def test_ctrl_c_leaves_nothing(tmp_path: Path, family: Family, all_gone: AllGone) -> None:
    with a_stack(tmp_path) as running:
        members = family(running.process.pid)

        running.process.send_signal(signal.SIGINT)
        code = running.process.wait(10)

    assert len(members) > 12
    assert code == 0
    assert not running.state_file.exists()
    all_gone(members)
    logs = folder_named_in(running.output.read_text())
    assert not os.path.lexists(logs)


def test_the_crash_of_one_service_is_named_and_ends_everything(
    tmp_path: Path, family: Family, all_gone: AllGone
) -> None:
    with a_stack(tmp_path, "--data-dir", str(tmp_path / "data")) as running:
        members = family(running.process.pid)
        victim = process_with("fake-gcs-server", members)

        os.kill(victim, signal.SIGKILL)
        code = running.process.wait(10)

    printed = running.output.read_text()
    assert code == 1
    assert "storage was ended by SIGKILL; everything else was stopped." in printed
    assert f"All logs are in {tmp_path / 'data' / 'logs'}" in printed
    assert "Traceback" not in printed
    assert not running.state_file.exists()
    all_gone(members)


def test_even_a_killed_stack_leaves_nothing(tmp_path: Path, family: Family, all_gone: AllGone) -> None:
    with a_stack(tmp_path) as running:
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


def seconds(duration: Any) -> float:
    """A duration of a protocol buffer, which the client hands out as a timedelta although it is typed otherwise."""
    return float(duration.total_seconds())


def folder_named_in(output: str) -> str:
    """The folder of the logs, which the stack prints when it starts."""
    line = next(line for line in output.splitlines() if "their logs are in" in line)
    return line.rpartition(" ")[2]


def process_with(word: str, pids: set[int]) -> int:
    """The one of these processes whose command line has the word."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True)  # noqa: S607 - ps is where the machine keeps it
    rows: list[Any] = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return next(int(pid) for pid, command in rows if int(pid) in pids and word in command)
