"""What happens when some of a batch fails, or all of it, or nothing is heard of it."""

from __future__ import annotations

import itertools
from concurrent import futures
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.longrunning import operations_pb2
from google.rpc import status_pb2

from imagefactory.adapters import cloud_tasks as adapter
from imagefactory.adapters.cloud_tasks import RETRY_PAUSES, CloudTasks
from imagefactory.domain.errors import Unavailable
from imagefactory.domain.task import Task, first_check
from tests.contract.tasks.conftest import an_adapter
from tests.contract.tasks.fake_queue import FakeQueue, packed

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
EXECUTION = "f8b20b59-7d06-4599-8413-64da74225b0c"
UNAVAILABLE, EXISTS = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ALREADY_EXISTS
UNIMPLEMENTED, INVALID = grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT


def tasks_of(count: int) -> list[Task]:
    return [Task(EXECUTION, index, 1, SOON) for index in range(count)]


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
def pauses() -> list[float]:
    """The seconds that the adapter waited, without waiting."""
    return []


@pytest.fixture
def tasks(queue: FakeQueue, pauses: list[float]) -> Iterator[CloudTasks]:
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[queue])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        yield an_adapter(client, sleep=pauses.append)
    server.stop(None).wait()


def ids(tasks: list[Task]) -> list[str]:
    return sorted(task.id for task in tasks)


@pytest.mark.parametrize("count", [1, 250])
def test_once_its_patience_is_over_no_further_call_is_begun(queue: FakeQueue, tasks: CloudTasks, count: int) -> None:
    hours = itertools.count()
    tasks._monotonic = lambda: next(hours) * 3600.0  # noqa: SLF001 - time that flies

    with pytest.raises(Unavailable):
        tasks.enqueue(tasks_of(count))

    assert sum(queue.calls.values()) == 0


class TestABatch:
    def test_is_created_a_hundred_a_call(self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]) -> None:
        tasks.enqueue(tasks_of(250))

        assert queue.calls == {"BatchCreateTasks": 3}
        assert (sorted(queue.created), pauses) == (ids(tasks_of(250)), [])

    def test_of_which_some_fail_has_those_created_again(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]
    ) -> None:
        wanted = tasks_of(250)
        queue.failing = {wanted[index].id: [UNAVAILABLE] for index in (0, 99, 100, 249)}

        tasks.enqueue(wanted)

        assert sorted(queue.created) == ids(wanted)
        assert queue.calls == {"BatchCreateTasks": 4}
        assert pauses == [RETRY_PAUSES[0]]

    def test_of_which_some_exist_is_done(self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]) -> None:
        wanted = tasks_of(3)
        queue.failing = {wanted[1].id: [EXISTS]}

        tasks.enqueue(wanted)

        assert (len(queue.created), pauses) == (2, [])

    def test_of_which_all_exist_is_done(self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]) -> None:
        queue.failing = {task.id: [EXISTS] for task in tasks_of(3)}

        tasks.enqueue(tasks_of(3))

        assert (queue.created, pauses) == ([], [])

    @pytest.mark.parametrize("code", [UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED])
    def test_that_fails_as_a_whole_is_sent_again(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float], code: grpc.StatusCode
    ) -> None:
        queue.broken = {"BatchCreateTasks": [code, code]}

        tasks.enqueue(tasks_of(3))

        assert (sorted(queue.created), pauses) == (ids(tasks_of(3)), list(RETRY_PAUSES[:2]))

    def test_whose_report_is_an_error_alone_is_sent_again(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]
    ) -> None:
        def failed(operation: operations_pb2.Operation) -> operations_pb2.Operation:
            queue.answer = lambda whole: whole
            return operations_pb2.Operation(
                name=operation.name,
                done=True,
                metadata=packed(tasks_v2.BatchCreateTasksMetadata.pb(tasks_v2.BatchCreateTasksMetadata())),
                error=status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0]),
            )

        queue.answer = failed

        tasks.enqueue(tasks_of(3))

        assert pauses == [RETRY_PAUSES[0]]

    @pytest.mark.parametrize("error", [None, status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0])])
    def test_whose_report_has_no_details_is_believed(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float], error: status_pb2.Status | None
    ) -> None:
        def bare(operation: operations_pb2.Operation) -> operations_pb2.Operation:
            queue.answer = lambda whole: whole
            operation.ClearField("metadata")
            if error:
                operation.error.CopyFrom(error)
            return operation

        queue.answer = bare

        tasks.enqueue(tasks_of(3))

        assert pauses == ([RETRY_PAUSES[0]] if error else [])

    def test_whose_report_never_comes_is_sent_again(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unfinished(operation: operations_pb2.Operation) -> operations_pb2.Operation:
            queue.answer = lambda whole: whole
            return operations_pb2.Operation(name=operation.name, done=False, metadata=operation.metadata)

        queue.answer = unfinished
        monkeypatch.setattr(adapter, "CALL_SECONDS", 0.5)

        tasks.enqueue(tasks_of(3))

        assert pauses == [RETRY_PAUSES[0]]
        assert queue.calls["GetOperation"] >= 1

    def test_is_created_one_by_one_where_batches_are_not_served(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]
    ) -> None:
        queue.broken = {"BatchCreateTasks": [UNIMPLEMENTED] * 100}

        tasks.enqueue(tasks_of(250))

        assert (sorted(queue.created), pauses) == (ids(tasks_of(250)), [])
        assert queue.calls["CreateTask"] == 250

    def test_that_cannot_be_created_at_all_is_given_up(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]
    ) -> None:
        wanted = tasks_of(5)
        queue.failing = {task.id: [UNAVAILABLE] * 100 for task in wanted[:2]}

        with pytest.raises(Unavailable, match="2 of 5 tasks"):
            tasks.enqueue(wanted)

        assert pauses == list(RETRY_PAUSES)
        assert len(queue.created) == 3

    def test_that_is_wrong_is_a_defect_and_told_as_it_is(self, tasks: CloudTasks, queue: FakeQueue) -> None:
        queue.broken = {"BatchCreateTasks": [INVALID]}

        with pytest.raises(exceptions.InvalidArgument):
            tasks.enqueue(tasks_of(2))


