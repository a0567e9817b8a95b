"""Resource names: their grammar and their refusals."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulators.cloud_tasks.wire.errors import (
    bad_queue_name,
    bad_resource,
    bad_task_id,
    bad_task_name,
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
    """A valid queue name: `path` is the full name, `parent` its location."""

    path: str
    parent: str
    project: str
    location: str
    queue_id: str


@dataclass(frozen=True, slots=True)
class TaskName:
    """A valid task name: its queue and its id."""

    queue: QueueName
    task_id: str


def parse_queue(name: str) -> QueueName:
    """Parse the name of an existing queue; raises ApiError."""
    if not _QUEUE_SHAPE.fullmatch(name):
        raise bad_resource()
    return parse_new_queue(name)


def parse_new_queue(name: str) -> QueueName:
    """Parse the name of a queue to create or update; raises ApiError, in other words than `parse_queue`."""
    match = _QUEUE_NAME.fullmatch(name)
    if not match:
        raise bad_queue_name()
    return QueueName(name, match[1], match[2], match[3], match[4])


def parse_location(name: str) -> str:
    """Validate a location name and return it; raises ApiError."""
    if _LOCATION_NAME.fullmatch(name):
        return name
    if not name.startswith("projects/"):
        raise not_a_project(name)
    raise bad_resource()


def parse_queue_under(parent: str, name: str) -> QueueName:
    """Parse the name of a queue to create in `parent`; raises ApiError."""
    parse_location(parent)
    queue = parse_new_queue(name)
    if queue.parent != parent:
        raise invalid(f"{name} must begin with {parent}.")
    return queue


def parse_task(name: str) -> TaskName:
    """Parse the name of an existing task; raises ApiError."""
    match = _TASK_SHAPE.fullmatch(name)
    if not match:
        raise bad_resource()
    return TaskName(parse_queue(match[1]), _check_id(match[2]))


def new_task_id(queue: QueueName, name: str) -> str:
    """Parse the full name of a new task of `queue`; return its id. Raises ApiError."""
    match = _TASK_SHAPE.fullmatch(name)
    if not match:
        raise bad_task_name()
    task_id = _check_id(match[2])
    if match[1] != queue.path:
        raise wrong_queue_in_task_name(queue.path, match[1])
    return task_id


def _check_id(task_id: str) -> str:
    if not _TASK_ID.fullmatch(task_id):
        raise bad_task_id(task_id)
    return task_id
