"""Fill the emulators: queues, bucket, key and workflow, as a deployment finds them in the cloud.

`python -m local.stack.seed --state STATE.json --dispatch-rate R` waits until the emulators accept connections, fills
them through Google's official clients, and ends with code 0. It leaves an existing bucket and key as they are.
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

from local.stack.settings import ROOT, SECRET, Endpoints, QueueNumbers, read_json
from local.supervision.readiness import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.auth.credentials import Credentials

KEY_BYTES = 32


def seed_queues(endpoints: Endpoints, numbers: QueueNumbers) -> None:
    """Create the prompts' queue with `numbers`, and the watchdogs' queue with those of infra/watchdog-queue.json."""
    watchdog = QueueNumbers.read(ROOT / "infra" / "watchdog-queue.json")
    transport = CloudTasksGrpcTransport(channel=grpc.insecure_channel(endpoints.cloud_tasks))
    with tasks_v2.CloudTasksClient(transport=transport) as client:
        parent = f"projects/{endpoints.project}/locations/{endpoints.location}"
        client.create_queue(parent=parent, queue=queue_message(endpoints.queue_path, numbers))
        client.create_queue(parent=parent, queue=queue_message(endpoints.watchdog_queue_path, watchdog))


def queue_message(name: str, numbers: QueueNumbers) -> tasks_v2.Queue:
    """The queue as a message of the Cloud Tasks API."""
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
    """Seconds as a protocol buffer's duration."""
    return Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1_000_000_000))


def anonymous_credentials() -> Credentials:
    """Anonymous credentials: emulators need no others."""
    return AnonymousCredentials()


def seed_bucket(endpoints: Endpoints) -> None:
    """Create the bucket, unless the data folder already has it."""
    os.environ["STORAGE_EMULATOR_HOST"] = endpoints.storage
    client = storage.Client(project=endpoints.project, credentials=anonymous_credentials())
    try:
        client.create_bucket(endpoints.bucket)
    except Conflict:
        return
    finally:
        client.close()


def seed_key(endpoints: Endpoints) -> None:
    """Create the secret with which submit encrypts API keys, with a new random key."""
    transport = SecretManagerServiceGrpcTransport(channel=grpc.insecure_channel(endpoints.secret_manager))
    with secretmanager.SecretManagerServiceClient(transport=transport) as client:
        parent = f"projects/{endpoints.project}"
        automatic = secretmanager.Replication(automatic=secretmanager.Replication.Automatic())
        try:
            client.create_secret(parent=parent, secret_id=SECRET, secret=secretmanager.Secret(replication=automatic))
        except AlreadyExists:
            return
        client.add_secret_version(
            parent=f"{parent}/secrets/{SECRET}",
            payload=secretmanager.SecretPayload(data=secrets.token_bytes(KEY_BYTES)),
        )


def seed_workflow(endpoints: Endpoints, workflow: dict[str, Any]) -> None:
    """Write the workflow's document: its id becomes the document's name, the rest its fields."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = endpoints.firestore
    client = firestore.Client(
        project=endpoints.project, database=endpoints.database, credentials=anonymous_credentials()
    )
    fields = {name: value for name, value in workflow.items() if name != "id"}
    try:
        client.document("workflows", workflow["id"]).set(fields)
    finally:
        client.close()


def seed(endpoints: Endpoints, numbers: QueueNumbers, workflow: dict[str, Any]) -> None:
    """Run all four steps at once, each as soon as its emulator accepts connections; raises the first error."""
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        (f"tcp://{endpoints.cloud_tasks}", lambda: seed_queues(endpoints, numbers)),
        (endpoints.storage.replace("http://", "tcp://"), lambda: seed_bucket(endpoints)),
        (f"tcp://{endpoints.secret_manager}", lambda: seed_key(endpoints)),
        (f"tcp://{endpoints.firestore}", lambda: seed_workflow(endpoints, workflow)),
    )

    def seed_when_ready(address: str, step: Callable[[], None]) -> None:
        asyncio.run(wait_until_ready([address]))
        step()

    with ThreadPoolExecutor(len(steps)) as threads:
        for done in [threads.submit(seed_when_ready, address, step) for address, step in steps]:
            done.result()


def main() -> int:
    """Fill the emulators of the state file; return 0."""
    parser = argparse.ArgumentParser(prog="python -m local.stack.seed", description="Fills the emulators.")
    parser.add_argument("--state", type=Path, required=True, help="a state file, as python -m local writes it")
    parser.add_argument("--dispatch-rate", type=float, help="tasks a second, instead of the number in infra/queue.json")
    options = parser.parse_args()
    endpoints = Endpoints(**read_json(options.state))
    numbers = QueueNumbers.read(ROOT / "infra" / "queue.json")
    if options.dispatch_rate is not None:
        numbers = replace(numbers, max_dispatches_per_second=options.dispatch_rate)
    seed(endpoints, numbers, read_json(ROOT / "infra" / "workflow.json"))
    sys.stdout.write("seeded: queues, bucket, key, workflow\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
