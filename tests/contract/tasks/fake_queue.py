"""A queue on a real connection that fails as it is told to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import grpc
from google.cloud import tasks_v2
from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.rpc import status_pb2

if TYPE_CHECKING:
    from collections.abc import Callable


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
            "BatchCreateTasks": (self._batch, tasks_v2.BatchCreateTasksRequest.deserialize, serialized),
            "BatchDeleteTasks": (self._get, tasks_v2.BatchDeleteTasksRequest.deserialize, serialized),
            "GetOperation": (self._operation, operations_pb2.GetOperationRequest.FromString, serialized),
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
        operation = operations_pb2.Operation(name="operations/1", done=True, metadata=packed(metadata))
        if len(failed) == len(request.requests):
            operation.error.CopyFrom(status_pb2.Status(code=grpc.StatusCode.ABORTED.value[0]))
        else:
            operation.response.CopyFrom(
                packed(tasks_v2.BatchCreateTasksResponse.pb(tasks_v2.BatchCreateTasksResponse()))
            )
        return self.answer(operation)

    def _operation(self, request: operations_pb2.GetOperationRequest, _: grpc.ServicerContext) -> Any:
        return operations_pb2.Operation(name=request.name, done=False)

    def _get(self, _: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.NOT_FOUND, "there is none")


def serialized(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
