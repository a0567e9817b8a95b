"""The dispatcher decides when tasks are sent, and what happens to them afterwards.

        due, a token, a free slot          2xx
  wait ───────────────────────────► run ─────────► gone (name reserved)
    ▲                                │
    │      backoff                   │ anything else
    └────────────────────────────────┴──────────► gone, once both retry limits are reached

Nothing runs between events: `pump` runs after every change of a queue, starts the tasks that may start, and sets one
alarm for the next moment at which more may.
"""

from __future__ import annotations

import asyncio
import logging
import random
from enum import Enum
from typing import TYPE_CHECKING

from emulators.cloud_tasks.dispatch.throttle import is_overload, next_slowdown
from emulators.cloud_tasks.queues.outcome import AttemptResult, Outcome
from emulators.cloud_tasks.queues.retry import RetryPolicy, policy_of
from emulators.cloud_tasks.wire.protos import QueueState
from emulators.cloud_tasks.wire.queue_config import retry_config_with_defaults
from emulators.cloud_tasks.wire.times import seconds_of, timestamp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from emulators.cloud_tasks.clock import Clock
    from emulators.cloud_tasks.dispatch.delivery_log import Delivery, DeliveryLog
    from emulators.cloud_tasks.dispatch.http_request import OutgoingRequest, RequestBuilder
    from emulators.cloud_tasks.queues.queue import QueueRuntime, TaskRuntime

log = logging.getLogger("emulators.cloud_tasks")


class Kind(Enum):
    """Why a delivery is made."""

    SCHEDULED = "its time had come"
    FORCED = "RunTask was called"
    DUPLICATE = "the duplicate injector copied a scheduled one"


