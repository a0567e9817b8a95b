from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from google.cloud import tasks_v2

from tests.contract.cloud_tasks.support import LOCATION, Tasks, raw_refusal, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import grpc

    from tests.contract.cloud_tasks.support import Emulator

METHODS = ("CreateTask", "CreateQueue", "UpdateQueue", "BatchCreateTasks", "BatchDeleteTasks", "ListTasks", "RunTask")


class RawServer:
    """A TCP server that treats every connection as `behave` says."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._behave = behave
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self.finished: list[float] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                connection.recv(65536)
                with contextlib.suppress(OSError):
                    self._behave(connection)
                self.finished.append(time.monotonic())

    def close(self) -> None:
        # A blocked accept only ends when the socket is shut down, not when it is closed.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], RawServer]]:
    servers: list[RawServer] = []

    def start(behave: Callable[[socket.socket], None]) -> RawServer:
        servers.append(RawServer(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def memory_kb(emulator: Emulator) -> int:
    with open(f"/proc/{emulator.process.pid}/status", encoding="ascii") as status:  # noqa: PTH123 - a kernel file
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def still_works(tasks: Tasks) -> None:
    before = len(tasks.target.received)
    tasks.create()
    tasks.target.wait_for(before + 1)


def test_an_answer_of_a_gigabyte_is_cut_off(
    emulator: Emulator, tasks: Tasks, raw_server: Callable[[Callable[[socket.socket], None]], RawServer]
) -> None:
    sent = 0

    def behave(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while sent < 2**30:
            sent += connection.send(b"x" * 65536)

    server = raw_server(behave)
    before = memory_kb(emulator)

    tasks.create("t", http_request={"url": server.url})
    emulator.wait_idle()
    wait_until(lambda: bool(server.finished))

    assert sent < 20_000_000
    assert memory_kb(emulator) - before < 20_000
    still_works(tasks)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello\r\n\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 999999 WHAT\r\n\r\n", id="a status that is none"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", id="a body cut short"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n", id="a megabyte of header"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="broken chunks"),
        pytest.param(b"HTTP/1.1 307 Go\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n", id="a broken redirect"),
    ],
)
def test_an_unusable_answer_is_a_failed_attempt(
    frozen: Emulator,
    tasks: Tasks,
    raw_server: Callable[[Callable[[socket.socket], None]], RawServer],
    reply: bytes,
) -> None:
    server = raw_server(lambda connection: connection.sendall(reply))

    tasks.create("t", http_request={"url": server.url})
    frozen.settle()

    assert tasks.client.get_task(name=tasks.path("t")).dispatch_count == 1
    assert frozen.state(tasks.queue)["inFlight"] == 0


def test_targets_that_hang_hold_up_nobody_else(emulator: Emulator, tasks: Tasks) -> None:
    slow = Tasks(tasks.client, f"{LOCATION}/queues/slow", tasks.target)
    tasks.client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=slow.queue))
    with socket.create_server(("127.0.0.1", 0), backlog=512) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        for _ in range(100):
            slow.create(http_request={"url": url})

        still_works(tasks)
        emulator.reset()

    assert emulator.call("GET", "/_local/health") == {"status": "ok"}


@pytest.mark.parametrize("method", METHODS)
def test_bytes_that_are_no_request_are_refused(channel: grpc.Channel, tasks: Tasks, method: str) -> None:
    generator = random.Random(7)  # noqa: S311 - any bytes will do

    for _ in range(30):
        data = generator.randbytes(generator.randrange(1, 200))
        code, _ = raw_refusal(channel, f"tasks.v2.CloudTasks/{method}", data)
        assert code in ("OK", "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED")

    still_works(tasks)


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_request_is_refused(channel: grpc.Channel, emulator: Emulator, method: str) -> None:
    assert emulator.rest_url

    code, _ = raw_refusal(channel, f"tasks.v2.CloudTasks/{method}", b"")

    assert code in ("INVALID_ARGUMENT", "PERMISSION_DENIED")


def test_durations_and_times_beyond_reason_are_refused(tasks: Tasks) -> None:
    for config in ({"min_backoff": {"seconds": 2**62}}, {"max_retry_duration": {"seconds": 5, "nanos": -5}}):
        with pytest.raises(Exception, match="RetryConfig"):
            tasks.configure(retry_config=config)

    still_works(tasks)


def test_the_slowest_rate_there_is_does_no_harm(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits={"max_dispatches_per_second": 1e-300})
    for _ in range(11):
        tasks.create()
    tasks.target.wait_for(10)
    frozen.advance(3600)

    assert len(tasks.target.received) == 10


def test_queues_deleted_while_their_tasks_run_leave_nothing_behind(emulator: Emulator, tasks: Tasks) -> None:
    tasks.target.gate.clear()
    for number in range(5):
        queue = Tasks(tasks.client, f"{LOCATION}/queues/short-lived-{number}", tasks.target)
        tasks.client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=queue.queue))
        for _ in range(5):
            queue.create()
        tasks.client.delete_queue(name=queue.queue)
    tasks.target.gate.set()

    still_works(tasks)

    assert [each["name"] for each in emulator.call("GET", "/_local/queues")["queues"]] == [tasks.queue]
