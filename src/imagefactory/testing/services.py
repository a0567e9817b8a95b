"""The queue, the bucket, the encryption, the workflows and the image codec, in memory."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import EncryptedSecret
from imagefactory.domain.image import Provenance, StoredImage
from imagefactory.ports import DecodedImage, ImageFormat
from imagefactory.testing.factories import the_bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagefactory.domain.task import Task, WatchdogCheck
    from imagefactory.domain.workflow import Workflow

_PICTURE = re.compile(rb"(png|jpg|webp) (\d+)x(\d+)")


class InMemoryTasks:
    """The port Tasks. `waiting` are the tasks in the queue by name, `created` all that ever were in it, in order.

    `watches` are the checks of watchdogs that were ever created, by name.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, Task] = {}
        self.created: list[Task] = []
        self.watches: dict[str, WatchdogCheck] = {}

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Create what is new by its name: a name stays taken after its task is gone."""
        used = {task.id for task in self.created}
        for task in tasks:
            if task.id not in used:
                used.add(task.id)
                self.created.append(task)
                self.waiting[task.id] = task

    def delete(self, tasks: Sequence[Task]) -> None:
        """Delete what still waits."""
        for task in tasks:
            self.remove(task)

    def find_missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Those that do not wait under any name that a recovery gave them."""
        return [task for task in tasks if not any(name in self.waiting for name in _names(task))]

    def enqueue_check(self, check: WatchdogCheck) -> None:
        """Keep the check; the same one again changes nothing."""
        self.watches.setdefault(check.id, check)

    def lose(self, *tasks: Task) -> None:
        """Let these tasks vanish, or all that wait: as a purge does, or a queue that gives up."""
        for task in tasks or tuple(self.waiting.values()):
            self.remove(task)

    def due(self, now: datetime) -> list[Task]:
        """The tasks that may be delivered now, the earliest first."""
        ready = [task for task in self.waiting.values() if task.schedule_at <= now]
        return sorted(ready, key=lambda task: (task.schedule_at, task.batch_index))

    def remove(self, task: Task) -> None:
        """Take a task out of the queue: it was answered with success."""
        self.waiting.pop(task.id, None)


def _names(task: Task) -> list[str]:
    return [replace(task, recovery=recovery).id for recovery in range(task.recovery + 1)]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the bucket: its bytes, its MIME type, and the image's size where it is a result."""

    data: bytes
    content_type: str
    width: int = 0
    height: int = 0
    provenance: Provenance = field(default_factory=Provenance)


class InMemoryImageStore:
    """The port ImageStore. `objects` is the bucket, by name, in the order of creation."""

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}
        self._lock = threading.Lock()

    def put_reference(self, execution_id: str, number: int, image: DecodedImage) -> str:
        """Keep a reference, beside a different one of that number."""
        stem = f"executions/{execution_id}/references/{number}"
        name = f"{stem}.{image.format.value}"
        with self._lock:
            if self.objects.get(name, StoredObject(image.data, "")).data != image.data:
                name = f"{stem}-{hashlib.sha256(image.data).hexdigest()}.{image.format.value}"
            self.objects[name] = StoredObject(image.data, image.format.content_type)
        return name

    def reference(self, name: str) -> bytes:
        """The bytes kept under this name."""
        try:
            return self.objects[name].data
        except KeyError:
            raise Conflict("there is no such object") from None

    def put(self, execution_id: str, index: int, image: DecodedImage, provenance: Provenance) -> StoredImage:
        """Keep the image, unless the prompt has one."""
        with self._lock:
            if stored := self.find(execution_id, index):
                return stored
            name = f"{_prefix(execution_id, index)}{image.format.value}"
            content_type = image.format.content_type
            self.objects[name] = StoredObject(image.data, content_type, image.width, image.height, provenance)
            return _image_of(name, self.objects[name])

    def find(self, execution_id: str, index: int) -> StoredImage | None:
        """The first image whose name begins as this prompt's does."""
        prefix = _prefix(execution_id, index)
        names = (name for name in self.objects if name.startswith(prefix))
        name = next(names, None)
        return _image_of(name, self.objects[name]) if name else None

    def of(self, execution_id: str, index: int) -> list[str]:
        """The names of all images of a prompt: never more than one."""
        return [name for name in self.objects if name.startswith(_prefix(execution_id, index))]


