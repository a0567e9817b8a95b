"""All queues of the emulator, and the names of those deleted not long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulators.cloud_tasks.queues.queue import LiveQueue
from emulators.cloud_tasks.queues.tombstones import Tombstones
from emulators.cloud_tasks.wire.errors import queue_existed_recently, queue_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulators.cloud_tasks.clock import Clock
    from emulators.cloud_tasks.settings import Settings
    from emulators.cloud_tasks.wire.names import QueueName
    from emulators.cloud_tasks.wire.protos import Queue

_MOST_TOMBSTONES = 1_000_000


class Registry:
    """Finds queues by name."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._queues: dict[str, LiveQueue] = {}
        self._gone = Tombstones(settings.queue_name_reuse, _MOST_TOMBSTONES)

    def __iter__(self) -> Iterator[LiveQueue]:
        return iter(list(self._queues.values()))

    def get(self, path: str) -> LiveQueue | None:
        """The queue of that full name, or None."""
        return self._queues.get(path)

    def find(self, name: QueueName) -> LiveQueue:
        """The queue of that name; raises ApiError when there is none."""
        queue = self._queues.get(name.path)
        if queue is None:
            raise queue_missing()
        return queue

    def add(self, name: QueueName, proto: Queue) -> LiveQueue:
        """Store a new queue; raises ApiError while a deleted one still holds its name."""
        now = self._clock.now()
        if self._gone.holds(name.path, now):
            raise queue_existed_recently()
        queue = LiveQueue(name, proto, self._settings, now)
        self._queues[name.path] = queue
        return queue

    def remove(self, queue: LiveQueue) -> None:
        """Delete a queue with everything in it; attempts in flight end on their own."""
        self._drop(queue)
        self._gone.add(queue.name.path, self._clock.now())

    def clear(self) -> None:
        """Forget everything, reserved names included."""
        for queue in self:
            self._drop(queue)
        self._gone = Tombstones(self._settings.queue_name_reuse, _MOST_TOMBSTONES)

    def _drop(self, queue: LiveQueue) -> None:
        queue.deleted = True
        queue.tasks.clear()
        if queue.alarm is not None:
            queue.alarm.cancel()
            queue.alarm = None
        del self._queues[queue.name.path]
