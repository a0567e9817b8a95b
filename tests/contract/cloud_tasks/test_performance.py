"""Processor time and memory that the emulator spends; rates, which depend on who else is busy, are in its README."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import grpc
import pytest
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from tests.contract.cloud_tasks.support import LOCATION, Emulator, start_emulator, stop_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUE = f"{LOCATION}/queues/many"
BODY = b'{"execution_id": "f8b20b59-7d06-4599-8413-64da74225b0c", "batch_index": 1, "attempt": 1}'


@pytest.fixture
def paused() -> Iterator[Emulator]:
    emulator = start_emulator("--queue", QUEUE)
    emulator.call("POST", f"/v2/{QUEUE}:pause", {})
    yield emulator
    stop_emulator(emulator)


def a_task(number: int) -> tasks_v2.Task:
    request = tasks_v2.HttpRequest(url="http://127.0.0.1:1/", body=BODY, headers={"Content-Type": "application/json"})
    return tasks_v2.Task(name=f"{QUEUE}/tasks/{number}", http_request=request)


async def create_many(address: str, count: int) -> None:
    """Create tasks one by one with the asyncio client, a hundred calls at a time."""
    async with grpc.aio.insecure_channel(address) as channel:
        client = tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                await client.create_task(parent=QUEUE, task=a_task(number))

        await asyncio.gather(*(work() for _ in range(100)))


async def create_in_batches(address: str, count: int) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        client = tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))
        for first in range(0, count, 100):
            requests = [tasks_v2.CreateTaskRequest(parent=QUEUE, task=a_task(first + n)) for n in range(100)]
            await client.batch_create_tasks(parent=QUEUE, requests=requests)


def cpu_seconds(emulator: Emulator) -> float:
    with open(f"/proc/{emulator.process.pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - a kernel file
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(emulator: Emulator) -> float:
    with open(f"/proc/{emulator.process.pid}/status", encoding="ascii") as status:  # noqa: PTH123 - a kernel file
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def test_a_task_created_by_itself_costs_well_under_a_millisecond(paused: Emulator) -> None:
    before = cpu_seconds(paused)

    asyncio.run(create_many(paused.grpc_address, 3000))

    # 0.37 ms on a quiet machine, so 2,000 a second fit into one core.
    assert (cpu_seconds(paused) - before) / 3000 < 0.000_8


def test_ten_thousand_queued_tasks_take_little_memory_and_no_time_at_all(paused: Emulator) -> None:
    before = cpu_seconds(paused)
    asyncio.run(create_in_batches(paused.grpc_address, 10_000))
    filled = cpu_seconds(paused)
    time.sleep(1)

    assert (filled - before) / 10_000 < 0.000_2
    assert memory_mb(paused) < 200
    assert cpu_seconds(paused) - filled <= 0.02