class Dispatcher:
    """Runs the tasks of all queues; `send` makes the HTTP exchange."""

    def __init__(
        self,
        clock: Clock,
        builder: RequestBuilder,
        send: Callable[[OutgoingRequest], Awaitable[Outcome]],
        delivery_log: DeliveryLog,
        *,
        throttle: bool,
    ) -> None:
        self._clock = clock
        self._builder = builder
        self._send = send
        self._delivery_log = delivery_log
        self._throttle = throttle
        self._attempts: set[asyncio.Task[None]] = set()
        # Called whenever a queue may have become idle.
        self.on_idle: Callable[[], None] = lambda: None

    def schedule(self, queue: QueueRuntime, task: TaskRuntime) -> None:
        """Let a task wait for its schedule time."""
        queue.reschedule(task, seconds_of(task.proto.schedule_time))
        self.pump(queue)

    def pump(self, queue: QueueRuntime) -> None:
        """Start every task that may start now, and set the alarm for the next."""
        if queue.alarm is not None:
            queue.alarm.cancel()
            queue.alarm = None
        if queue.is_deleted or queue.proto.state != QueueState.RUNNING:
            return
        now = self._clock.now()
        queue.drop_expired(now)
        wake_at = self._start_due(queue, now)
        if wake_at is not None:
            queue.alarm = self._clock.call_at(wake_at, lambda: self.pump(queue))

    def run_now(self, queue: QueueRuntime, task: TaskRuntime) -> None:
        """Start a task whatever its schedule, the queue's limits and its state."""
        queue.unschedule(task)
        now = self._clock.now()
        task.proto.schedule_time.CopyFrom(timestamp(now))
        self._start(queue, task, now, Kind.FORCED)

    def cancel_attempts(self) -> None:
        """Cancel every attempt in flight without waiting; their outcomes change nothing."""
        for attempt in self._attempts:
            attempt.cancel()

    async def stop(self) -> None:
        """Cancel every attempt in flight and wait until all have ended."""
        self.cancel_attempts()
        await asyncio.gather(*self._attempts, return_exceptions=True)

    def _start_due(self, queue: QueueRuntime, now: float) -> float | None:
        """Start every task that may start; return when to look again (seconds), None for the next event."""
        while (due := queue.waiting.next_due()) is not None:
            if due > now:
                return due
            if queue.in_flight >= queue.proto.rate_limits.max_concurrent_dispatches:
                # The next attempt that ends calls the pump; waiting for it costs no token.
                return None
            if not queue.bucket.take(now):
                return queue.bucket.ready_at(now)
            task = queue.waiting.pop(now)
            task.ticket = 0
            self._start(queue, task, now, Kind.SCHEDULED)
            if queue.duplicate_share and random.random() < queue.duplicate_share:  # noqa: S311 - fault injection
                self._send_copy(queue, task, now)
        return None

    def _start(self, queue: QueueRuntime, task: TaskRuntime, now: float, kind: Kind) -> None:
        proto = task.proto
        proto.dispatch_count += 1
        proto.last_attempt.Clear()
        proto.last_attempt.schedule_time.CopyFrom(proto.schedule_time)
        proto.last_attempt.dispatch_time.CopyFrom(timestamp(now))
        if not proto.HasField("first_attempt"):
            proto.first_attempt.dispatch_time.CopyFrom(proto.last_attempt.dispatch_time)
        task.running += 1
        delivery = self._begin(queue, task, now, kind)
        self._spawn(self._attempt(queue, task, delivery))

    def _send_copy(self, queue: QueueRuntime, task: TaskRuntime, now: float) -> None:
        # The same attempt reaches the target twice; the answer to the copy changes nothing.
        self._spawn(self._copy(queue, self._begin(queue, task, now, Kind.DUPLICATE)))

    def _begin(self, queue: QueueRuntime, task: TaskRuntime, now: float, kind: Kind) -> Delivery:
        queue.in_flight += 1
        return self._delivery_log.begin(
            queue=queue.name.path,
            task=task.task_id,
            kind=kind.name,
            scheduled_at=seconds_of(task.proto.schedule_time),
            dispatched_at=now,
            request=self._builder.build(queue, task),
        )

    def _spawn(self, attempt: Awaitable[None]) -> None:
        running = asyncio.ensure_future(attempt)
        self._attempts.add(running)
        running.add_done_callback(self._attempts.discard)

    async def _attempt(self, queue: QueueRuntime, task: TaskRuntime, delivery: Delivery) -> None:
        outcome = await self._deliver(delivery)
        queue.in_flight -= 1
        task.running -= 1
        # The answer changes nothing if the task or its queue was deleted or purged meanwhile.
        if queue.holds(task) and not queue.is_deleted and outcome.result is not AttemptResult.ABANDONED:
            self._record_outcome(queue, task, delivery, outcome)
        self._finish_attempt(queue)

    async def _copy(self, queue: QueueRuntime, delivery: Delivery) -> None:
        await self._deliver(delivery)
        queue.in_flight -= 1
        self._finish_attempt(queue)

    def _finish_attempt(self, queue: QueueRuntime) -> None:
        self.pump(queue)
        if not queue.in_flight:
            self.on_idle()

    async def _deliver(self, delivery: Delivery) -> Outcome:
        outcome = await self._send_in_time(delivery.request)
        delivery.outcome, delivery.finished_at = outcome, self._clock.now()
        log.debug("%s %s %s %s", delivery.task, delivery.kind, outcome.result.name, outcome.status or outcome.reason)
        return outcome

    async def _send_in_time(self, request: OutgoingRequest) -> Outcome:
        attempt = asyncio.current_task()
        overdue = False

        def give_up() -> None:
            nonlocal overdue
            overdue = True
            if attempt is not None:
                attempt.cancel()

        alarm = self._clock.call_at(self._clock.now() + request.deadline, give_up)
        try:
            return await self._send(request)
        except asyncio.CancelledError:
            if attempt is not None and overdue:
                attempt.uncancel()
                return Outcome(AttemptResult.TIMED_OUT)
            return Outcome(AttemptResult.ABANDONED)
        finally:
            alarm.cancel()

    def _record_outcome(self, queue: QueueRuntime, task: TaskRuntime, delivery: Delivery, outcome: Outcome) -> None:
        now = self._clock.now()
        if outcome.result is AttemptResult.ANSWERED:
            task.proto.response_count += 1
            # A 5xx counts as an execution for App Engine handlers, not for HTTP targets.
            if not outcome.is_server_error or task.proto.HasField("app_engine_http_request"):
                task.executions += 1
        task.proto.last_attempt.response_time.CopyFrom(timestamp(now))
        task.proto.last_attempt.response_status.CopyFrom(outcome.attempt_status())
        task.previous = outcome
        self._handle_overload(queue, task, outcome, now)
        if outcome.is_success:
            queue.remove(task, now)
        else:
            self._retry(queue, task, delivery, outcome)

    def _handle_overload(self, queue: QueueRuntime, task: TaskRuntime, outcome: Outcome, now: float) -> None:
        overloaded = is_overload(outcome, app_engine=task.proto.HasField("app_engine_http_request"))
        if self._throttle:
            queue.set_slowdown(next_slowdown(queue.slowdown, outcome, overloaded=overloaded), now)
        elif overloaded and not queue.warned_of_overload:
            queue.warned_of_overload = True
            log.info("%s: answered %s; the real service would slow this queue down", queue.name.path, outcome.status)

    def _retry(self, queue: QueueRuntime, task: TaskRuntime, delivery: Delivery, outcome: Outcome) -> None:
        now = self._clock.now()
        task.failures += 1
        policy = self._policy(queue, task)
        if policy.gives_up(task.proto.dispatch_count, now - seconds_of(task.proto.first_attempt.dispatch_time)):
            if not task.running:
                log.info("%s is given up after %s attempts", task.proto.name, task.proto.dispatch_count)
                queue.remove(task, now)
            return
        delay = policy.delay(task.failures, outcome.retry_after if task.proto.HasField("http_request") else 0)
        # The delay starts at the call of a forced run, at the failure of an ordinary attempt.
        since = delivery.dispatched_at if delivery.kind == Kind.FORCED.name else now
        task.proto.schedule_time.CopyFrom(timestamp(since + delay))
        queue.reschedule(task, since + delay)

    def _policy(self, queue: QueueRuntime, task: TaskRuntime) -> RetryPolicy:
        if task.proto.HasField("retry_config"):
            return policy_of(retry_config_with_defaults(task.proto.retry_config))
        return queue.retry
