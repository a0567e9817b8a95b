from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from google.cloud import tasks_v2

from tests.contract.cloud_tasks.support import LOCATION, wait_until

if TYPE_CHECKING:
    from tests.contract.cloud_tasks.support import Emulator, Tasks


def test_waiting_ends_when_the_last_task_is_done(emulator: Emulator, tasks: Tasks) -> None:
    tasks.target.gate.clear()
    tasks.create()
    tasks.target.wait_for(1)
    threading.Timer(0.2, tasks.target.gate.set).start()
    start = time.monotonic()

    emulator.wait_idle()

    assert 0.15 < time.monotonic() - start < 2


def test_waiting_gives_up_after_its_timeout_and_says_who_is_busy(emulator: Emulator, tasks: Tasks) -> None:
    tasks.client.pause_queue(name=tasks.queue)
    tasks.create()

    answer = requests.post(f"{emulator.rest_url}/_local/wait-idle?queue={tasks.queue}&timeout=0.1", timeout=5)

    assert answer.status_code == 504
    assert answer.json()["busy"][0]["name"] == tasks.queue


def test_what_may_begin_now_is_waited_for_though_nothing_runs_yet(frozen: Emulator, tasks: Tasks) -> None:
    tasks.client.pause_queue(name=tasks.queue)
    tasks.create()
    frozen.settle()
    tasks.client.resume_queue(name=tasks.queue)

    frozen.settle()

    assert len(frozen.deliveries(queue=tasks.queue)) == 1


@pytest.mark.parametrize("how", ["purge_queue", "delete_queue"])
def test_waiting_ends_when_the_tasks_are_taken_away(emulator: Emulator, tasks: Tasks, how: str) -> None:
    tasks.client.pause_queue(name=tasks.queue)
    tasks.create()
    threading.Timer(0.1, lambda: getattr(tasks.client, how)(name=tasks.queue)).start()

    emulator.wait_idle(timeout=5)


def test_waiting_for_a_queue_that_does_not_exist_is_refused(emulator: Emulator) -> None:
    answer = requests.post(f"{emulator.rest_url}/_local/wait-idle?queue={LOCATION}/queues/none", timeout=5)

    assert answer.status_code == 404


def test_deliveries_are_recorded_with_their_headers_status_and_times(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.answers.append(503)
    tasks.create("t", http_request={"body": b"12345"})
    frozen.advance(0)
    frozen.advance(1)

    first, second = frozen.deliveries(queue=tasks.queue, task="t")

    assert (first["number"] < second["number"], first["kind"]) == (True, "SCHEDULED")
    assert (first["ending"], first["status"], second["status"]) == ("ANSWERED", 503, 200)
    assert first["headers"]["X-CloudTasks-TaskName"] == "t"
    assert (first["method"], first["url"], first["bodyBytes"]) == ("POST", tasks.target.url, 5)
    assert first["scheduledAt"] <= first["dispatchedAt"] <= first["finishedAt"] < second["dispatchedAt"]
    assert frozen.deliveries(after=first["number"]) == [second]
    assert frozen.deliveries(limit=1) == [first]
    assert frozen.deliveries(task="other") == []


def test_deliveries_can_be_forgotten(emulator: Emulator, tasks: Tasks) -> None:
    tasks.create()
    emulator.settle()

    emulator.call("DELETE", "/_local/deliveries")

    assert emulator.deliveries() == []


def test_a_share_of_the_tasks_can_be_delivered_twice_at_once(emulator: Emulator, tasks: Tasks) -> None:
    emulator.call("PUT", "/_local/duplicates", {"queue": tasks.queue, "share": 1})
    tasks.target.gate.clear()

    tasks.create("t")
    first, second = tasks.target.wait_for(2)
    tasks.target.gate.set()
    emulator.wait_idle()

    assert first.headers == second.headers
    assert [each["kind"] for each in emulator.deliveries()] == ["SCHEDULED", "DUPLICATE"]


def test_a_duplicate_counts_for_nothing_in_the_task_itself(frozen: Emulator, tasks: Tasks) -> None:
    frozen.call("PUT", "/_local/duplicates", {"queue": tasks.queue, "share": 1})
    tasks.target.answers.extend([500, 500])

    tasks.create("t")
    frozen.settle()

    task = tasks.client.get_task(name=tasks.path("t"))
    assert (task.dispatch_count, task.response_count) == (1, 1)


def test_half_of_many_tasks_are_delivered_twice_when_the_share_is_half(emulator: Emulator, tasks: Tasks) -> None:
    emulator.call("PUT", "/_local/duplicates", {"queue": tasks.queue, "share": 0.5})

    for _ in range(100):
        tasks.create()
    emulator.wait_idle()

    assert 120 < len(tasks.target.received) < 180


def test_a_reset_brings_back_the_state_after_the_start(emulator: Emulator, tasks: Tasks) -> None:
    tasks.create("t")
    tasks.target.gate.clear()
    tasks.create("hanging")
    tasks.target.wait_for(2)
    emulator.call("PUT", "/_local/clock", {"speed": 5, "advance": 1000})

    emulator.reset()

    assert emulator.call("GET", "/_local/queues") == {"queues": []}
    assert emulator.deliveries() == []
    assert emulator.call("GET", "/_local/clock")["speed"] == 1
    assert abs(emulator.now() - time.time()) < 1
    # Neither the queue's name nor the task's is reserved.
    tasks.client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=tasks.queue))
    tasks.target.gate.set()
    assert tasks.create("t").name


def test_a_faster_clock_makes_waits_shorter(emulator: Emulator, tasks: Tasks) -> None:
    tasks.configure(retry_config={"min_backoff": {"seconds": 60}, "max_backoff": {"seconds": 60}})
    tasks.target.answers.append(500)
    tasks.create()
    tasks.target.wait_for(1)

    emulator.call("PUT", "/_local/clock", {"speed": 300})
    first, second = tasks.target.wait_for(2)

    assert 0.1 < second.at - first.at < 1


def test_a_clock_that_stands_still_lets_nothing_fall_due(frozen: Emulator, tasks: Tasks) -> None:
    before = frozen.now()
    due = before + 0.05

    tasks.create(schedule_time={"seconds": int(due), "nanos": int(due % 1 * 1e9)})
    time.sleep(0.2)

    assert frozen.now() == before
    assert tasks.target.received == []


def test_a_clock_set_running_again_goes_on_from_where_it_stood(frozen: Emulator, tasks: Tasks) -> None:
    due = frozen.now() + 0.2
    tasks.create(schedule_time={"seconds": int(due), "nanos": int(due % 1 * 1e9)})

    frozen.call("PUT", "/_local/clock", {"speed": 1})

    wait_until(lambda: len(tasks.target.received) == 1, 2)


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("PUT", "/_local/clock", {"speed": -1}),
        ("PUT", "/_local/clock", {"advance": "far"}),
        ("PUT", "/_local/clock", {"advance": None}),
        ("PUT", "/_local/clock", []),
        ("PUT", "/_local/duplicates", {"queue": LOCATION, "share": 2}),
        ("POST", "/_local/wait-idle?timeout=-1", {}),
        ("GET", "/_local/deliveries?after=x", {}),
    ],
)
def test_nonsense_is_refused_with_a_sentence(emulator: Emulator, verb: str, path: str, body: Any) -> None:
    answer = requests.request(verb, emulator.rest_url + path, json=body, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
