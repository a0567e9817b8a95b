"""Every method of the API in one table, for gRPC and REST."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.cloud.location import locations_pb2  # type: ignore[import-untyped]  # ships no types
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2

from emulators.cloud_tasks.methods.batch_methods import BatchMethods
from emulators.cloud_tasks.methods.policy_methods import (
    LocationMethods,
    PolicyMethods,
    get_cmek_config,
    update_cmek_config,
)
from emulators.cloud_tasks.methods.queue_methods import QueueMethods
from emulators.cloud_tasks.methods.task_methods import TaskMethods
from emulators.cloud_tasks.wire import protos
from emulators.cloud_tasks.wire.errors import ApiError, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from emulators.cloud_tasks.clock import Clock
    from emulators.cloud_tasks.dispatch.dispatcher import Dispatcher
    from emulators.cloud_tasks.queues.registry import Registry

log = logging.getLogger("emulators.cloud_tasks")

CLOUD_TASKS = "google.cloud.tasks.v2.CloudTasks"
OPERATIONS = "google.longrunning.Operations"
LOCATIONS = "google.cloud.location.Locations"


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: the type of its request, and its handler, which returns a message or raises ApiError."""

    request: type[Message]
    # The handlers differ in the request they take, which the table pairs with them.
    handler: Callable[[Any], Message]

    def call(self, request: Message) -> Message:
        """Call the handler; raises ApiError, INTERNAL for a defect."""
        try:
            return self.handler(request)
        except ApiError:
            raise
        except Exception as error:  # a defect here must not end the emulator
            log.exception("%s failed", self.request.DESCRIPTOR.name)
            raise ApiError(Code.INTERNAL, f"The emulator failed on this request: {error!r}") from error


class Api:
    """The API's methods by their full gRPC names, without the leading slash."""

    def __init__(self, clock: Clock, registry: Registry, dispatcher: Dispatcher) -> None:
        self._policies = policies = PolicyMethods(registry)
        queues = QueueMethods(clock, registry, dispatcher)
        tasks = TaskMethods(clock, registry, dispatcher)
        self._batches = batches = BatchMethods(clock, registry, tasks)
        locations = LocationMethods(clock)
        self.methods: dict[str, Method] = {
            f"{CLOUD_TASKS}/ListQueues": Method(protos.ListQueuesRequest, queues.list),
            f"{CLOUD_TASKS}/GetQueue": Method(protos.GetQueueRequest, queues.get),
            f"{CLOUD_TASKS}/CreateQueue": Method(protos.CreateQueueRequest, queues.create),
            f"{CLOUD_TASKS}/UpdateQueue": Method(protos.UpdateQueueRequest, queues.update),
            f"{CLOUD_TASKS}/DeleteQueue": Method(protos.DeleteQueueRequest, queues.delete),
            f"{CLOUD_TASKS}/PurgeQueue": Method(protos.PurgeQueueRequest, queues.purge),
            f"{CLOUD_TASKS}/PauseQueue": Method(protos.PauseQueueRequest, queues.pause),
            f"{CLOUD_TASKS}/ResumeQueue": Method(protos.ResumeQueueRequest, queues.resume),
            f"{CLOUD_TASKS}/GetIamPolicy": Method(iam_policy_pb2.GetIamPolicyRequest, policies.get),
            f"{CLOUD_TASKS}/SetIamPolicy": Method(iam_policy_pb2.SetIamPolicyRequest, policies.set),
            f"{CLOUD_TASKS}/TestIamPermissions": Method(iam_policy_pb2.TestIamPermissionsRequest, policies.test),
            f"{CLOUD_TASKS}/ListTasks": Method(protos.ListTasksRequest, tasks.list),
            f"{CLOUD_TASKS}/GetTask": Method(protos.GetTaskRequest, tasks.get),
            f"{CLOUD_TASKS}/CreateTask": Method(protos.CreateTaskRequest, tasks.create),
            f"{CLOUD_TASKS}/DeleteTask": Method(protos.DeleteTaskRequest, tasks.delete),
            f"{CLOUD_TASKS}/RunTask": Method(protos.RunTaskRequest, tasks.run),
            f"{CLOUD_TASKS}/BatchCreateTasks": Method(protos.BatchCreateTasksRequest, batches.create),
            f"{CLOUD_TASKS}/BatchDeleteTasks": Method(protos.BatchDeleteTasksRequest, batches.delete),
            f"{CLOUD_TASKS}/GetCmekConfig": Method(protos.GetCmekConfigRequest, get_cmek_config),
            f"{CLOUD_TASKS}/UpdateCmekConfig": Method(protos.UpdateCmekConfigRequest, update_cmek_config),
            f"{OPERATIONS}/GetOperation": Method(operations_pb2.GetOperationRequest, batches.get),
            f"{LOCATIONS}/ListLocations": Method(locations_pb2.ListLocationsRequest, locations.list),
            f"{LOCATIONS}/GetLocation": Method(locations_pb2.GetLocationRequest, locations.get),
        }

    def clear(self) -> None:
        """Delete all policies and operations."""
        self._policies.clear()
        self._batches.clear()
