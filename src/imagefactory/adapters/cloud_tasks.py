"""The queue on Cloud Tasks."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf import duration_pb2, timestamp_pb2

from imagefactory.adapters.google_errors import TRANSIENT
from imagefactory.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from imagefactory.domain.task import Task, WatchdogCheck
    from imagefactory.settings import QueueSettings

#: The most that one call takes.
CREATE_BATCH, DELETE_BATCH = 100, 1000
#: Calls under way at once: batches are large, single creations are many.
BATCH_CALLS, SINGLE_CALLS = 8, 32
#: Seconds waited before each further try of what failed in passing.
RETRY_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
#: For one call, and for all tries together, after which no further call is begun: a request has less than two minutes.
CALL_SECONDS, MAX_RETRY_SECONDS = 20.0, 45.0
#: What another try may fix; a long-running operation that is not done in time raises Python's own error.
RETRYABLE_CODES: tuple[type[Exception], ...] = (*TRANSIENT, TimeoutError)


@functools.cache
def client(emulator_host: str = "") -> tasks_v2.CloudTasksClient:
    """The process's client, for Google's service or for an emulator at host:port."""
    if not emulator_host:
        return tasks_v2.CloudTasksClient()
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=grpc.insecure_channel(emulator_host)))


def of(settings: QueueSettings) -> CloudTasks:
    """The queue of this deployment."""
    return CloudTasks(
        client(settings.cloud_tasks_emulator_host),
        queue=settings.queue,
        watchdog_queue=settings.watchdog_queue,
        url=settings.generate_url,
        service_account=settings.tasks_service_account,
        deadline=settings.dispatch_deadline_seconds,
    )


class CloudTasks:
    """The port Tasks. The queues are full names; tasks call `url` as `service_account`.

    `deadline` is how long one call of generate may take, in seconds, before Cloud Tasks counts it as failed.
    """

    def __init__(
        self,
        cloud: tasks_v2.CloudTasksClient,
        *,
        queue: str,
        watchdog_queue: str,
        url: str,
        service_account: str,
        deadline: float,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cloud = cloud
        self._queue = queue
        self._watchdog_queue = watchdog_queue
        self._url = url
        self._service_account = service_account
        self._deadline = duration_pb2.Duration(seconds=round(deadline))
        self._sleep = sleep
        self._monotonic = monotonic

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Create the tasks a hundred a call, or one a call where batches are not served; try again what failed.

        Raises:
            Unavailable: some could not be created; the others were.
        """
        left = list(tasks)
        ends = self._monotonic() + MAX_RETRY_SECONDS
        for pause in (0.0, *RETRY_PAUSES):
            if pause:
                self._sleep(pause)
            left = self._create_singly(left, ends) if len(left) == 1 else self._create_in_batches(left, ends)
            if not left:
                return
            if self._monotonic() > ends:
                break
        raise Unavailable(f"{len(left)} of {len(tasks)} tasks could not be created")

    def delete(self, tasks: Sequence[Task]) -> None:
        """Delete the tasks a thousand a call. One that stays finds its result ended, so what fails here is left."""
        for start in range(0, len(tasks), DELETE_BATCH):
            names = [self._name(task) for task in tasks[start : start + DELETE_BATCH]]
            with contextlib.suppress(exceptions.GoogleAPICallError, *TRANSIENT):
                self._cloud.batch_delete_tasks(
                    tasks_v2.BatchDeleteTasksRequest(parent=self._queue, names=names), timeout=CALL_SECONDS
                )

    def find_missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Ask for each task by each of its names, many at once.

        Raises:
            Unavailable: the queue did not answer.
        """
        with ThreadPoolExecutor(SINGLE_CALLS) as pool:
            existence = list(pool.map(self._exists, tasks))
        return [task for task, exists in zip(tasks, existence, strict=True) if not exists]

    def enqueue_check(self, check: WatchdogCheck) -> None:
        """Create the check's task, and try again where that fails in passing.

        Raises:
            Unavailable: it could not be created.
        """
        body = {
            "execution_id": check.execution_id,
            "watch": {
                "since": check.since.isoformat(),
                "round": check.round,
                "seen": check.last_version,
                "idle": check.idle_rounds,
            },
        }
        request = self._create_request(self._watchdog_queue, check.id, check.schedule_at, body)
        ends = self._monotonic() + MAX_RETRY_SECONDS
        for pause in (*RETRY_PAUSES, None):
            if self._create(ends, request):
                return
            if pause is not None:
                self._sleep(pause)
        raise Unavailable("the watchdog's task could not be created")

    def _exists(self, task: Task) -> bool:
        for recovery in range(task.recovery, -1, -1):
            name = self._name(replace(task, recovery=recovery))
            try:
                self._cloud.get_task(name=name, timeout=CALL_SECONDS)
            except exceptions.NotFound:
                continue
            except TRANSIENT as theirs:
                raise Unavailable(type(theirs).__name__) from theirs
            return True
        return False

    def _create_in_batches(self, tasks: Sequence[Task], ends: float) -> list[Task]:
        """Create the tasks; returns those that could not be, but may be if asked again."""
        groups = [tasks[start : start + CREATE_BATCH] for start in range(0, len(tasks), CREATE_BATCH)]
        with ThreadPoolExecutor(BATCH_CALLS) as pool:
            try:
                return [
                    task for failed in pool.map(functools.partial(self._create_batch, ends), groups) for task in failed
                ]
            except exceptions.MethodNotImplemented:
                pool.shutdown(cancel_futures=True)
        return self._create_singly(tasks, ends)

    def _create_batch(self, ends: float, tasks: Sequence[Task]) -> list[Task]:
        """Create up to a hundred tasks in one call; returns those that could not be created."""
        if self._monotonic() > ends:
            return list(tasks)
        request = tasks_v2.BatchCreateTasksRequest(parent=self._queue, requests=[self._request(task) for task in tasks])
        try:
            operation = self._cloud.batch_create_tasks(request, timeout=CALL_SECONDS)
            error = operation.exception(timeout=CALL_SECONDS)
        except exceptions.MethodNotImplemented:
            raise
        except RETRYABLE_CODES:
            return list(tasks)
        failed = operation.metadata.failed_requests if operation.metadata else {}
        if error is not None and not failed:
            return list(tasks)
        return [
            tasks[index] for index, status in failed.items() if status.code != grpc.StatusCode.ALREADY_EXISTS.value[0]
        ]

    def _create_singly(self, tasks: Sequence[Task], ends: float) -> list[Task]:
        """Create the tasks one a call; returns those that could not be created."""
        with ThreadPoolExecutor(SINGLE_CALLS) as pool:
            done = pool.map(functools.partial(self._create, ends), [self._request(task) for task in tasks])
            return [task for task, created in zip(tasks, done, strict=True) if not created]

    def _create(self, ends: float, request: tasks_v2.CreateTaskRequest) -> bool:
        """Create one task; whether it is there now, or was."""
        if self._monotonic() > ends:
            return False
        try:
            self._cloud.create_task(request, timeout=CALL_SECONDS)
        except exceptions.AlreadyExists:
            return True
        except TRANSIENT:
            return False
        return True

    def _name(self, task: Task) -> str:
        return f"{self._queue}/tasks/{task.id}"

    def _request(self, task: Task) -> tasks_v2.CreateTaskRequest:
        body = {"execution_id": task.execution_id, "batch_index": task.batch_index, "attempt": task.attempt}
        return self._create_request(self._queue, task.id, task.schedule_at, body)

    def _create_request(self, queue: str, task_id: str, at: datetime, body: object) -> tasks_v2.CreateTaskRequest:
        schedule = timestamp_pb2.Timestamp()
        schedule.FromDatetime(at)
        return tasks_v2.CreateTaskRequest(
            parent=queue,
            task=tasks_v2.Task(
                name=f"{queue}/tasks/{task_id}",
                schedule_time=schedule,
                dispatch_deadline=self._deadline,
                http_request=tasks_v2.HttpRequest(
                    url=self._url,
                    http_method=tasks_v2.HttpMethod.POST,
                    headers={"Content-Type": "application/json"},
                    body=json.dumps(body).encode(),
                    oidc_token=tasks_v2.OidcToken(service_account_email=self._service_account, audience=self._url),
                ),
            ),
        )
