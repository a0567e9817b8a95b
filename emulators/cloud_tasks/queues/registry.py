"""All queues of the emulator, and the reserved names of deleted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulators.cloud_tasks.queues.queue import QueueRuntime
from emulators.cloud_tasks.queues.reserved_names import ReservedNames
from emulators.cloud_tasks.wire.errors import queue_existed_recently, queue_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulators.cloud_tasks.clock import Clock
    from emulators.cloud_tasks.settings import Settings
    from emulators.cloud_tasks.wire.names import QueueName
    from emulators.cloud_tasks.wire.protos import Queue

_MAX_RESERVED_NAMES = 1_000_000


class Registry:
    """Finds queues by name."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._queues: dict[str, QueueRuntime] = {}
        self._reserved = ReservedNames(settings.queue_name_reuse, _MAX_RESERVED_NAMES)

    def __iter__(self) -> Iterator[QueueRuntime]:
        return iter(list(self._queues.values()))

    def get(self, path: str) -> QueueRuntime | None:
        """Get a queue by its full name; None if there is none."""
        return self._queues.get(path)

    def find(self, name: QueueName) -> QueueRuntime:
        """Find a queue by name; raises ApiError."""
        queue = self._queues.get(name.path)
        if queue is None:
            raise queue_missing()
        return queue

    def add(self, name: QueueName, proto: Queue) -> QueueRuntime:
        """Store a new queue; raises ApiError while its name is reserved."""
        now = self._clock.now()
        if self._reserved.holds(name.path, now):
            raise queue_existed_recently()
        queue = QueueRuntime(name, proto, self._settings, now)
        self._queues[name.path] = queue
        return queue

    def remove(self, queue: QueueRuntime) -> None:
        """Delete a queue with its tasks; attempts in flight end by themselves."""
        self._drop(queue)
        self._reserved.add(queue.name.path, self._clock.now())

    def clear(self) -> None:
        """Delete all queues and reserved names."""
        for queue in self:
            self._drop(queue)
        self._reserved = ReservedNames(self._settings.queue_name_reuse, _MAX_RESERVED_NAMES)

    def _drop(self, queue: QueueRuntime) -> None:
        queue.is_deleted = True
        queue.tasks.clear()
        if queue.alarm is not None:
            queue.alarm.cancel()
            queue.alarm = None
        del self._queues[queue.name.path]
