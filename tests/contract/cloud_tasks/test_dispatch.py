from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from google.cloud import tasks_v2

from tests.contract.cloud_tasks.support import LOCATION, Target, Tasks, epoch, is_set, start_emulator, stop_emulator

if TYPE_CHECKING:
    from tests.contract.cloud_tasks.support import Emulator


def rate(per_second: float, concurrent: int = 1000) -> dict[str, float]:
    return {"max_dispatches_per_second": per_second, "max_concurrent_dispatches": concurrent}


def received_while(emulator: Emulator, target: Target, step: float, steps: int) -> list[int]:
    """How many requests had come in after each step of time."""
    counts = []
    for _ in range(steps):
        emulator.advance(step)
        counts.append(len(target.received))
    return counts


def test_a_full_bucket_goes_out_at_once_and_then_the_rate_sets_the_pace(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(1))

    for _ in range(16):
        tasks.create()
    frozen.settle()
    burst = len(tasks.target.received)

    assert burst == 10
    assert received_while(frozen, tasks.target, 0.5, 8) == [10, 11, 11, 12, 12, 13, 13, 14]


def test_a_rate_below_one_a_second_is_kept(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(0.25))

    for _ in range(14):
        tasks.create()
    frozen.settle()

    assert received_while(frozen, tasks.target, 2, 8) == [10, 11, 11, 12, 12, 13, 13, 14]


def test_a_rested_bucket_is_full_again_but_never_fuller(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(1))
    for _ in range(10):
        tasks.create()
    frozen.advance(1000)

    for _ in range(15):
        tasks.create()
    frozen.settle()

    assert len(tasks.target.received) == 20


def test_a_retry_costs_a_token_like_a_first_attempt(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(1), retry_config={"min_backoff": {"nanos": 1000}, "max_backoff": {"nanos": 1000}})
    tasks.target.answers.extend([500] * 11)

    tasks.create()
    frozen.settle()
    # The clock stands still, so each retry needs a nudge to fall due; the tokens stay the same ten.
    for _ in range(15):
        frozen.advance(0.000_01)
    burst = len(tasks.target.received)
    frozen.advance(1)

    assert burst == 10
    assert len(tasks.target.received) == 11


def test_no_more_run_at_once_than_the_queue_allows(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(500, concurrent=3))
    tasks.target.gate.clear()

    for _ in range(7):
        tasks.create()
    tasks.target.wait_for(3)
    held = frozen.state(tasks.queue)
    tasks.target.gate.set()
    tasks.target.wait_for(7)

    assert held["inFlight"] == 3
    assert held["waiting"] == 4


def test_waiting_for_a_free_slot_costs_no_token(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(1, concurrent=2))
    tasks.target.gate.clear()

    for _ in range(5):
        tasks.create()
    tasks.target.wait_for(2)
    tokens = frozen.state(tasks.queue)["tokens"]
    tasks.target.gate.set()

    assert tokens == 8


def test_no_task_leaves_before_its_time(frozen: Emulator, tasks: Tasks) -> None:
    tasks.create(schedule_time={"seconds": int(frozen.now()) + 30})

    frozen.advance(28)
    early = len(tasks.target.received)
    frozen.advance(2)

    assert early == 0
    assert len(tasks.target.received) == 1


def test_what_is_due_first_leaves_first(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(1, concurrent=1))
    start = int(frozen.now())

    for offset in (40, 10, 30, 20):
        tasks.create(f"at-{offset}", schedule_time={"seconds": start + offset})
    frozen.advance(60)
    tasks.target.wait_for(4)

    assert tasks.target.headers("X-CloudTasks-TaskName") == ["at-10", "at-20", "at-30", "at-40"]


def test_due_tasks_leave_in_any_order_when_the_emulator_shuffles() -> None:
    name = f"{LOCATION}/queues/shuffled"
    emulator = start_emulator("--shuffle", "--queue", name)
    target = Target()
    names = [f"{number:03}" for number in range(60)]

    try:
        emulator.call("POST", f"/v2/{name}:pause", {})
        for number in names:
            body = {"task": {"name": f"{name}/tasks/{number}", "httpRequest": {"url": target.url}}}
            emulator.call("POST", f"/v2/{name}/tasks", body)
        emulator.call("POST", f"/v2/{name}:resume", {})
        emulator.wait_idle()
    finally:
        target.close()
        stop_emulator(emulator)

    order = [str(value) for value in target.headers("X-CloudTasks-TaskName")]
    assert sorted(order) == names
    assert order != names


def test_a_paused_queue_takes_tasks_and_keeps_them(frozen: Emulator, tasks: Tasks) -> None:
    tasks.client.pause_queue(name=tasks.queue)

    tasks.create("kept")
    frozen.advance(100)
    while_paused = len(tasks.target.received)
    tasks.client.resume_queue(name=tasks.queue)
    frozen.settle()

    assert while_paused == 0
    assert len(tasks.target.received) == 1


def test_a_pause_stops_tasks_that_wait_for_a_token_but_not_those_in_flight(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(1))
    tasks.target.gate.clear()
    for _ in range(12):
        tasks.create()
    tasks.target.wait_for(10)

    tasks.client.pause_queue(name=tasks.queue)
    tasks.target.gate.set()
    frozen.advance(100)

    assert len(tasks.target.received) == 10
    assert frozen.state(tasks.queue)["tasks"] == 2


