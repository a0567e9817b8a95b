"""The API's methods for queues."""

from __future__ import annotations

import heapq
import logging
from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty

from emulators.cloud_tasks.methods.filters import parse_filter
from emulators.cloud_tasks.methods.paging import limit_page_size, make_page_token, read_page_token
from emulators.cloud_tasks.wire import names
from emulators.cloud_tasks.wire.errors import ApiError, entity_missing, queue_exists
from emulators.cloud_tasks.wire.protos import ListQueuesResponse, Queue, QueueState
from emulators.cloud_tasks.wire.queue_config import new_queue, update_queue
from emulators.cloud_tasks.wire.times import timestamp

if TYPE_CHECKING:
    from emulators.cloud_tasks.clock import Clock
    from emulators.cloud_tasks.dispatch.dispatcher import Dispatcher
    from emulators.cloud_tasks.queues.registry import Registry
    from emulators.cloud_tasks.wire.protos import (
        CreateQueueRequest,
        DeleteQueueRequest,
        GetQueueRequest,
        ListQueuesRequest,
        PauseQueueRequest,
        PurgeQueueRequest,
        ResumeQueueRequest,
        UpdateQueueRequest,
    )

log = logging.getLogger("emulators.cloud_tasks")

_MAX_PER_PAGE = 9800


class QueueMethods:
    """Create, get, list, update, delete, pause, resume and purge."""

    def __init__(self, clock: Clock, registry: Registry, dispatcher: Dispatcher) -> None:
        self._clock = clock
        self._registry = registry
        self._dispatcher = dispatcher

    def create(self, request: CreateQueueRequest) -> Queue:
        """Create a queue; raises ApiError if it exists."""
        name = names.parse_queue_under(request.parent, request.queue.name)
        if self._registry.get(name.path):
            raise queue_exists()
        queue = self._registry.add(name, new_queue(request.queue))
        log.info("queue %s is created", name.path)
        return queue.proto

    def get(self, request: GetQueueRequest) -> Queue:
        """Get a queue; raises ApiError."""
        return self._registry.find(names.parse_queue(request.name)).proto

    def update(self, request: UpdateQueueRequest) -> Queue:
        """Change the settings in the mask, with effect at once; create the queue if there is none."""
        name = names.parse_new_queue(request.queue.name)
        queue = self._registry.get(name.path)
        if queue is None:
            return self._registry.add(name, new_queue(request.queue)).proto
        queue.configure(update_queue(queue.proto, request.queue, request.update_mask), self._clock.now())
        self._dispatcher.pump(queue)
        return queue.proto

    def delete(self, request: DeleteQueueRequest) -> Empty:
        """Delete a queue and its tasks."""
        try:
            queue = self._registry.find(names.parse_queue(request.name))
        except ApiError as error:
            # Recorded: DeleteQueue words a missing queue differently.
            raise (entity_missing() if error.code.name == "NOT_FOUND" else error) from None
        self._registry.remove(queue)
        self._dispatcher.on_idle()
        log.info("queue %s is deleted", queue.name.path)
        return Empty()

    def pause(self, request: PauseQueueRequest) -> Queue:
        """Stop dispatching; attempts in flight continue."""
        return self._set_state(request.name, QueueState.PAUSED)

    def resume(self, request: ResumeQueueRequest) -> Queue:
        """Dispatch again."""
        return self._set_state(request.name, QueueState.RUNNING)

    def purge(self, request: PurgeQueueRequest) -> Queue:
        """Delete every task; the names stay reserved."""
        queue = self._registry.find(names.parse_queue(request.name))
        now = self._clock.now()
        for task in list(queue.tasks.values()):
            queue.remove(task, now)
        queue.proto.purge_time.CopyFrom(timestamp(now))
        self._dispatcher.pump(queue)
        self._dispatcher.on_idle()
        return queue.proto

    def list(self, request: ListQueuesRequest) -> ListQueuesResponse:
        """List a page of a location's queues, ordered by name."""
        names.parse_location(request.parent)
        what = f"queues {request.parent} {request.filter}"
        now = self._clock.now()
        after = read_page_token(request.page_token, what, now) if request.page_token else ""
        matches = parse_filter(request.filter)
        queues = (
            queue.proto
            for queue in self._registry
            if queue.name.parent == request.parent and queue.name.path > after and matches(queue.proto)
        )
        size = limit_page_size(request.page_size, _MAX_PER_PAGE)
        page = heapq.nsmallest(size + 1, queues, key=lambda queue: queue.name)
        token = make_page_token(what, page[size - 1].name, now) if len(page) > size else ""
        return ListQueuesResponse(queues=page[:size], next_page_token=token)

    def _set_state(self, name: str, state: int) -> Queue:
        queue = self._registry.find(names.parse_queue(name))
        queue.proto.state = QueueState(state)
        self._dispatcher.pump(queue)
        return queue.proto
