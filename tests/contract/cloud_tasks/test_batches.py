from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.exceptions import Aborted
from google.cloud import tasks_v2

from tests.contract.cloud_tasks.support import LOCATION, QUEUE_MISSING, refusal

if TYPE_CHECKING:
    from tests.contract.cloud_tasks.support import Tasks

NOTHING = "None of the requests succeeded, refer to {}.failed_requests for individual error details"


@pytest.fixture
def paused(tasks: Tasks) -> Tasks:
    tasks.client.pause_queue(name=tasks.queue)
    return tasks


def requests(tasks: Tasks, *ids: str) -> list[Any]:
    return [
        {"parent": tasks.queue, "task": {"name": tasks.path(task_id), "http_request": {"url": tasks.target.url}}}
        for task_id in ids
    ]


def test_a_batch_creates_its_tasks_and_reports_them_in_order(paused: Tasks) -> None:
    operation = paused.client.batch_create_tasks(parent=paused.queue, requests=requests(paused, "a", "b", "c"))

    created = operation.result(timeout=5)
    assert [task.name for task in created.tasks] == [paused.path(task_id) for task_id in "abc"]
    assert operation.metadata.state == tasks_v2.BatchCreateTasksMetadata.State.SUCCEEDED
    assert operation.metadata.start_time <= operation.metadata.end_time
    assert operation.operation.name.startswith(f"{LOCATION}/operations/")
    assert all(paused.exists(task_id) for task_id in "abc")


def test_the_operation_can_be_asked_for_again(paused: Tasks) -> None:
    operation = paused.client.batch_create_tasks(parent=paused.queue, requests=requests(paused, "a")).operation

    again = paused.client.get_operation({"name": operation.name})
    missing = refusal(paused.client.get_operation, {"name": f"{LOCATION}/operations/none"})

    assert again == operation
    assert missing[0] == "NOT_FOUND"


def test_what_fails_in_a_batch_is_reported_by_its_index(paused: Tasks) -> None:
    paused.create("taken")

    operation = paused.client.batch_create_tasks(
        parent=paused.queue, requests=requests(paused, "a", "taken", "bad id", "b")
    )

    assert [task.name for task in operation.result(timeout=5).tasks] == [paused.path("a"), paused.path("b")]
    assert operation.metadata.state == tasks_v2.BatchCreateTasksMetadata.State.PARTIALLY_SUCCEEDED
    failed = operation.metadata.failed_requests
    assert {index: status.code for index, status in failed.items()} == {1: 6, 2: 3}
    assert failed[1].message == "Requested entity already exists"


def test_a_batch_in_which_nothing_succeeds_is_aborted(paused: Tasks) -> None:
    operation = paused.client.batch_create_tasks(parent=paused.queue, requests=requests(paused, "bad id"))

    with pytest.raises(Aborted) as caught:
        operation.result(timeout=5)

    assert NOTHING.format("BatchCreateTasksMetadata") in str(caught.value)
    assert list(operation.metadata.failed_requests) == [0]


def test_a_repeated_request_id_creates_nothing_twice(paused: Tasks) -> None:
    request = {"parent": paused.queue, "requests": requests(paused, "a"), "request_id": "once"}

    first = paused.client.batch_create_tasks(request)
    second = paused.client.batch_create_tasks(request)

    assert first.operation == second.operation
    assert second.result(timeout=5).tasks[0].name == paused.path("a")


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_creates_between_one_and_a_hundred_tasks(paused: Tasks, count: int) -> None:
    batch = requests(paused, *(f"t{number}" for number in range(count)))

    assert refusal(paused.client.batch_create_tasks, parent=paused.queue, requests=batch)[0] == "INVALID_ARGUMENT"


def test_all_tasks_of_a_batch_go_to_its_queue(paused: Tasks) -> None:
    batch = requests(paused, "a")
    batch[0]["parent"] = f"{LOCATION}/queues/other"

    assert refusal(paused.client.batch_create_tasks, parent=paused.queue, requests=batch)[0] == "INVALID_ARGUMENT"


def test_a_batch_needs_its_queue(paused: Tasks) -> None:
    missing = f"{LOCATION}/queues/none"

    created = refusal(paused.client.batch_create_tasks, parent=missing, requests=[{"parent": missing}])
    deleted = refusal(paused.client.batch_delete_tasks, parent=missing, names=[f"{missing}/tasks/t"])

    assert created == deleted == ("NOT_FOUND", QUEUE_MISSING)


def test_a_batch_deletes_its_tasks(paused: Tasks) -> None:
    for task_id in "abc":
        paused.create(task_id)

    operation = paused.client.batch_delete_tasks(parent=paused.queue, names=[paused.path("a"), paused.path("b")])
    operation.result(timeout=5)

    assert operation.metadata.state == tasks_v2.BatchDeleteTasksMetadata.State.SUCCEEDED
    assert [task.name for task in paused.client.list_tasks(parent=paused.queue)] == [paused.path("c")]


def test_what_cannot_be_deleted_is_reported_by_its_index(paused: Tasks) -> None:
    paused.create("a")
    names = [paused.path("never"), paused.path("a"), f"{LOCATION}/queues/other/tasks/t"]

    operation = paused.client.batch_delete_tasks(parent=paused.queue, names=names)
    operation.result(timeout=5)

    assert operation.metadata.state == tasks_v2.BatchDeleteTasksMetadata.State.PARTIALLY_SUCCEEDED
    assert {index: status.code for index, status in operation.metadata.failed_requests.items()} == {0: 5, 2: 3}


def test_a_batch_that_deletes_nothing_is_aborted(paused: Tasks) -> None:
    operation = paused.client.batch_delete_tasks(parent=paused.queue, names=[paused.path("never")])

    with pytest.raises(Aborted) as caught:
        operation.result(timeout=5)

    assert NOTHING.format("BatchDeleteTasksMetadata") in str(caught.value)


@pytest.mark.parametrize("count", [0, 1001])
def test_a_batch_deletes_between_one_and_a_thousand_tasks(paused: Tasks, count: int) -> None:
    names = [paused.path(f"t{number}") for number in range(count)]

    assert refusal(paused.client.batch_delete_tasks, parent=paused.queue, names=names)[0] == "INVALID_ARGUMENT"
