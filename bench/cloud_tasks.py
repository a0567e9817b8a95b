"""Measure a running emulator and print the table of its README.

`python -m bench.cloud_tasks` takes about half a minute on a quiet machine.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import grpc
from aiohttp import web
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

_PARENT = "projects/measure/locations/us-central1"
_RATES = (0.5, 1, 20, 500)
_PACED_S = 12
_BODY = b'{"execution_id": "f8b20b59-7d06-4599-8413-64da74225b0c", "batch_index": 1, "attempt": 1}'
_BATCH, _AT_ONCE = 100, 100
# The burst: the requests within these seconds after the first, less those of the rate.
_BURST_WINDOW_S = 0.4


@dataclass
class Target:
    """A server at `url` that records the times of its requests by path."""

    url: str = ""
    request_times: dict[str, list[float]] = field(default_factory=dict)

    async def receive(self, request: web.Request) -> web.Response:
        """Record the time and answer 200."""
        self.request_times.setdefault(request.path, []).append(time.monotonic())
        await request.read()
        return web.Response()


@dataclass(frozen=True)
class Bench:
    """The client, the emulator's process and REST address, and the target."""

    client: tasks_v2.CloudTasksAsyncClient
    process: asyncio.subprocess.Process
    rest_url: str
    target: Target

    async def make_queue(self, queue_id: str, **limits: float) -> str:
        """Create a paused queue; return its full name."""
        name = f"{_PARENT}/queues/{queue_id}"
        await self.client.create_queue(parent=_PARENT, queue=tasks_v2.Queue(name=name, rate_limits=limits))
        await self.client.pause_queue(name=name)
        return name

    async def fill(self, queue: str, count: int, path: str) -> None:
        """Create `count` tasks, a hundred a call."""
        request = tasks_v2.HttpRequest(url=self.target.url + path, body=_BODY)
        task_request = tasks_v2.CreateTaskRequest(parent=queue, task=tasks_v2.Task(http_request=request))
        for start in range(0, count, _BATCH):
            size = min(_BATCH, count - start)
            await self.client.batch_create_tasks(parent=queue, requests=[task_request] * size)

    def memory_mb(self) -> float:
        """The emulator's peak memory so far, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024

    def cpu_s(self) -> float:
        """The emulator's processor time so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


async def _measure_pacing(bench: Bench) -> list[str]:
    queues = {}
    for rate in _RATES:
        queues[rate] = await bench.make_queue(f"pace-{rate}".replace(".", "-"), max_dispatches_per_second=rate)
        await bench.fill(queues[rate], int(rate * (_PACED_S + 3)) + max(10, int(rate / 5)), f"/{rate}")
    for queue in queues.values():
        await bench.client.resume_queue(name=queue)
    await asyncio.sleep(_PACED_S)
    rows = []
    for rate in _RATES:
        times = bench.target.request_times[f"/{rate}"]
        ended = min(times[-1], times[0] + _PACED_S)
        burst = round(sum(at < times[0] + _BURST_WINDOW_S for at in times) - rate * _BURST_WINDOW_S)
        paced = (sum(at <= ended for at in times) - burst) / (ended - times[0])
        rows.append(f"| dispatch at {rate}/s over {_PACED_S} s | {paced:.2f}/s after a burst of {burst} |")
        await bench.client.purge_queue(name=queues[rate])
    return rows


async def _measure_creation(bench: Bench) -> list[str]:
    queue = await bench.make_queue("create")
    request = tasks_v2.HttpRequest(url=bench.target.url, body=_BODY)
    numbers = iter(range(5000))

    async def work() -> None:
        for number in numbers:
            task = tasks_v2.Task(name=f"{queue}/tasks/{number}", http_request=request)
            await bench.client.create_task(parent=queue, task=task)

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    singly = 5000 / (time.perf_counter() - start)
    start = time.perf_counter()
    await bench.fill(queue, 5000, "/")
    batched = 5000 / (time.perf_counter() - start)
    before = bench.cpu_s()
    await asyncio.sleep(5)
    return [
        f"| creation, asyncio client, {_AT_ONCE} calls at a time | {singly:,.0f} tasks/s |",
        f"| creation, asyncio client, batches of {_BATCH} | {batched:,.0f} tasks/s |",
        f"| memory with 10,000 tasks queued | {bench.memory_mb():.0f} MB |",
        f"| processor time in 5 idle seconds, 10,000 tasks queued | {(bench.cpu_s() - before) * 1000:.0f} ms |",
    ]


async def _measure_backoff(bench: Bench) -> list[str]:
    """Measure the waits before eight retries, by the task's schedule times, while the clock jumps ahead."""
    name = f"{_PARENT}/queues/backoff"
    config = {"min_backoff": {"seconds": 10}, "max_backoff": {"seconds": 300}, "max_doublings": 3}
    await bench.client.create_queue(parent=_PARENT, queue=tasks_v2.Queue(name=name, retry_config=config))
    waits = []
    async with aiohttp.ClientSession(bench.rest_url) as session:
        await session.put("/_local/clock", json={"speed": 0})
        refused = tasks_v2.HttpRequest(url="http://127.0.0.1:1/")
        task = await bench.client.create_task(parent=name, task=tasks_v2.Task(http_request=refused))
        for _ in range(8):
            await session.post("/_local/wait-idle", params={"scheduled": "ignore"})
            now = (await (await session.get("/_local/clock")).json())["now"]
            due = (await bench.client.get_task(name=task.name)).schedule_time.timestamp()  # type: ignore[attr-defined]  # a datetime
            waits.append(round(due - now))
            await session.put("/_local/clock", json={"advance": due - now + 0.001})
    return [f"| waits for 10 s, 300 s, 3 doublings | {', '.join(map(str, waits))} s |"]


async def _measure_all() -> list[str]:
    command = ("-m", "emulators.cloud_tasks", "--grpc-port", "0", "--rest-port", "0")
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - it was asked for
    words = (await process.stdout.readline()).decode().split()
    target, app = Target(), web.Application()
    app.router.add_post("/{path:.*}", target.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    target.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with grpc.aio.insecure_channel(words[4].rstrip(",")) as channel:
        client = tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))
        bench = Bench(client, process, words[7], target)
        rows = [*await _measure_pacing(bench), *await _measure_creation(bench), *await _measure_backoff(bench)]
    await runner.cleanup()
    process.terminate()
    await process.wait()
    return rows


def main() -> None:
    """Print the table."""
    print("| what | measured |\n| --- | --- |", *asyncio.run(_measure_all()), sep="\n")  # noqa: T201 - its purpose


if __name__ == "__main__":
    main()
