"""The API's methods for single tasks."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty

from emulators.cloud_tasks.methods.paging import limit_page_size, make_page_token, read_page_token
from emulators.cloud_tasks.wire import names
from emulators.cloud_tasks.wire.errors import entity_missing
from emulators.cloud_tasks.wire.protos import ListTasksResponse, Task, TaskView
from emulators.cloud_tasks.wire.task_config import TaskContext, new_task

if TYPE_CHECKING:
    from emulators.cloud_tasks.clock import Clock
    from emulators.cloud_tasks.dispatch.dispatcher import Dispatcher
    from emulators.cloud_tasks.queues.queue import QueueRuntime, TaskRuntime
    from emulators.cloud_tasks.queues.registry import Registry
    from emulators.cloud_tasks.wire.protos import (
        CreateTaskRequest,
        DeleteTaskRequest,
        GetTaskRequest,
        ListTasksRequest,
        RunTaskRequest,
    )

_MAX_PER_PAGE = 1000


class TaskMethods:
    """Create, get, list, delete and run."""

    def __init__(self, clock: Clock, registry: Registry, dispatcher: Dispatcher) -> None:
        self._clock = clock
        self._registry = registry
        self._dispatcher = dispatcher

    def create(self, request: CreateTaskRequest) -> Task:
        """Store a task and schedule it; raises ApiError."""
        queue = self._registry.find(names.parse_queue(request.parent))
        name = request.task.name
        chosen_id = names.new_task_id(queue.name, name) if name else ""
        now = self._clock.now()
        task_id = queue.choose_id(chosen_id, now)
        context = TaskContext(queue.proto, queue.name.project, now)
        proto = new_task(f"{queue.name.path}/tasks/{task_id}", request.task, context)
        answer = view_of(proto, request.response_view)
        self._dispatcher.schedule(queue, queue.add(task_id, proto, has_chosen_name=bool(chosen_id)))
        return answer

    def get(self, request: GetTaskRequest) -> Task:
        """Get a task; raises ApiError."""
        _, task = self._find(request.name)
        return view_of(task.proto, request.response_view)

    def list(self, request: ListTasksRequest) -> ListTasksResponse:
        """List a page of a queue's tasks, oldest first (the API promises no order)."""
        queue = self._registry.find(names.parse_queue(request.parent))
        now = self._clock.now()
        queue.drop_expired(now)
        what = f"tasks {queue.name.path}"
        after = int(read_page_token(request.page_token, what, now)) if request.page_token else -1
        size = limit_page_size(request.page_size, _MAX_PER_PAGE)
        page = list(islice((task for task in queue.tasks.values() if task.number > after), size + 1))
        token = make_page_token(what, str(page[size - 1].number), now) if len(page) > size else ""
        tasks = [view_of(task.proto, request.response_view) for task in page[:size]]
        return ListTasksResponse(tasks=tasks, next_page_token=token)

    def delete(self, request: DeleteTaskRequest) -> Empty:
        """Delete a task; an attempt in flight continues, but its outcome changes nothing."""
        queue, task = self._find(request.name)
        queue.remove(task, self._clock.now())
        self._dispatcher.on_idle()
        return Empty()

    def run(self, request: RunTaskRequest) -> Task:
        """Dispatch a task at once; return the task after the dispatch, before the outcome."""
        queue, task = self._find(request.name)
        self._dispatcher.run_now(queue, task)
        return view_of(task.proto, request.response_view)

    def _find(self, name: str) -> tuple[QueueRuntime, TaskRuntime]:
        parsed = names.parse_task(name)
        queue = self._registry.get(parsed.queue.path)
        if queue is None:
            raise entity_missing()
        return queue, queue.find(parsed.task_id, self._clock.now())


def view_of(task: Task, view: TaskView) -> Task:
    """A copy of the task in the caller's view: without its body, unless the view is FULL."""
    view_copy = Task()
    view_copy.CopyFrom(task)
    view_copy.view = TaskView(TaskView.FULL if view == TaskView.FULL else TaskView.BASIC)
    if view_copy.view == TaskView.BASIC:
        if view_copy.HasField("http_request"):
            view_copy.http_request.ClearField("body")
        else:
            view_copy.app_engine_http_request.ClearField("body")
    return view_copy
