from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksRestTransport
from google.protobuf.field_mask_pb2 import FieldMask

from tests.contract.cloud_tasks.support import LOCATION, QUEUE_MISSING, refusal

if TYPE_CHECKING:
    from tests.contract.cloud_tasks.support import Emulator, Target


def answer(emulator: Emulator, verb: str, path: str, **how: Any) -> requests.Response:
    return requests.request(verb, f"{emulator.rest_url}{path}", timeout=10, **how)


def error(emulator: Emulator, verb: str, path: str, **how: Any) -> tuple[int, dict[str, Any]]:
    got = answer(emulator, verb, path, **how)
    body: dict[str, Any] = got.json()["error"]
    assert body["code"] == got.status_code
    return got.status_code, body


@pytest.fixture
def rest_client(emulator: Emulator) -> tasks_v2.CloudTasksClient:
    """The official client over its REST transport."""
    host = emulator.rest_url.removeprefix("http://")
    credentials = AnonymousCredentials()
    return tasks_v2.CloudTasksClient(
        transport=CloudTasksRestTransport(host=host, credentials=credentials, url_scheme="http")
    )


def test_the_official_client_works_over_rest(rest_client: tasks_v2.CloudTasksClient, target: Target) -> None:
    name = f"{LOCATION}/queues/rest"
    client = rest_client

    created = client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=name))
    client.pause_queue(name=name)
    updated = client.update_queue(
        queue=tasks_v2.Queue(name=name, rate_limits={"max_dispatches_per_second": 2}),
        update_mask=FieldMask(paths=["rate_limits.max_dispatches_per_second"]),
    )
    request = tasks_v2.HttpRequest(url=target.url, body=b"\x00\xff")
    task = client.create_task(parent=name, task=tasks_v2.Task(name=f"{name}/tasks/t", http_request=request))
    full = client.get_task(request={"name": task.name, "response_view": tasks_v2.Task.View.FULL})
    batch = client.batch_create_tasks(parent=name, requests=[tasks_v2.CreateTaskRequest(parent=name, task=full)])
    listed = [each.name for each in client.list_tasks(parent=name)]
    client.run_task(name=task.name)
    (received,) = target.wait_for(1)
    client.resume_queue(name=name)
    client.purge_queue(name=name)
    client.delete_queue(name=name)
    gone = refusal_over_rest(client, name)

    assert created.rate_limits.max_burst_size == 100
    assert updated.rate_limits.max_burst_size == 10
    assert full.http_request.body == received.body == b"\x00\xff"
    assert batch.operation.error.code == 10
    assert listed == [task.name]
    assert gone == QUEUE_MISSING
    client.transport.close()


def refusal_over_rest(client: tasks_v2.CloudTasksClient, name: str) -> str:
    with pytest.raises(Exception, match="Queue does not exist") as caught:
        client.get_queue(name=name)
    return str(caught.value).partition(": ")[2]


def test_a_refusal_has_the_shape_of_googles_apis(emulator: Emulator) -> None:
    status, body = error(emulator, "GET", f"/v2/{LOCATION}/queues/none")

    assert status == 404
    assert body == {"code": 404, "message": QUEUE_MISSING, "status": "NOT_FOUND"}


def test_a_refusal_carries_its_details(emulator: Emulator) -> None:
    status, body = error(emulator, "POST", f"/v2/{LOCATION}/queues", json={"name": "bad"})

    assert status == 400
    assert body["status"] == "INVALID_ARGUMENT"
    assert body["details"][0]["@type"] == "type.googleapis.com/google.rpc.Help"


def test_a_task_is_created_with_curl(emulator: Emulator, queue: str, target: Target) -> None:
    body = base64.b64encode(b"hello").decode()
    task = {"httpRequest": {"url": target.url, "body": body}}

    created = emulator.call("POST", f"/v2/{queue}/tasks", {"task": task, "responseView": "FULL"})
    received = target.wait_for(1)

    assert created["httpRequest"]["body"] == body
    assert created["view"] == "FULL"
    assert received[0].body == b"hello"


def test_the_standard_parameters_of_googles_apis_are_ignored(emulator: Emulator, queue: str) -> None:
    query = {"alt": "json", "prettyPrint": "false", "$.xgafv": "2", "key": "k", "fields": "name"}

    assert answer(emulator, "GET", f"/v2/{queue}", params=query).status_code == 200


@pytest.mark.parametrize(
    ("verb", "path", "data"),
    [
        ("POST", "/tasks", b"{"),
        ("POST", "/tasks", b"[]"),
        ("POST", "/tasks", b"\xff\xfe\xfd"),
        ("POST", "/tasks", b"[" * 100_000),
        ("POST", "/tasks", b'{"task": 5}'),
        ("POST", "/tasks", b'{"task": {"httpRequest": {"body": "not base64!"}}}'),
        ("POST", "/tasks", b'{"task": {"name": "\\ud800"}}'),
        ("POST", "/tasks", b'{"colour": "red"}'),
        ("POST", "/tasks", b'{"task": {"scheduleTime": "tomorrow"}}'),
        ("PATCH", "?updateMask=colour", b"{}"),
        ("GET", "/tasks?pageSize=many", b""),
        ("GET", "/tasks?pageSize=-1", b""),
        ("GET", "/tasks?pageToken.x=1", b""),
        ("GET", "/tasks?responseView=EVERYTHING", b""),
    ],
)
def test_nonsense_is_a_bad_request(emulator: Emulator, queue: str, verb: str, path: str, data: bytes) -> None:
    status, body = error(emulator, verb, f"/v2/{queue}{path}", data=data)

    assert status == 400
    assert body["status"] == "INVALID_ARGUMENT"


def test_a_method_that_the_emulator_lacks_is_not_implemented(emulator: Emulator, queue: str) -> None:
    status, body = error(emulator, "POST", f"/v2/{queue}/tasks/t:buffer")

    assert status == 501
    assert body["status"] == "UNIMPLEMENTED"


def test_a_path_that_is_no_method_at_all_is_not_found(emulator: Emulator) -> None:
    assert error(emulator, "GET", "/v2/shelves/1")[0] == 404


def test_rest_and_grpc_are_two_doors_to_one_house(
    emulator: Emulator, client: tasks_v2.CloudTasksClient, queue: str
) -> None:
    emulator.call("POST", f"/v2/{queue}:pause", {})

    assert client.get_queue(name=queue).state == tasks_v2.Queue.State.PAUSED
    assert refusal(client.get_queue, name=queue + "x")[1] == error(emulator, "GET", f"/v2/{queue}x")[1]["message"]
