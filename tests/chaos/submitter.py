"""A submit of 500 prompts in a process of its own, to be killed: `begin` and `done` say how far it is."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import grpc
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from imagefactory.adapters.cloud_tasks import CloudTasks
from imagefactory.adapters.firestore import FirestoreExecutions, FirestoreReservations
from imagefactory.clock import SystemClock
from imagefactory.testing import ManualClock, ScriptedModel, a_submission
from tests.harness.factory import USER, Numbers, Ports, UseCases
from tests.harness.servers import connect_firestore

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from google.cloud import firestore

PROMPTS, RATE = 500, 1.0


class Where(NamedTuple):
    """Where a submit stores: the emulators as host:port, and the project in both."""

    firestore: str
    tasks: str
    project: str

    def queue(self, kind: str) -> str:
        """The full name of a queue."""
        return f"projects/{self.project}/locations/l/queues/{kind}"


class Side:
    """The use cases that a submit needs, `later` seconds from now."""

    def __init__(self, where: Where, later: float = 0.0) -> None:
        self.database: firestore.Client = connect_firestore(where.firestore, where.project)
        self.channel = grpc.insecure_channel(where.tasks)
        self.cloud = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=self.channel))
        self.clock = ManualClock(SystemClock().now() + timedelta(seconds=later))
        self.executions = FirestoreExecutions(self.database)
        self.tasks = CloudTasks(
            self.cloud,
            queue=where.queue("prompts"),
            watchdog_queue=where.queue("watchdogs"),
            url="http://127.0.0.1:9/",
            service_account="tasks@p.test",
            deadline=600,
        )
        ports = Ports(
            executions=self.executions,
            reservations=FirestoreReservations(self.database),
            tasks=self.tasks,
            clock=self.clock,
            model=ScriptedModel(self.clock),
        )
        use_cases = UseCases(ports, Numbers(RATE))
        self.submit, self.watchdog = use_cases.submit, use_cases.watchdog

    def submit_prompts(self, key: str) -> str:
        """The id of the execution under this key."""
        texts = [f"prompt {number}" for number in range(PROMPTS)]
        accepted = self.submit(USER, "w", a_submission(*texts, api_key="a-key"), idempotency_key=key)
        return str(accepted.execution.id)

    def close(self) -> None:
        """Close both connections."""
        self.database.close()
        self.channel.close()


def submit_once(where: Where, key: str, progress: Connection) -> None:
    """What the process does: it says when it begins, and when it is done."""
    with contextlib.closing(Side(where)) as side:
        progress.send("begin")
        side.submit_prompts(key)
        progress.send("done")
