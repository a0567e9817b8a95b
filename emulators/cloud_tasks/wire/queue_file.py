"""Queues in a YAML file, in the format of `gcloud tasks queues describe --format=yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from google.protobuf import json_format

from emulators.cloud_tasks.wire import names
from emulators.cloud_tasks.wire.errors import ApiError
from emulators.cloud_tasks.wire.protos import Queue
from emulators.cloud_tasks.wire.queue_config import new_queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class QueueFileError(Exception):
    """The file cannot be read, or the API would refuse one of its queues."""


def read_queue_file(path: Path) -> list[Queue]:
    """Read the queues of a file: documents, lists, or lists under `queues:`; raises QueueFileError."""
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise QueueFileError(f"{path} cannot be read: {error}") from None
    return [validate_queue(_parse_queue(entry, path)) for entry in _entries(documents)]


def validate_queue(queue: Queue) -> Queue:
    """Return the queue if the API would accept it; else raise QueueFileError with the API's words."""
    try:
        names.parse_new_queue(queue.name)
        new_queue(queue)
    except ApiError as error:
        raise QueueFileError(f"queue {queue.name!r}: {error.message}") from None
    return queue


def _entries(documents: Iterable[Any]) -> Iterator[Any]:
    for document in documents:
        if isinstance(document, list):
            yield from _entries(document)
        elif isinstance(document, dict) and isinstance(document.get("queues"), list):
            yield from _entries(document["queues"])
        elif document is not None:
            yield document


def _parse_queue(entry: Any, path: Path) -> Queue:
    queue = Queue()
    try:
        json_format.ParseDict(entry, queue)
    except (json_format.ParseError, AttributeError, TypeError) as error:
        raise QueueFileError(f"{path}: {error}") from None
    return queue
