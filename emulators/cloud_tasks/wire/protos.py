"""The messages of the Cloud Tasks v2 API as raw protocol buffers.

The official client ships them as proto-plus classes, which copy and convert on every access: too slow for a server with
ten thousand tasks. So this module exports the protobuf classes below them. For a type checker they are the proto-plus
classes, whose annotations name the same fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.cloud.tasks_v2 import types

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.cloud.tasks_v2.types import (
        AppEngineHttpRequest,
        Attempt,
        BatchCreateTasksMetadata,
        BatchCreateTasksRequest,
        BatchCreateTasksResponse,
        BatchDeleteTasksMetadata,
        BatchDeleteTasksRequest,
        CmekConfig,
        CreateQueueRequest,
        CreateTaskRequest,
        DeleteQueueRequest,
        DeleteTaskRequest,
        GetCmekConfigRequest,
        GetQueueRequest,
        GetTaskRequest,
        HttpRequest,
        HttpTarget,
        ListQueuesRequest,
        ListQueuesResponse,
        ListTasksRequest,
        ListTasksResponse,
        PauseQueueRequest,
        PurgeQueueRequest,
        Queue,
        RateLimits,
        ResumeQueueRequest,
        RetryConfig,
        RunTaskRequest,
        Task,
        UpdateCmekConfigRequest,
        UpdateQueueRequest,
        UriOverride,
    )
else:
    AppEngineHttpRequest = types.AppEngineHttpRequest.pb()
    Attempt = types.Attempt.pb()
    BatchCreateTasksMetadata = types.BatchCreateTasksMetadata.pb()
    BatchCreateTasksRequest = types.BatchCreateTasksRequest.pb()
    BatchCreateTasksResponse = types.BatchCreateTasksResponse.pb()
    BatchDeleteTasksMetadata = types.BatchDeleteTasksMetadata.pb()
    BatchDeleteTasksRequest = types.BatchDeleteTasksRequest.pb()
    CmekConfig = types.CmekConfig.pb()
    CreateQueueRequest = types.CreateQueueRequest.pb()
    CreateTaskRequest = types.CreateTaskRequest.pb()
    DeleteQueueRequest = types.DeleteQueueRequest.pb()
    DeleteTaskRequest = types.DeleteTaskRequest.pb()
    GetCmekConfigRequest = types.GetCmekConfigRequest.pb()
    GetQueueRequest = types.GetQueueRequest.pb()
    GetTaskRequest = types.GetTaskRequest.pb()
    HttpRequest = types.HttpRequest.pb()
    HttpTarget = types.HttpTarget.pb()
    ListQueuesRequest = types.ListQueuesRequest.pb()
    ListQueuesResponse = types.ListQueuesResponse.pb()
    ListTasksRequest = types.ListTasksRequest.pb()
    ListTasksResponse = types.ListTasksResponse.pb()
    PauseQueueRequest = types.PauseQueueRequest.pb()
    PurgeQueueRequest = types.PurgeQueueRequest.pb()
    Queue = types.Queue.pb()
    RateLimits = types.RateLimits.pb()
    ResumeQueueRequest = types.ResumeQueueRequest.pb()
    RetryConfig = types.RetryConfig.pb()
    RunTaskRequest = types.RunTaskRequest.pb()
    Task = types.Task.pb()
    UpdateCmekConfigRequest = types.UpdateCmekConfigRequest.pb()
    UpdateQueueRequest = types.UpdateQueueRequest.pb()
    UriOverride = types.UriOverride.pb()

QueueState = types.Queue.State
TaskView = types.Task.View
HttpMethod = types.HttpMethod
UriScheme = types.UriOverride.Scheme
UriEnforceMode = types.UriOverride.UriOverrideEnforceMode
BatchCreateState = types.BatchCreateTasksMetadata.State
BatchDeleteState = types.BatchDeleteTasksMetadata.State


def in_enum(kind: Callable[[int], object], number: int) -> bool:
    """Whether an enum of the API has this number; on the wire any number is possible."""
    try:
        kind(number)
    except ValueError:
        return False
    return True


__all__ = [
    "AppEngineHttpRequest",
    "Attempt",
    "BatchCreateState",
    "BatchCreateTasksMetadata",
    "BatchCreateTasksRequest",
    "BatchCreateTasksResponse",
    "BatchDeleteState",
    "BatchDeleteTasksMetadata",
    "BatchDeleteTasksRequest",
    "CmekConfig",
    "CreateQueueRequest",
    "CreateTaskRequest",
    "DeleteQueueRequest",
    "DeleteTaskRequest",
    "GetCmekConfigRequest",
    "GetQueueRequest",
    "GetTaskRequest",
    "HttpMethod",
    "HttpRequest",
    "HttpTarget",
    "ListQueuesRequest",
    "ListQueuesResponse",
    "ListTasksRequest",
    "ListTasksResponse",
    "PauseQueueRequest",
    "PurgeQueueRequest",
    "Queue",
    "QueueState",
    "RateLimits",
    "ResumeQueueRequest",
    "RetryConfig",
    "RunTaskRequest",
    "Task",
    "TaskView",
    "UpdateCmekConfigRequest",
    "UpdateQueueRequest",
    "UriEnforceMode",
    "UriOverride",
    "UriScheme",
    "in_enum",
]
