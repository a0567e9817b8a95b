"""A queue and its tasks while they exist: state only; what happens to them is decided elsewhere."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from emulators.cloud_tasks.queues.retry import RetryPolicy, policy_of
from emulators.cloud_tasks.queues.schedule import Schedule
from emulators.cloud_tasks.queues.token_bucket import TokenBucket
from emulators.cloud_tasks.queues.tombstones import Tombstones
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
# Generated names cannot come back by themselves, so forgetting the oldest of very many costs nothing.
_MOST_GENERATED_TOMBSTONES = 100_000
_MOST_CHOSEN_TOMBSTONES = 10_000_000


@dataclass(slots=True, eq=False)
class LiveTask:
    """A task that is waiting or running.

    `ticket` is its place in the schedule, 0 while it has none; `running` counts its attempts in flight.
    `executions` and `previous` are what the next request will report in its headers.
    """

    task_id: str
    proto: Task
    chosen_name: bool
    number: int
    ticket: int = 0
    running: int = 0
    failures: int = 0
    executions: int = 0
    previous: Outcome | None = None


@dataclass(slots=True, eq=False)
class LiveQueue:
    """A queue that has not been deleted."""

    name: QueueName
    proto: Queue
    settings: Settings
    now: float
    tasks: dict[str, LiveTask] = field(default_factory=dict)
    in_flight: int = 0
    duplicate_share: float = 0.0
    slowdown: float = 1.0
    warned_of_overload: bool = False
    alarm: Alarm | None = None
    deleted: bool = False
    retry: RetryPolicy = field(init=False)
    bucket: TokenBucket = field(init=False)
    waiting: Schedule[LiveTask] = field(init=False)
    _chosen: Tombstones = field(init=False)
    _generated: Tombstones = field(init=False)
    _numbers: count[int] = field(default_factory=count)
    _oldest_created: float = 0.0

    def __post_init__(self) -> None:
        self.retry = policy_of(self.proto.retry_config)
        self.bucket = TokenBucket(self.proto.rate_limits.max_dispatches_per_second, self.now)
        self.waiting = Schedule(shuffled=self.settings.shuffle)
        self._chosen = Tombstones(self.settings.task_name_reuse, _MOST_CHOSEN_TOMBSTONES)
        self._generated = Tombstones(self.settings.task_name_reuse, _MOST_GENERATED_TOMBSTONES)
        self._oldest_created = self.now

    def configure(self, proto: Queue, now: float) -> None:
        """Put new settings into effect; tasks that wait or run keep doing so."""
        self.proto = proto
        self.retry = policy_of(proto.retry_config)
        self.set_slowdown(self.slowdown, now)

    def set_slowdown(self, factor: float, now: float) -> None:
        """Dispatch at `factor` times the configured rate, for system throttling."""
        self.slowdown = factor
        self.bucket.set_rate(self.proto.rate_limits.max_dispatches_per_second * factor, now)

    def free_id(self, wanted: str, now: float) -> str:
        """The id for a new task: the wanted one if it may be used, else a generated one."""
        if not wanted:
            return str(secrets.randbits(63))
        if wanted in self.tasks:
            raise task_exists()
        if self._buried(wanted, now):
            raise task_existed_recently()
        return wanted

    def add(self, task_id: str, proto: Task, *, chosen_name: bool) -> LiveTask:
        """Store a new task; it is not scheduled yet."""
        task = LiveTask(task_id, proto, chosen_name, next(self._numbers))
        self.tasks[task_id] = task
        return task

    def find(self, task_id: str, now: float) -> LiveTask:
        """The task of that id; raises ApiError when it is not there."""
        self.drop_expired(now)
        task = self.tasks.get(task_id)
        if task is None:
            raise task_gone() if self._buried(task_id, now) else entity_missing()
        return task

    def reschedule(self, task: LiveTask, due: float) -> None:
        """Let the task wait for `due`, instead of whatever it waited for."""
        self.unschedule(task)
        task.ticket = self.waiting.put(task, due)

    def unschedule(self, task: LiveTask) -> None:
        """Let the task wait for nothing."""
        if task.ticket:
            self.waiting.withdraw(task.ticket)
            task.ticket = 0

    def holds(self, task: LiveTask) -> bool:
        """Whether this very task is still here (its name may have another bearer by now)."""
        return self.tasks.get(task.task_id) is task

    def remove(self, task: LiveTask, now: float) -> None:
        """Take a task out for good; its name stays taken for a while."""
        self.unschedule(task)
        del self.tasks[task.task_id]
        (self._chosen if task.chosen_name else self._generated).add(task.task_id, now)

    def drop_expired(self, now: float) -> None:
        """Remove what is older than the longest time a task is kept, run or not."""
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
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self.tasks and not self.in_flight

    def may_dispatch(self, now: float) -> bool:
        """Whether a task may begin at this moment."""
        due = self.waiting.next_due()
        is_running = self.proto.state == QueueState.RUNNING
        return is_running and due is not None and due <= now and self.bucket.ready_at(now) <= now

    def _buried(self, task_id: str, now: float) -> bool:
        return self._chosen.holds(task_id, now) or self._generated.holds(task_id, now)
