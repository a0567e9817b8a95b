"""Many tasks in one call, and the long-running operations that report on them.

A batch is complete before its call returns: every operation is done from the start.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from google.longrunning import operations_pb2
from google.protobuf.empty_pb2 import Empty
from google.rpc import status_pb2

from emulators.cloud_tasks.wire import names
from emulators.cloud_tasks.wire.errors import ApiError, Code, entity_missing, invalid
from emulators.cloud_tasks.wire.protos import (
    BatchCreateState,
    BatchCreateTasksMetadata,
    BatchCreateTasksResponse,
    BatchDeleteState,
    BatchDeleteTasksMetadata,
    DeleteTaskRequest,
)
from emulators.cloud_tasks.wire.times import timestamp

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from emulators.cloud_tasks.clock import Clock
    from emulators.cloud_tasks.methods.task_methods import TaskMethods
    from emulators.cloud_tasks.queues.registry import Registry
    from emulators.cloud_tasks.wire.names import QueueName
    from emulators.cloud_tasks.wire.protos import BatchCreateTasksRequest, BatchDeleteTasksRequest, Task

_MAX_CREATES = 100
_MAX_DELETES = 1000
_MAX_OPERATIONS = 1000
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class BatchMethods:
    """BatchCreateTasks, BatchDeleteTasks and GetOperation."""

    def __init__(self, clock: Clock, registry: Registry, tasks: TaskMethods) -> None:
        self._clock = clock
        self._registry = registry
        self._tasks = tasks
        self._operations: dict[str, operations_pb2.Operation] = {}

    def create(self, request: BatchCreateTasksRequest) -> operations_pb2.Operation:
        """Create up to 100 tasks; the operation reports failures by index."""
        queue = self._queue_of(request.parent, len(request.requests), _MAX_CREATES)
        for each in request.requests:
            if each.parent and each.parent != request.parent:
                raise invalid("The parent of every request must be the same as the parent of the batch.")
        name = _operation_name("create", queue, request.request_id)
        if name in self._operations:
            return self._operations[name]
        started = self._clock.now()
        created: list[Task] = []
        failed: dict[int, ApiError] = {}
        for index, each in enumerate(request.requests):
            each.parent = request.parent
            try:
                created.append(self._tasks.create(each))
            except ApiError as error:
                failed[index] = error
        metadata = BatchCreateTasksMetadata(state=_create_state(len(created), len(failed)))
        response = BatchCreateTasksResponse(tasks=created)
        return self._store_operation(name, started, metadata, failed, response if created else None)

    def delete(self, request: BatchDeleteTasksRequest) -> operations_pb2.Operation:
        """Delete up to 1000 tasks; the operation reports failures by index."""
        queue = self._queue_of(request.parent, len(request.names), _MAX_DELETES)
        name = _operation_name("delete", queue, request.request_id)
        if name in self._operations:
            return self._operations[name]
        started = self._clock.now()
        failed: dict[int, ApiError] = {}
        for index, each in enumerate(request.names):
            try:
                names.new_task_id(queue, each)
                self._tasks.delete(DeleteTaskRequest(name=each))
            except ApiError as error:
                failed[index] = error
        deleted = len(request.names) - len(failed)
        metadata = BatchDeleteTasksMetadata(state=_delete_state(deleted, len(failed)))
        return self._store_operation(name, started, metadata, failed, Empty() if deleted else None)

    def get(self, request: operations_pb2.GetOperationRequest) -> operations_pb2.Operation:
        """Get an operation by its name; raises ApiError."""
        operation = self._operations.get(request.name)
        if operation is None:
            raise entity_missing()
        return operation

    def clear(self) -> None:
        """Delete every operation."""
        self._operations.clear()

    def _queue_of(self, parent: str, size: int, maximum: int) -> QueueName:
        queue = names.parse_queue(parent)
        self._registry.find(queue)
        if not 1 <= size <= maximum:
            raise invalid(f"A batch must hold between 1 and {maximum} tasks, not {size}.")
        return queue

    def _store_operation(
        self,
        name: str,
        started: float,
        metadata: BatchCreateTasksMetadata | BatchDeleteTasksMetadata,
        failed: dict[int, ApiError],
        response: Message | None,
    ) -> operations_pb2.Operation:
        metadata.start_time.CopyFrom(timestamp(started))
        metadata.end_time.CopyFrom(timestamp(self._clock.now()))
        for index, error in failed.items():
            metadata.failed_requests[index].CopyFrom(error.status())
        operation = operations_pb2.Operation(name=name, done=True)
        operation.metadata.Pack(metadata)
        if response is not None:
            operation.response.Pack(response)
        else:
            operation.error.CopyFrom(_all_failed(metadata.DESCRIPTOR.name))
        while len(self._operations) >= _MAX_OPERATIONS:
            del self._operations[next(iter(self._operations))]
        self._operations[name] = operation
        return operation


def _operation_name(verb: str, queue: QueueName, request_id: str) -> str:
    if request_id and not _REQUEST_ID.fullmatch(request_id):
        raise invalid("The request id can contain only letters, numbers, hyphens and underscores.")
    # A repeated request id finds its first operation, but only within its own queue and kind of batch.
    suffix = f"{verb}-{queue.queue_id}-{request_id}" if request_id else str(uuid.uuid4())
    return f"{queue.parent}/operations/{suffix}"


def _create_state(created: int, failed: int) -> int:
    if not failed:
        return BatchCreateState.SUCCEEDED
    return BatchCreateState.PARTIALLY_SUCCEEDED if created else BatchCreateState.FAILED


def _delete_state(deleted: int, failed: int) -> int:
    if not failed:
        return BatchDeleteState.SUCCEEDED
    return BatchDeleteState.PARTIALLY_SUCCEEDED if deleted else BatchDeleteState.FAILED


def _all_failed(metadata: str) -> status_pb2.Status:
    return status_pb2.Status(
        code=Code.ABORTED.number,
        message=f"None of the requests succeeded, refer to {metadata}.failed_requests for individual error details",
    )
