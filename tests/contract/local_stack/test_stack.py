"""`python -m local` as a person or a test uses it: it starts, and says where everything is."""

from __future__ import annotations

import json
import socket
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import grpc
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, secretmanager_v1, storage, tasks_v2
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from local.stack.settings import ROOT, Endpoints, read_json
from tests.harness.stack import RATE

if TYPE_CHECKING:
    import pytest

    from tests.harness.stack import Stack


def test_the_state_file_names_exactly_what_tools_may_rely_on(stack: Stack) -> None:
    names = [field.name for field in fields(Endpoints)]

    state = json.loads(stack.state_file.read_text())

    assert list(state) == names
    assert names == [
        *("gateway", "submit", "generate", "status", "firestore", "storage", "bucket", "cloud_tasks"),
        *(
            "cloud_tasks_rest",
            "secret_manager",
            "gemini",
            "identity",
            "project",
            "location",
            "queue",
            "workflow_id",
            "database",
        ),
    ]
    assert [name for name in names if state[name].startswith("http")] == [
        *("gateway", "submit", "generate", "status", "storage", "cloud_tasks_rest", "gemini", "identity")
    ]


def test_everything_answers_once_the_state_file_is_there(stack: Stack) -> None:
    health = [stack.gateway, stack.cloud_tasks_rest, stack.gemini, stack.identity]

    codes = [requests.get(f"{url}/_local/health", timeout=5).status_code for url in health]

    assert codes == [200] * 4
    for address in (stack.firestore, stack.cloud_tasks, stack.secret_manager):
        host, _, port = address.partition(":")
        socket.create_connection((host, int(port)), timeout=5).close()


def test_the_gateway_reaches_submit_and_status_and_both_want_a_token(stack: Stack) -> None:
    gateway, workflow = stack.gateway, stack.workflow_id

    submit = requests.post(f"{gateway}/api/workflows/{workflow}/execute", json={}, timeout=30)
    status = requests.get(f"{gateway}/api/executions", timeout=30)

    assert [answer.status_code for answer in (submit, status)] == [401, 401]
    assert submit.json()["error"]["code"] == "UNAUTHENTICATED"


def test_a_local_user_s_token_is_taken(stack: Stack) -> None:
    token = requests.get(f"{stack.identity}/token", params={"user": "ada"}, timeout=5).json()["id_token"]

    answer = requests.get(f"{stack.gateway}/api/executions", headers={"Authorization": f"Bearer {token}"}, timeout=30)

    assert (answer.status_code, answer.json()["success"]) == (200, True)


def test_the_queue_has_the_file_s_numbers_and_the_rate_that_was_asked_for(stack: Stack) -> None:
    state = Endpoints(**stack.state)
    numbers = read_json(ROOT / "infra" / "queue.json")
    transport = CloudTasksGrpcTransport(channel=grpc.insecure_channel(state.cloud_tasks))

    with tasks_v2.CloudTasksClient(transport=transport) as client:
        queue = client.get_queue(name=state.queue_path)

    assert queue.rate_limits.max_dispatches_per_second == RATE
    assert queue.rate_limits.max_concurrent_dispatches == numbers["max_concurrent_dispatches"]
    assert queue.retry_config.max_attempts == numbers["max_attempts"]
    assert seconds(queue.retry_config.min_backoff) == numbers["min_backoff_seconds"]
    assert seconds(queue.retry_config.max_backoff) == numbers["max_backoff_seconds"]
    assert queue.retry_config.max_doublings == numbers["max_doublings"]


def test_the_key_has_256_bits(stack: Stack) -> None:
    transport = SecretManagerServiceGrpcTransport(channel=grpc.insecure_channel(stack.secret_manager))
    name = f"projects/{stack.project}/secrets/encryption-key/versions/latest"

    with secretmanager_v1.SecretManagerServiceClient(transport=transport) as client:
        payload = client.access_secret_version(name=name).payload

    assert len(payload.data) == 32


def test_the_workflow_is_the_file_s(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", stack.firestore)
    client = firestore.Client(project=stack.project, credentials=AnonymousCredentials())
    file = read_json(ROOT / "infra" / "workflow.json")

    document = client.document("workflows", stack.workflow_id).get()
    client.close()

    assert stack.workflow_id == file.pop("id")
    assert document.to_dict() == file


def test_the_bucket_is_there_and_kept_in_the_data_folder(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", stack.storage)
    client = storage.Client(project=stack.project, credentials=AnonymousCredentials())

    client.bucket(stack.bucket).blob("kept.txt").upload_from_string(b"kept")
    client.close()

    assert (stack.folder / "storage" / stack.bucket / "kept.txt").read_bytes() == b"kept"


def test_it_prints_addresses_and_the_commands_to_try(stack: Stack) -> None:
    printed = stack.read_output()

    assert f"page and API    {stack.gateway}" in printed
    assert f"curl -s '{stack.identity}/token?user=ada'" in printed
    assert f"curl -s {stack.gateway}/api/workflows/{stack.workflow_id}/execute" in printed


def test_each_service_logs_to_a_file_of_its_own(stack: Stack) -> None:
    services = {field.name for field in fields(Endpoints)} - {
        "bucket",
        "project",
        "location",
        "queue",
        "workflow_id",
        "database",
    }

    names = {path.stem for path in (stack.folder / "logs").iterdir()}

    assert names == (services - {"cloud_tasks_rest"}) | {"seed"}


def seconds(duration: Any) -> float:
    """A duration of a protocol buffer, which the client hands out as a timedelta although it is typed otherwise."""
    return float(duration.total_seconds())
