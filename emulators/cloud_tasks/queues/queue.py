"""The runtime state of a queue and its tasks; the dispatcher decides what happens to them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from emulators.cloud_tasks.queues.reserved_names import ReservedNames
from emulators.cloud_tasks.queues.retry import RetryPolicy, policy_of
from emulators.cloud_tasks.queues.schedule import Schedule
from emulators.cloud_tasks.queues.token_bucket import TokenBucket
from emulators.cloud_tasks.settings import DAY_S, Settings
from emulators.cloud_tasks.wire.errors import entity_missing, task_existed_recently, task_exists, task_gone
from emulators.cloud_tasks.wire.protos import QueueState
from emulators.cloud_tasks.wire.times import seconds_of

if TYPE_CHECKING:
    from emulators.cloud_tasks.clock import Alarm
    from emulators.cloud_tasks.queues.outcome import Outcome
    from emulators.cloud_tasks.wire.names import QueueName
    from emulators.cloud_tasks.wire.protos import Queue, Task

RETENTION_S = 31 * DAY_S
# Generated ids never repeat by themselves: beyond so many the oldest need no reservation.
_MAX_GENERATED_NAMES = 100_000
_MAX_CHOSEN_NAMES = 10_000_000


@dataclass(slots=True, eq=False)
class TaskRuntime:
    """A stored task with its runtime state.

    `ticket` is its ticket in the schedule, 0 for none. `running` counts its attempts in flight. The headers of the next
    request report `executions` and `previous`, the outcome before.
    """

    task_id: str
    proto: Task
    has_chosen_name: bool
    number: int
    ticket: int = 0
    running: int = 0
    failures: int = 0
    executions: int = 0
    previous: Outcome | None = None


@dataclass(slots=True, eq=False)
class QueueRuntime:
    """A queue with its runtime state: tasks, schedule, token bucket and reserved names."""

    name: QueueName
    proto: Queue
    settings: Settings
    now: float
    tasks: dict[str, TaskRuntime] = field(default_factory=dict)
    in_flight: int = 0
    duplicate_share: float = 0.0
    slowdown: float = 1.0
    warned_of_overload: bool = False
    alarm: Alarm | None = None
    is_deleted: bool = False
    retry: RetryPolicy = field(init=False)
    bucket: TokenBucket = field(init=False)
    waiting: Schedule[TaskRuntime] = field(init=False)
    _chosen_names: ReservedNames = field(init=False)
    _generated_names: ReservedNames = field(init=False)
    _numbers: count[int] = field(default_factory=count)
    _oldest_created: float = 0.0

    def __post_init__(self) -> None:
        self.retry = policy_of(self.proto.retry_config)
        self.bucket = TokenBucket(self.proto.rate_limits.max_dispatches_per_second, self.now)
        self.waiting = Schedule(shuffled=self.settings.shuffle)
        self._chosen_names = ReservedNames(self.settings.task_name_reuse, _MAX_CHOSEN_NAMES)
        self._generated_names = ReservedNames(self.settings.task_name_reuse, _MAX_GENERATED_NAMES)
        self._oldest_created = self.now

    def configure(self, proto: Queue, now: float) -> None:
        """Apply new settings; tasks that wait or run continue."""
        self.proto = proto
        self.retry = policy_of(proto.retry_config)
        self.set_slowdown(self.slowdown, now)

    def set_slowdown(self, factor: float, now: float) -> None:
        """Dispatch at `factor` times the configured rate, for system throttling."""
        self.slowdown = factor
        self.bucket.set_rate(self.proto.rate_limits.max_dispatches_per_second * factor, now)

    def choose_id(self, wanted: str, now: float) -> str:
        """The id of a new task: `wanted`, or a generated one if it is empty; raises ApiError if it is reserved."""
        if not wanted:
            return str(secrets.randbits(63))
        if wanted in self.tasks:
            raise task_exists()
        if self._is_reserved(wanted, now):
            raise task_existed_recently()
        return wanted

    def add(self, task_id: str, proto: Task, *, has_chosen_name: bool) -> TaskRuntime:
        """Store a new task; it is not scheduled yet."""
        task = TaskRuntime(task_id, proto, has_chosen_name, next(self._numbers))
        self.tasks[task_id] = task
        return task

    def find(self, task_id: str, now: float) -> TaskRuntime:
        """Find a task by id; raises ApiError."""
        self.drop_expired(now)
        task = self.tasks.get(task_id)
        if task is None:
            raise task_gone() if self._is_reserved(task_id, now) else entity_missing()
        return task

    def reschedule(self, task: TaskRuntime, due: float) -> None:
        """Schedule the task for `due` (seconds), instead of any earlier time."""
        self.unschedule(task)
        task.ticket = self.waiting.put(task, due)

    def unschedule(self, task: TaskRuntime) -> None:
        """Take the task out of the schedule."""
        if task.ticket:
            self.waiting.withdraw(task.ticket)
            task.ticket = 0

    def holds(self, task: TaskRuntime) -> bool:
        """Whether the queue still holds this task, not another one of the same name."""
        return self.tasks.get(task.task_id) is task

    def remove(self, task: TaskRuntime, now: float) -> None:
        """Remove a task for good; its name stays reserved for a while."""
        self.unschedule(task)
        del self.tasks[task.task_id]
        (self._chosen_names if task.has_chosen_name else self._generated_names).add(task.task_id, now)

    def drop_expired(self, now: float) -> None:
        """Remove tasks older than the retention of 31 days."""
        if now < self._oldest_created + RETENTION_S:
            return
        self._oldest_created = now
        for task in list(self.tasks.values()):
            created = seconds_of(task.proto.create_time)
            if now >= created + RETENTION_S:
                self.remove(task, now)
            else:
                self._oldest_created = min(self._oldest_created, created)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self.tasks and not self.in_flight

    def may_dispatch(self, now: float) -> bool:
        """Whether a task may begin at this moment."""
        due = self.waiting.next_due()
        is_running = self.proto.state == QueueState.RUNNING
        return is_running and due is not None and due <= now and self.bucket.ready_at(now) <= now

    def _is_reserved(self, task_id: str, now: float) -> bool:
        return self._chosen_names.holds(task_id, now) or self._generated_names.holds(task_id, now)