class TestASingleTask:
    def test_needs_no_batch(self, tasks: CloudTasks, queue: FakeQueue) -> None:
        tasks.enqueue(tasks_of(1))

        assert queue.calls == {"CreateTask": 1}

    @pytest.mark.parametrize(("codes", "rounds"), [([UNAVAILABLE, UNAVAILABLE], 2), ([EXISTS], 0)])
    def test_that_fails_is_created_again_unless_it_exists(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float], codes: list[grpc.StatusCode], rounds: int
    ) -> None:
        queue.failing = {tasks_of(1)[0].id: codes}

        tasks.enqueue(tasks_of(1))

        assert pauses == list(RETRY_PAUSES[:rounds])

    def test_that_is_wrong_is_a_defect_and_told_as_it_is(self, tasks: CloudTasks, queue: FakeQueue) -> None:
        queue.broken = {"CreateTask": [INVALID]}

        with pytest.raises(exceptions.InvalidArgument):
            tasks.enqueue(tasks_of(1))


class TestARound:
    def test_that_fails_is_created_again(self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]) -> None:
        check = first_check(EXECUTION, SOON, 60)
        queue.failing = {check.id: [UNAVAILABLE]}

        tasks.enqueue_check(check)

        assert (queue.created, pauses) == ([check.id], [RETRY_PAUSES[0]])

    def test_that_cannot_be_created_is_an_outage(self, tasks: CloudTasks, queue: FakeQueue) -> None:
        queue.broken = {"CreateTask": [UNAVAILABLE] * 100}

        with pytest.raises(Unavailable):
            tasks.enqueue_check(first_check(EXECUTION, SOON, 60))


def test_a_queue_that_does_not_say_what_is_missing_is_an_outage(tasks: CloudTasks, queue: FakeQueue) -> None:
    queue.broken = {"GetTask": [grpc.StatusCode.INTERNAL] * 100}

    with pytest.raises(Unavailable):
        tasks.find_missing(tasks_of(3))


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED])
def test_tasks_that_cannot_be_deleted_are_left(tasks: CloudTasks, queue: FakeQueue, code: grpc.StatusCode) -> None:
    queue.broken = {"BatchDeleteTasks": [code] * 100}

    tasks.delete(tasks_of(3))

    assert queue.calls["BatchDeleteTasks"] >= 1
