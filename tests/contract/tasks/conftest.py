"""Every case runs on both queues."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import pytest
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from imagefactory.adapters.cloud_tasks import CloudTasks
from imagefactory.testing import InMemoryTasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagefactory.domain.task import Task
    from imagefactory.ports import Tasks

LOCATION = "projects/contract/locations/us-central1"
URL, SERVICE_ACCOUNT = "http://127.0.0.1:9/generate", "tasks-invoker@contract.iam.gserviceaccount.com"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Queueful:
    """The port Tasks, and a look into its queues: the ids that wait there, and those of watchdogs.

    `lose` makes a task vanish, as its success or a purge does.
    """

    tasks: Tasks
    waiting: Callable[[], set[str]]
    watches: Callable[[], set[str]]
    lose: Callable[[Task], object]


@pytest.fixture(scope="session")
def client(cloud_tasks_host: str) -> Iterator[tasks_v2.CloudTasksClient]:
    with grpc.insecure_channel(cloud_tasks_host) as channel:
        yield tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


@pytest.fixture
def queues(client: tasks_v2.CloudTasksClient) -> tuple[str, str]:
    """The names of two fresh queues that are paused: one for prompts, one for watchdogs."""
    names = [f"{LOCATION}/queues/{kind}-{next(_numbers)}" for kind in ("prompts", "watchdogs")]
    for name in names:
        client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=name))
        client.pause_queue(name=name)
    return names[0], names[1]


@pytest.fixture
def cloud_tasks(client: tasks_v2.CloudTasksClient, queues: tuple[str, str]) -> CloudTasks:
    return an_adapter(client, *queues)


def an_adapter(
    client: tasks_v2.CloudTasksClient,
    queue: str = f"{LOCATION}/queues/q",
    watchdog_queue: str = f"{LOCATION}/queues/w",
    sleep: Callable[[float], None] = lambda _: None,
) -> CloudTasks:
    return CloudTasks(
        client,
        queue=queue,
        watchdog_queue=watchdog_queue,
        url=URL,
        service_account=SERVICE_ACCOUNT,
        deadline=600,
        sleep=sleep,
    )


@pytest.fixture(params=["memory", "cloud-tasks"])
def queueful(request: pytest.FixtureRequest) -> Queueful:
    if request.param == "memory":
        return in_memory()
    client, queues = request.getfixturevalue("client"), request.getfixturevalue("queues")
    return in_cloud(request.getfixturevalue("cloud_tasks"), client, queues)


def in_memory() -> Queueful:
    tasks = InMemoryTasks()
    return Queueful(tasks, lambda: set(tasks.waiting), lambda: set(tasks.watches), tasks.lose)


def in_cloud(tasks: CloudTasks, client: tasks_v2.CloudTasksClient, queues: tuple[str, str]) -> Queueful:
    def listed(queue: str) -> set[str]:
        return {task.name.rsplit("/", 1)[-1] for task in client.list_tasks(parent=queue)}

    prompts, watchdogs = queues
    return Queueful(
        tasks,
        lambda: listed(prompts),
        lambda: listed(watchdogs),
        lambda task: client.delete_task(name=f"{prompts}/tasks/{task.id}"),
    )