def _prefix(execution_id: str, index: int) -> str:
    return f"executions/{execution_id}/{index:05d}."


def _image_of(name: str, kept: StoredObject) -> StoredImage:
    return StoredImage(name, kept.content_type, kept.width, kept.height, len(kept.data), kept.provenance)


class InMemoryImageUrls:
    """The port ImageUrls: addresses that name their object and when they end; a new one every `seconds` / 2."""

    def __init__(self, seconds: float = 3600) -> None:
        self._life = timedelta(seconds=seconds)

    def urls(self, images: Sequence[StoredImage], now: datetime) -> list[tuple[str, datetime | None]]:
        """Addresses that work from half a life to a whole life from now."""
        expires_at = self._window_start(now) + self._life
        return [(f"memory://{image.name}?until={expires_at.timestamp():.0f}", expires_at) for image in images]

    def window(self, now: datetime) -> str:
        """The half life in which `now` lies."""
        return self._window_start(now).isoformat()

    def _window_start(self, now: datetime) -> datetime:
        half = self._life.total_seconds() / 2
        return datetime.fromtimestamp(now.timestamp() // half * half, UTC)


class InMemoryEncryption:
    """The port Encryption: a stand-in for encryption that no one should take for any.

    `rotate` begins a new version of the key, `disable` ends one.
    """

    def __init__(self) -> None:
        self._version = 1
        self._disabled: set[str] = set()

    def rotate(self) -> None:
        """Seal with another version from now on."""
        self._version += 1

    def disable(self, version: str) -> None:
        """Open nothing any more that was encrypted with this version."""
        self._disabled.add(version)

    def encrypt(self, secret: str, context: str) -> EncryptedSecret:
        """Mask the secret with what version and context hash to, and append a tag."""
        version, plain = f"memory/{self._version}", secret.encode()
        tag = hashlib.sha256(f"{version} {context} {secret}".encode()).digest()
        return EncryptedSecret(version, context.encode(), _mask(plain, version, context) + tag)

    def decrypt(self, encrypted: EncryptedSecret, context: str) -> str:
        """Take the mask off, and see whether the tag fits."""
        if encrypted.key_version in self._disabled:
            raise ValueError("the key's version is disabled or destroyed")
        body, tag = encrypted.ciphertext[:-32], encrypted.ciphertext[-32:]
        secret = _mask(body, encrypted.key_version, context).decode(errors="replace")
        if tag != hashlib.sha256(f"{encrypted.key_version} {context} {secret}".encode()).digest():
            raise ValueError("this was not encrypted under that key in that context")
        return secret


def _mask(data: bytes, version: str, context: str) -> bytes:
    mask = hashlib.shake_256(f"{version} {context}".encode()).digest(len(data))
    return bytes(byte ^ other for byte, other in zip(data, mask, strict=True))


class InMemoryWorkflows:
    """The port Workflows."""

    def __init__(self, workflows: Iterable[Workflow]) -> None:
        self._workflows = {workflow.id: workflow for workflow in workflows}

    def get(self, workflow_id: str) -> Workflow | None:
        """The configuration."""
        return self._workflows.get(workflow_id)


class FakeImageCodec:
    """The port ImageCodec for images as `the_bytes_of` makes them: they say what they are, and end with a full stop."""

    def decode(self, data: bytes) -> DecodedImage:
        """Believe what the bytes say."""
        match = _PICTURE.match(data)
        if match is None:
            raise ValueError("the file is no PNG, JPEG or WebP image")
        if not data.endswith(b"."):
            raise ValueError("the image is damaged or cut short")
        return DecodedImage(data, ImageFormat(match[1].decode()), int(match[2]), int(match[3]))

    def convert(self, image: DecodedImage, wanted: ImageFormat) -> DecodedImage:
        """Say something else."""
        if image.format is wanted:
            return image
        data = the_bytes_of(wanted.value, image.width, image.height)
        return DecodedImage(data, wanted, image.width, image.height)