def test_an_update_changes_the_pace_of_a_queue_that_is_running(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(0.001))
    for _ in range(30):
        tasks.create()
    frozen.settle()
    slow = len(tasks.target.received)

    tasks.configure(rate_limits=rate(5), paths=["rate_limits.max_dispatches_per_second"])
    frozen.advance(2.01)

    assert slow == 10
    assert len(tasks.target.received) == 20


def test_an_update_lets_more_run_at_once(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(500, concurrent=1))
    tasks.target.gate.clear()
    for _ in range(5):
        tasks.create()
    tasks.target.wait_for(1)

    tasks.configure(rate_limits=rate(500, concurrent=4), paths=["rate_limits.max_concurrent_dispatches"])
    tasks.target.wait_for(4)
    in_flight = frozen.state(tasks.queue)["inFlight"]
    tasks.target.gate.set()

    assert in_flight == 4


def test_one_queue_does_not_wait_for_another(frozen: Emulator, tasks: Tasks) -> None:
    busy = Tasks(tasks.client, f"{LOCATION}/queues/busy", tasks.target)
    tasks.client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=busy.queue, rate_limits=rate(1)))
    for _ in range(50):
        busy.create()
    frozen.settle()

    tasks.create("small")
    frozen.settle()

    assert tasks.target.headers("X-CloudTasks-TaskName")[-1] == "small"


def test_a_run_ignores_the_schedule_the_rate_and_the_pause(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(0.001))
    tasks.client.pause_queue(name=tasks.queue)
    tasks.create("later", schedule_time={"seconds": int(frozen.now()) + 3600})

    answer = tasks.client.run_task(name=tasks.path("later"))
    frozen.settle()

    assert answer.dispatch_count == 1
    assert not is_set(answer.last_attempt.response_time)
    assert len(tasks.target.received) == 1
    assert not tasks.exists("later")
    assert frozen.state(tasks.queue)["tokens"] == 10


def test_a_run_replaces_the_scheduled_one(frozen: Emulator, tasks: Tasks) -> None:
    tasks.create("once", schedule_time={"seconds": int(frozen.now()) + 60})

    tasks.client.run_task(name=tasks.path("once"))
    frozen.advance(120)

    assert len(tasks.target.received) == 1


def test_a_failed_run_is_retried_from_the_time_of_the_call(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(retry_config={"min_backoff": {"seconds": 50}, "max_backoff": {"seconds": 50}})
    tasks.create("later", schedule_time={"seconds": int(frozen.now()) + 3600})
    tasks.target.answers.append(500)
    tasks.target.gate.clear()
    called = frozen.now()

    tasks.client.run_task(name=tasks.path("later"))
    tasks.target.wait_for(1)
    frozen.call("PUT", "/_local/clock", {"advance": 20})
    tasks.target.gate.set()
    frozen.settle()

    task = tasks.client.get_task(name=tasks.path("later"))
    assert epoch(task.schedule_time) - called == pytest.approx(50, abs=0.01)


def test_a_task_that_is_running_can_be_run_a_second_time_beside(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.gate.clear()
    tasks.create("twice")
    tasks.target.wait_for(1)

    tasks.client.run_task(name=tasks.path("twice"))
    tasks.target.wait_for(2)
    tasks.target.gate.set()
    frozen.settle()

    assert not tasks.exists("twice")
    assert len(tasks.target.received) == 2


def test_a_success_beside_a_failure_leaves_nothing_to_retry(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.answers.extend([200, 500])
    tasks.target.gate.clear()
    tasks.create("twice")
    tasks.target.wait_for(1)

    tasks.client.run_task(name=tasks.path("twice"))
    tasks.target.wait_for(2)
    tasks.target.gate.set()
    # Both have ended before time goes on: a retry that falls due while the success is under way would begin.
    frozen.settle()
    frozen.advance(100)

    assert len(tasks.target.received) == 2


def test_a_task_deleted_while_it_runs_is_not_retried(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.answers.append(500)
    tasks.target.gate.clear()
    tasks.create("gone")
    tasks.target.wait_for(1)

    tasks.client.delete_task(name=tasks.path("gone"))
    tasks.target.gate.set()
    frozen.advance(100)

    assert len(tasks.target.received) == 1


def test_a_queue_deleted_while_its_tasks_run_lets_them_end(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.answers.append(500)
    tasks.target.gate.clear()
    tasks.create()
    tasks.create()
    tasks.target.wait_for(2)

    tasks.client.delete_queue(name=tasks.queue)
    tasks.target.gate.set()
    frozen.advance(100)

    assert len(tasks.target.received) == 2


@pytest.mark.usefixtures("emulator")
def test_in_real_time_a_rate_of_twenty_is_twenty_a_second(tasks: Tasks) -> None:
    tasks.configure(rate_limits=rate(20))

    for _ in range(40):
        tasks.create()
    received = tasks.target.wait_for(40)

    paced = received[-1].at - received[10].at
    assert received[9].at - received[0].at < 0.5
    assert 29 / 20 - 0.1 < paced < 29 / 20 + 0.4


@pytest.mark.usefixtures("emulator")
def test_in_real_time_a_scheduled_task_comes_when_it_is_due(tasks: Tasks) -> None:
    due = time.time() + 0.5
    start = time.monotonic()

    tasks.create(schedule_time={"seconds": int(due), "nanos": int(due % 1 * 1e9)})
    received = tasks.target.wait_for(1)

    assert 0.45 < received[0].at - start < 0.8
