"""Puts into the emulators what a deployment finds in the cloud: the queues, the bucket, the key and the workflow.

`python -m local.stack.seed --state STATE.json --dispatch-rate R` waits until the emulators accept connections, talks to
them through Google's official clients, and ends with code 0. What is there already stays: a kept bucket keeps its
images.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.api_core.exceptions import AlreadyExists, Conflict
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, storage, tasks_v2
from google.cloud import secretmanager_v1 as secretmanager
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf.duration_pb2 import Duration

from local.stack.settings import ROOT, SECRET, QueueNumbers, State, read_json
from local.supervision.readiness import answered

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.auth.credentials import Credentials

KEY_BYTES = 32


def seed_queues(state: State, numbers: QueueNumbers) -> None:
    """Creates the prompts' queue with these numbers, and the watchdogs' with those of infra/watchdog-queue.json."""
    watchdog = QueueNumbers.read(ROOT / "infra" / "watchdog-queue.json")
    transport = CloudTasksGrpcTransport(channel=grpc.insecure_channel(state.cloud_tasks))
    with tasks_v2.CloudTasksClient(transport=transport) as client:
        for name, wanted in ((state.queue_path, numbers), (state.watchdog_queue_path, watchdog)):
            client.create_queue(
                parent=f"projects/{state.project}/locations/{state.location}", queue=queue_message(name, wanted)
            )


def queue_message(name: str, numbers: QueueNumbers) -> tasks_v2.Queue:
    """The queue as the Cloud Tasks API wants it."""
    return tasks_v2.Queue(
        name=name,
        rate_limits=tasks_v2.RateLimits(
            max_dispatches_per_second=numbers.max_dispatches_per_second,
            max_concurrent_dispatches=numbers.max_concurrent_dispatches,
        ),
        retry_config=tasks_v2.RetryConfig(
            max_attempts=numbers.max_attempts,
            min_backoff=duration(numbers.min_backoff_seconds),
            max_backoff=duration(numbers.max_backoff_seconds),
            max_doublings=numbers.max_doublings,
        ),
    )


def duration(seconds: float) -> Duration:
    """A protocol buffer's duration."""
    return Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1_000_000_000))


def anonymous() -> Credentials:
    """Nobody's credentials, which are all that emulators ask for."""
    return AnonymousCredentials()


def seed_bucket(state: State) -> None:
    """Creates the bucket, unless a kept folder brought it along."""
    os.environ["STORAGE_EMULATOR_HOST"] = state.storage
    client = storage.Client(project=state.project, credentials=anonymous())
    try:
        client.create_bucket(state.bucket)
    except Conflict:
        return
    finally:
        client.close()


def seed_key(state: State) -> None:
    """Creates the secret with which submit encrypts API keys, new in every run."""
    transport = SecretManagerServiceGrpcTransport(channel=grpc.insecure_channel(state.secret_manager))
    with secretmanager.SecretManagerServiceClient(transport=transport) as client:
        parent = f"projects/{state.project}"
        automatic = secretmanager.Replication(automatic=secretmanager.Replication.Automatic())
        try:
            client.create_secret(parent=parent, secret_id=SECRET, secret=secretmanager.Secret(replication=automatic))
        except AlreadyExists:
            return
        client.add_secret_version(
            parent=f"{parent}/secrets/{SECRET}",
            payload=secretmanager.SecretPayload(data=secrets.token_bytes(KEY_BYTES)),
        )


def seed_workflow(state: State, workflow: dict[str, Any]) -> None:
    """Writes the workflow's document; its id is the document's name, not one of its fields."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = state.firestore
    client = firestore.Client(project=state.project, credentials=anonymous())
    fields = {name: value for name, value in workflow.items() if name != "id"}
    try:
        client.document("workflows", workflow["id"]).set(fields)
    finally:
        client.close()


def seed(state: State, numbers: QueueNumbers, workflow: dict[str, Any]) -> None:
    """Does all of it, each as soon as its emulator accepts connections; the first error is raised."""
    works: tuple[tuple[str, Callable[[], None]], ...] = (
        (f"tcp://{state.cloud_tasks}", lambda: seed_queues(state, numbers)),
        (state.storage.replace("http://", "tcp://"), lambda: seed_bucket(state)),
        (f"tcp://{state.secret_manager}", lambda: seed_key(state)),
        (f"tcp://{state.firestore}", lambda: seed_workflow(state, workflow)),
    )

    def after(address: str, work: Callable[[], None]) -> None:
        asyncio.run(answered([address]))
        work()

    with ThreadPoolExecutor(len(works)) as threads:
        for done in [threads.submit(after, address, work) for address, work in works]:
            done.result()


def main() -> int:
    """Seeds the emulators named in the state file."""
    parser = argparse.ArgumentParser(prog="python -m local.stack.seed", description="Fills the emulators.")
    parser.add_argument("--state", type=Path, required=True, help="a state file, as python -m local writes it")
    parser.add_argument("--dispatch-rate", type=float, help="tasks a second, instead of the number in infra/queue.json")
    options = parser.parse_args()
    state = State(**read_json(options.state))
    numbers = QueueNumbers.read(ROOT / "infra" / "queue.json")
    if options.dispatch_rate is not None:
        numbers = replace(numbers, max_dispatches_per_second=options.dispatch_rate)
    seed(state, numbers, read_json(ROOT / "infra" / "workflow.json"))
    sys.stdout.write("seeded: queues, bucket, key, workflow\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
