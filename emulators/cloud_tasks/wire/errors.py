"""The API's errors, in the words of the real service.

Every refusal is an ApiError. The texts are recorded from the real service or quoted from its reference; the README
lists the few that are this emulator's own.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from google.protobuf.message import Message

_DOCS = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"


class Code(Enum):
    """The google.rpc codes, each with its number and its HTTP status."""

    CANCELLED = (1, 499)
    UNKNOWN = (2, 500)
    INVALID_ARGUMENT = (3, 400)
    DEADLINE_EXCEEDED = (4, 504)
    NOT_FOUND = (5, 404)
    ALREADY_EXISTS = (6, 409)
    PERMISSION_DENIED = (7, 403)
    RESOURCE_EXHAUSTED = (8, 429)
    FAILED_PRECONDITION = (9, 400)
    ABORTED = (10, 409)
    OUT_OF_RANGE = (11, 400)
    UNIMPLEMENTED = (12, 501)
    INTERNAL = (13, 500)
    UNAVAILABLE = (14, 503)
    UNAUTHENTICATED = (16, 401)

    @property
    def number(self) -> int:
        """The code's number in google.rpc.Code."""
        return self.value[0]

    @property
    def http_status(self) -> int:
        """The HTTP status that google.rpc.Code assigns to it."""
        return self.value[1]


class ApiError(Exception):
    """A refused call: a code, a message for the caller, and typed details."""

    def __init__(self, code: Code, message: str, *details: Message) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def status(self) -> status_pb2.Status:
        """The error as google.rpc.Status, as gRPC trailers and operations carry it."""
        status = status_pb2.Status(code=self.code.number, message=self.message)
        for detail in self.details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        return status


def invalid(message: str, *details: Message) -> ApiError:
    """INVALID_ARGUMENT with this message."""
    return ApiError(Code.INVALID_ARGUMENT, message, *details)


def _help(description: str, url: str) -> error_details_pb2.Help:
    return error_details_pb2.Help(links=[error_details_pb2.Help.Link(description=description, url=url)])


def bad_resource() -> ApiError:
    """A malformed resource name."""
    return invalid("Invalid resource field value in the request.")


def bad_queue_name() -> ApiError:
    """A queue name with a bad character, or a malformed one in CreateQueue or UpdateQueue."""
    return invalid(
        'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
        _help("Definition of queue name", f"{_DOCS}#Queue.FIELDS.name"),
    )


def bad_task_name() -> ApiError:
    """A malformed task name in CreateTask."""
    return invalid(
        'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>"'
    )


def bad_task_id(task_id: str) -> ApiError:
    """A task id with a bad character or of a bad length."""
    return invalid(
        f'Task ID "{task_id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). '
        "Task ID must between 1 and 500 characters.",
        _help("Definition of task ID", f"{_DOCS}.tasks#Task.FIELDS.name"),
    )


def wrong_queue_in_task_name(parent: str, queue: str) -> ApiError:
    """A task name that belongs to another queue than the request's."""
    return invalid(
        f"The queue name from request ('{parent}') must be the same as the queue name in the named task ('{queue}')."
    )


def not_a_project(parent: str) -> ApiError:
    """A parent without a project: Google's front end refuses it before Cloud Tasks sees it."""
    message = f"Permission denied on resource project {parent}."
    consumer = {"consumer": f"projects/{parent}", "containerInfo": parent, "service": "cloudtasks.googleapis.com"}
    return ApiError(
        Code.PERMISSION_DENIED,
        message,
        error_details_pb2.ErrorInfo(reason="CONSUMER_INVALID", domain="googleapis.com", metadata=consumer),
        error_details_pb2.LocalizedMessage(locale="en-US", message=message),
        _help("Google developers console", "https://console.developers.google.com"),
    )


def queue_missing() -> ApiError:
    """A queue that never existed or was deleted."""
    return ApiError(
        Code.NOT_FOUND,
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.",
    )


def entity_missing() -> ApiError:
    """A task that never existed, or a queue that DeleteQueue cannot find."""
    return ApiError(Code.NOT_FOUND, "Requested entity was not found.")


def queue_exists() -> ApiError:
    """CreateQueue for an existing queue."""
    return ApiError(Code.ALREADY_EXISTS, "Queue already exists")


def queue_existed_recently() -> ApiError:
    """CreateQueue too soon after the queue's deletion."""
    return ApiError(
        Code.FAILED_PRECONDITION,
        "The queue cannot be created because a queue with this name existed too recently.",
    )


def task_exists() -> ApiError:
    """CreateTask with the name of an existing task."""
    return ApiError(Code.ALREADY_EXISTS, "Requested entity already exists")


def task_existed_recently() -> ApiError:
    """CreateTask with a name that a finished or deleted task still reserves."""
    return ApiError(
        Code.ALREADY_EXISTS,
        "The task cannot be created because a task with this name existed too recently.",
    )


def task_gone() -> ApiError:
    """A task that finished or was deleted not long ago."""
    return ApiError(
        Code.NOT_FOUND,
        "The task no longer exists, though a task with this name existed recently. "
        "The task either successfully completed or was deleted.",
    )


def not_supported(what: str) -> ApiError:
    """A method or feature that this emulator does not have."""
    return ApiError(Code.UNIMPLEMENTED, what)
