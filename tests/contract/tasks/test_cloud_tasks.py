"""What only the real protocol can show: what a task says, and what happens when some of a batch fails."""

from __future__ import annotations

import json
from collections import Counter
from concurrent import futures
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.rpc import status_pb2

from imagefactory.adapters import cloud_tasks as adapter
from imagefactory.adapters.cloud_tasks import ROUNDS, CloudTasks
from imagefactory.domain.errors import Unavailable
from imagefactory.domain.task import Task, first_round
from imagefactory.settings import GenerateSettings
from local.credentials import write_service_account
from tests.contract.tasks.conftest import SERVICE_ACCOUNT, URL, an_adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
EXECUTION = "f8b20b59-7d06-4599-8413-64da74225b0c"
UNAVAILABLE, EXISTS = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ALREADY_EXISTS
UNIMPLEMENTED, INVALID = grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT


def tasks_of(count: int) -> list[Task]:
    return [Task(EXECUTION, index, 1, SOON) for index in range(count)]


class TestATask:
    def test_says_whom_to_call_when_as_whom_and_with_what(
        self, client: tasks_v2.CloudTasksClient, queues: tuple[str, str], cloud_tasks: CloudTasks
    ) -> None:
        task = Task(EXECUTION, 7, 2, SOON + timedelta(microseconds=250_000), generation=1)
        cloud_tasks.enqueue([task])

        found = client.get_task(
            request=tasks_v2.GetTaskRequest(name=f"{queues[0]}/tasks/{task.id}", response_view=tasks_v2.Task.View.FULL)
        )

        request = found.http_request
        assert (request.url, request.http_method) == (URL, tasks_v2.HttpMethod.POST)
        assert json.loads(request.body) == {"execution_id": EXECUTION, "batch_index": 7, "attempt": 2}
        assert request.headers["Content-Type"] == "application/json"
        assert request.oidc_token.service_account_email == SERVICE_ACCOUNT
        assert request.oidc_token.audience == URL
        assert found.schedule_time == task.schedule_at
        assert found.dispatch_deadline == timedelta(minutes=10)

    def test_of_a_watchdog_says_what_the_next_round_must_know(
        self, client: tasks_v2.CloudTasksClient, queues: tuple[str, str], cloud_tasks: CloudTasks
    ) -> None:
        watch = first_round(EXECUTION, SOON, 60)
        cloud_tasks.watch(watch)

        found = client.get_task(
            request=tasks_v2.GetTaskRequest(name=f"{queues[1]}/tasks/{watch.id}", response_view=tasks_v2.Task.View.FULL)
        )

        assert json.loads(found.http_request.body) == {
            "execution_id": EXECUTION,
            "watch": {"since": SOON.isoformat(), "round": 1, "seen": "", "idle": 0},
        }
        assert found.schedule_time == SOON + timedelta(minutes=1)


class FakeQueue(grpc.GenericRpcHandler):
    """The few methods of Cloud Tasks that the adapter calls, each failing as it is told to.

    `failing` maps a task's id to the codes with which its creation fails, one after the other; `broken` does so for
    whole methods. `created` are the ids of all tasks that were created; `calls` counts the calls by method.
    """

    def __init__(self) -> None:
        self.failing: dict[str, list[grpc.StatusCode]] = {}
        self.broken: dict[str, list[grpc.StatusCode]] = {}
        self.created: list[str] = []
        self.calls: Counter[str] = Counter()
        self.answer: Callable[[operations_pb2.Operation], operations_pb2.Operation] = lambda operation: operation

    def service(self, details: Any) -> Any:
        method = details.method.rsplit("/", 1)[-1]
        behaviours: dict[str, tuple[Any, Any, Any]] = {
            "CreateTask": (self._create, tasks_v2.CreateTaskRequest.deserialize, tasks_v2.Task.serialize),
            "GetTask": (self._get, tasks_v2.GetTaskRequest.deserialize, tasks_v2.Task.serialize),
            "BatchCreateTasks": (self._batch, tasks_v2.BatchCreateTasksRequest.deserialize, _serialized),
            "BatchDeleteTasks": (self._get, tasks_v2.BatchDeleteTasksRequest.deserialize, _serialized),
            "GetOperation": (self._operation, operations_pb2.GetOperationRequest.FromString, _serialized),
        }
        behaviour, read, write = behaviours[method]

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls[method] += 1
            if self.broken.get(method):
                context.abort(self.broken[method].pop(0), "as told")
            return behaviour(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, read, write)

    def _create(self, request: tasks_v2.CreateTaskRequest, context: grpc.ServicerContext) -> tasks_v2.Task:
        if code := self._made(request):
            context.abort(code, "as told")
        return request.task

    def _made(self, request: tasks_v2.CreateTaskRequest) -> grpc.StatusCode | None:
        task_id = request.task.name.rsplit("/", 1)[-1]
        if self.failing.get(task_id):
            return self.failing[task_id].pop(0)
        self.created.append(task_id)
        return None

    def _batch(self, request: tasks_v2.BatchCreateTasksRequest, _: grpc.ServicerContext) -> Any:
        failed = {index: code for index, each in enumerate(request.requests) if (code := self._made(each))}
        metadata = tasks_v2.BatchCreateTasksMetadata.pb(tasks_v2.BatchCreateTasksMetadata())
        for index, code in failed.items():
            metadata.failed_requests[index].CopyFrom(status_pb2.Status(code=code.value[0]))
        operation = operations_pb2.Operation(name="operations/1", done=True, metadata=_packed(metadata))
        if len(failed) == len(request.requests):
            operation.error.CopyFrom(status_pb2.Status(code=grpc.StatusCode.ABORTED.value[0]))
        else:
            operation.response.CopyFrom(
                _packed(tasks_v2.BatchCreateTasksResponse.pb(tasks_v2.BatchCreateTasksResponse()))
            )
        return self.answer(operation)

    def _operation(self, request: operations_pb2.GetOperationRequest, _: grpc.ServicerContext) -> Any:
        return operations_pb2.Operation(name=request.name, done=False)

    def _get(self, _: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.NOT_FOUND, "there is none")


