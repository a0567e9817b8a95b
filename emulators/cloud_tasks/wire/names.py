"""Resource names: their grammar, and the places where each of them is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulators.cloud_tasks.wire.errors import (
    bad_queue_name,
    bad_task_id,
    bad_task_name,
    garbled_resource,
    invalid,
    not_a_project,
    wrong_queue_in_task_name,
)

_PROJECT = r"[A-Za-z0-9:.-]+"
_LOCATION = r"[A-Za-z0-9-]+"
_LOCATION_NAME = re.compile(f"projects/{_PROJECT}/locations/{_LOCATION}")
_QUEUE_NAME = re.compile(f"(projects/({_PROJECT})/locations/({_LOCATION}))/queues/([A-Za-z0-9-]{{1,100}})")
_QUEUE_SHAPE = re.compile(r"projects/[^/]+/locations/[^/]+/queues/[^/]+")
_TASK_SHAPE = re.compile(r"(projects/[^/]+/locations/[^/]+/queues/[^/]+)/tasks/(.*)", re.DOTALL)
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")


@dataclass(frozen=True, slots=True)
class QueueName:
    """A checked queue name and its parts; `path` is the whole of it, `parent` its location."""

    path: str
    parent: str
    project: str
    location: str
    queue_id: str


@dataclass(frozen=True, slots=True)
class TaskName:
    """A checked task name: the queue it belongs to and the id within."""

    queue: QueueName
    task_id: str


def parse_queue(name: str) -> QueueName:
    """The queue that a request refers to; raises ApiError when the name is not one."""
    if not _QUEUE_SHAPE.fullmatch(name):
        raise garbled_resource()
    return parse_new_queue(name)


def parse_new_queue(name: str) -> QueueName:
    """The name of a queue to be made or changed; its refusal is worded differently."""
    match = _QUEUE_NAME.fullmatch(name)
    if not match:
        raise bad_queue_name()
    return QueueName(name, match[1], match[2], match[3], match[4])


def parse_location(name: str) -> str:
    """A location name, unchanged; raises ApiError when it is not one."""
    if _LOCATION_NAME.fullmatch(name):
        return name
    if not name.startswith("projects/"):
        raise not_a_project(name)
    raise garbled_resource()


def queue_under(parent: str, name: str) -> QueueName:
    """The name of a queue to be made in `parent`."""
    parse_location(parent)
    queue = parse_new_queue(name)
    if queue.parent != parent:
        raise invalid(f"{name} must begin with {parent}.")
    return queue


def parse_task(name: str) -> TaskName:
    """The task that a request refers to."""
    match = _TASK_SHAPE.fullmatch(name)
    if not match:
        raise garbled_resource()
    return TaskName(parse_queue(match[1]), _checked_id(match[2]))


def new_task_id(queue: QueueName, name: str) -> str:
    """The id in the full name that a caller chose for a new task of `queue`."""
    match = _TASK_SHAPE.fullmatch(name)
    if not match:
        raise bad_task_name()
    task_id = _checked_id(match[2])
    if match[1] != queue.path:
        raise wrong_queue_in_task_name(queue.path, match[1])
    return task_id


def _checked_id(task_id: str) -> str:
    if not _TASK_ID.fullmatch(task_id):
        raise bad_task_id(task_id)
    return task_id