def _serialized(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


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
        assert pauses == [ROUNDS[0]]

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

        assert (sorted(queue.created), pauses) == (ids(tasks_of(3)), list(ROUNDS[:2]))

    def test_whose_report_is_an_error_alone_is_sent_again(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]
    ) -> None:
        def failed(operation: operations_pb2.Operation) -> operations_pb2.Operation:
            queue.answer = lambda whole: whole
            return operations_pb2.Operation(
                name=operation.name,
                done=True,
                metadata=_packed(tasks_v2.BatchCreateTasksMetadata.pb(tasks_v2.BatchCreateTasksMetadata())),
                error=status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0]),
            )

        queue.answer = failed

        tasks.enqueue(tasks_of(3))

        assert pauses == [ROUNDS[0]]

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

        assert pauses == ([ROUNDS[0]] if error else [])

    def test_whose_report_never_comes_is_sent_again(
        self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unfinished(operation: operations_pb2.Operation) -> operations_pb2.Operation:
            queue.answer = lambda whole: whole
            return operations_pb2.Operation(name=operation.name, done=False, metadata=operation.metadata)

        queue.answer = unfinished
        monkeypatch.setattr(adapter, "CALL_SECONDS", 0.5)

        tasks.enqueue(tasks_of(3))

        assert pauses == [ROUNDS[0]]
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

        assert pauses == list(ROUNDS)
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

        assert pauses == list(ROUNDS[:rounds])

    def test_that_is_wrong_is_a_defect_and_told_as_it_is(self, tasks: CloudTasks, queue: FakeQueue) -> None:
        queue.broken = {"CreateTask": [INVALID]}

        with pytest.raises(exceptions.InvalidArgument):
            tasks.enqueue(tasks_of(1))


class TestARound:
    def test_that_fails_is_created_again(self, tasks: CloudTasks, queue: FakeQueue, pauses: list[float]) -> None:
        watch = first_round(EXECUTION, SOON, 60)
        queue.failing = {watch.id: [UNAVAILABLE]}

        tasks.watch(watch)

        assert (queue.created, pauses) == ([watch.id], [ROUNDS[0]])

    def test_that_cannot_be_created_is_an_outage(self, tasks: CloudTasks, queue: FakeQueue) -> None:
        queue.broken = {"CreateTask": [UNAVAILABLE] * 100}

        with pytest.raises(Unavailable):
            tasks.watch(first_round(EXECUTION, SOON, 60))


def test_a_queue_that_does_not_say_what_is_missing_is_an_outage(tasks: CloudTasks, queue: FakeQueue) -> None:
    queue.broken = {"GetTask": [grpc.StatusCode.INTERNAL] * 100}

    with pytest.raises(Unavailable):
        tasks.missing(tasks_of(3))


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED])
def test_tasks_that_cannot_be_deleted_are_left(tasks: CloudTasks, queue: FakeQueue, code: grpc.StatusCode) -> None:
    queue.broken = {"BatchDeleteTasks": [code] * 100}

    tasks.delete(tasks_of(3))

    assert queue.calls["BatchDeleteTasks"] >= 1


def test_the_queue_is_found_by_the_settings(cloud_tasks_host: str, queues: tuple[str, str]) -> None:
    adapter.client.cache_clear()
    settings = GenerateSettings(
        project_id="contract",
        bucket="b",
        dispatch_rate=1.0,
        queue=queues[0],
        watchdog_queue=queues[1],
        generate_url=URL,
        tasks_service_account=SERVICE_ACCOUNT,
        encryption_key_secret="s",
        dispatch_deadline_seconds=600.0,
        cloud_tasks_emulator_host=cloud_tasks_host,
        gemini_api_url="g",
        tasks_issuer="i",
        tasks_jwks_url="j",
    )

    tasks = adapter.of(settings)
    tasks.enqueue(tasks_of(2))

    assert tasks.missing(tasks_of(3)) == tasks_of(3)[2:]
    adapter.client(cloud_tasks_host).transport.close()
    adapter.client.cache_clear()


def test_in_the_cloud_the_client_is_googles_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key_file = tmp_path / "key.json"
    write_service_account(key_file, "contract", "http://127.0.0.1:9/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    adapter.client.cache_clear()

    client = adapter.client()

    assert client.api_endpoint.endswith(".googleapis.com")
    assert adapter.client() is client
    client.transport.close()
    adapter.client.cache_clear()
