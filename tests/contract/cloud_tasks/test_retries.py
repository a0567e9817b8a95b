from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.cloud_tasks.support import epoch, is_set, refusal

if TYPE_CHECKING:
    from tests.contract.cloud_tasks.support import Emulator, Tasks

FAR = 40 * 24 * 3600


def seconds(count: float) -> dict[str, int]:
    return {"seconds": int(count), "nanos": round(count % 1 * 1e9)}


def delays(emulator: Emulator, tasks: Tasks, retries: int) -> list[float]:
    """The waits before the first retries of the queue's only task, by the schedule times it shows."""
    found = []
    for _ in range(retries):
        task = next(iter(tasks.client.list_tasks(parent=tasks.queue)))
        wait = epoch(task.schedule_time) - emulator.now()
        found.append(round(wait, 3))
        emulator.advance(wait + 0.000_01)
    return found


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"min_backoff": seconds(10), "max_backoff": seconds(300), "max_doublings": 3},
            [10, 20, 40, 80, 160, 240, 300, 300],
        ),
        ({"min_backoff": seconds(1), "max_backoff": seconds(3), "max_doublings": 16}, [1, 2, 3, 3]),
        ({"min_backoff": seconds(2), "max_backoff": seconds(100), "max_doublings": 1}, [2, 4, 8, 12, 16]),
        ({"min_backoff": seconds(0.25), "max_backoff": seconds(0.75), "max_doublings": 5}, [0.25, 0.5, 0.75, 0.75]),
        ({"min_backoff": seconds(5), "max_backoff": seconds(5), "max_doublings": 5}, [5, 5, 5]),
        ({}, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4]),
    ],
)
def test_a_failing_task_waits_longer_each_time_as_its_queue_says(
    frozen: Emulator, tasks: Tasks, config: dict[str, Any], expected: list[float]
) -> None:
    tasks.configure(retry_config=config)
    tasks.target.answers.extend([500] * (len(expected) + 1))

    tasks.create()
    frozen.settle()

    assert delays(frozen, tasks, len(expected)) == expected


def test_a_retry_is_scheduled_from_the_failure_not_from_the_dispatch(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(retry_config={"min_backoff": seconds(10), "max_backoff": seconds(10)})
    tasks.target.answers.append(500)
    tasks.target.gate.clear()

    tasks.create("slow")
    tasks.target.wait_for(1)
    frozen.call("PUT", "/_local/clock", {"advance": 60})
    tasks.target.gate.set()
    frozen.settle()

    task = tasks.client.get_task(name=tasks.path("slow"))
    assert epoch(task.schedule_time) - frozen.now() == pytest.approx(10, abs=0.001)


@pytest.mark.parametrize(
    ("config", "attempts"),
    [
        pytest.param({"max_attempts": 1}, 1, id="one attempt is no retry"),
        pytest.param({"max_attempts": 3}, 3, id="attempts alone"),
        pytest.param({"max_attempts": 2, "max_retry_duration": seconds(35)}, 5, id="both: the duration is longer"),
        pytest.param({"max_attempts": 6, "max_retry_duration": seconds(15)}, 6, id="both: the attempts are more"),
        pytest.param({"max_attempts": -1, "max_retry_duration": seconds(25)}, 4, id="duration alone"),
    ],
)
def test_a_task_is_given_up_once_both_limits_are_reached(
    frozen: Emulator, tasks: Tasks, config: dict[str, Any], attempts: int
) -> None:
    tasks.configure(retry_config={"min_backoff": seconds(10), "max_backoff": seconds(10)} | config)
    tasks.target.answers.extend([500] * 20)

    tasks.create("doomed")
    frozen.settle()
    for _ in range(10):
        frozen.advance(10.001)

    assert len(tasks.target.received) == attempts
    code, message = refusal(tasks.client.get_task, name=tasks.path("doomed"))
    assert code == "NOT_FOUND"
    assert message.startswith("The task no longer exists, though a task with this name existed recently.")


def test_without_any_limit_a_task_is_retried_until_it_is_31_days_old(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(retry_config={"max_attempts": -1, "min_backoff": seconds(3600), "max_backoff": seconds(3600)})
    tasks.target.answers.extend([500] * 300)

    tasks.create("endless")
    frozen.settle()
    for _ in range(150):
        frozen.advance(3600.001)
    still_there = tasks.exists("endless")
    frozen.advance(26 * 24 * 3600)

    assert still_there
    assert len(tasks.target.received) > 100
    assert not tasks.exists("endless")


def test_a_task_that_never_ran_is_dropped_after_31_days_too(frozen: Emulator, tasks: Tasks) -> None:
    tasks.client.pause_queue(name=tasks.queue)
    tasks.create("forgotten")

    frozen.advance(31 * 24 * 3600 - 10)
    before = tasks.exists("forgotten")
    frozen.advance(20)

    assert before
    assert not tasks.exists("forgotten")


@pytest.mark.parametrize(("status", "wait"), [(429, 30), (503, 30), (500, 1)])
def test_an_overloaded_target_may_ask_for_a_longer_wait(
    frozen: Emulator, tasks: Tasks, status: int, wait: float
) -> None:
    tasks.configure(retry_config={"min_backoff": seconds(1), "max_backoff": seconds(60)})
    tasks.target.answers.append(status)
    tasks.target.answer_headers["Retry-After"] = "30"

    tasks.create("t")
    frozen.settle()

    task = tasks.client.get_task(name=tasks.path("t"))
    assert epoch(task.schedule_time) - frozen.now() == pytest.approx(wait, abs=0.001)


def test_no_wait_that_a_target_asks_for_is_longer_than_the_longest_backoff(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(retry_config={"min_backoff": seconds(1), "max_backoff": seconds(5)})
    tasks.target.answers.append(503)
    tasks.target.answer_headers["Retry-After"] = "99999999999999999999"

    tasks.create("t")
    frozen.settle()

    task = tasks.client.get_task(name=tasks.path("t"))
    assert epoch(task.schedule_time) - frozen.now() == pytest.approx(5, abs=0.001)


def test_a_tasks_own_retry_config_takes_the_place_of_its_queues(frozen: Emulator, tasks: Tasks) -> None:
    tasks.configure(retry_config={"max_attempts": 50, "min_backoff": seconds(10), "max_backoff": seconds(10)})
    tasks.target.answers.extend([500] * 10)

    tasks.create("own", retry_config={"max_attempts": 2, "min_backoff": seconds(3), "max_backoff": seconds(3)})
    frozen.settle()
    wait = epoch(tasks.client.get_task(name=tasks.path("own")).schedule_time) - frozen.now()
    frozen.advance(3.001)

    assert wait == pytest.approx(3, abs=0.001)
    assert len(tasks.target.received) == 2
    assert not tasks.exists("own")


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_finishes_a_task(frozen: Emulator, tasks: Tasks, status: int) -> None:
    tasks.target.answers.append(status)

    tasks.create("done")
    frozen.settle()

    assert not tasks.exists("done")


@pytest.mark.parametrize("status", [302, 304, 400, 401, 403, 404, 409, 410, 429, 500, 501, 503, 504])
def test_any_other_status_is_retried(frozen: Emulator, tasks: Tasks, status: int) -> None:
    tasks.target.answers.append(status)

    tasks.create("again")
    frozen.settle()
    failed = tasks.client.get_task(name=tasks.path("again"))
    frozen.advance(1)

    assert (failed.dispatch_count, failed.response_count) == (1, 1)
    assert failed.last_attempt.response_status.message.endswith(f": HTTP status code {status}")
    assert len(tasks.target.received) == 2


def test_the_attempts_status_is_worded_as_in_production(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.answers.append(403)

    tasks.create("denied")
    frozen.settle()

    attempt = tasks.client.get_task(name=tasks.path("denied")).last_attempt
    assert attempt.response_status.code == 7
    assert attempt.response_status.message == "PERMISSION_DENIED(7): HTTP status code 403"
    assert epoch(attempt.schedule_time) <= epoch(attempt.dispatch_time) <= epoch(attempt.response_time)


def test_the_first_attempt_keeps_nothing_but_its_dispatch_time(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.answers.extend([500, 500])

    tasks.create("twice")
    frozen.settle()
    first = tasks.client.get_task(name=tasks.path("twice")).first_attempt
    frozen.advance(1)

    task = tasks.client.get_task(name=tasks.path("twice"))
    assert task.first_attempt == first
    assert is_set(first.dispatch_time)
    assert not is_set(first.response_time)
    assert epoch(task.last_attempt.dispatch_time) > epoch(first.dispatch_time)


def test_the_headers_of_retries_are_those_recorded_from_the_real_service(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.answers.extend([503, 404, 429, 500, 302, 200])

    tasks.create("t")
    frozen.settle()
    for _ in range(5):
        frozen.advance(60)

    headers = tasks.target.headers
    assert headers("X-CloudTasks-TaskRetryCount") == ["0", "1", "2", "3", "4", "5"]
    assert headers("X-CloudTasks-TaskExecutionCount") == ["0", "0", "1", "2", "2", "3"]
    assert headers("X-CloudTasks-TaskPreviousResponse") == [None, "503", "404", "429", "500", "302"]
    assert headers("X-CloudTasks-TaskRetryReason") == [None, "", "", "", "", ""]


def test_a_passed_deadline_is_a_failure_that_the_next_request_reports_as_504(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.gate.clear()

    tasks.create("slow", dispatch_deadline=seconds(15))
    tasks.target.wait_for(1)
    frozen.call("PUT", "/_local/clock", {"advance": 14.9})
    in_flight = frozen.state(tasks.queue)["inFlight"]
    frozen.advance(0.2)
    task = tasks.client.get_task(name=tasks.path("slow"))
    tasks.target.gate.set()
    frozen.advance(1)

    assert in_flight == 1
    assert (task.dispatch_count, task.response_count) == (1, 0)
    assert task.last_attempt.response_status.code == 4
    assert tasks.target.headers("X-CloudTasks-TaskPreviousResponse") == [None, "504"]
    assert tasks.target.headers("X-CloudTasks-TaskExecutionCount") == ["0", "0"]
    assert tasks.target.headers("X-CloudTasks-TaskRetryCount") == ["0", "1"]
    assert tasks.target.headers("X-CloudTasks-TaskRetryReason") == [None, ""]


def test_a_refused_connection_is_a_dispatch_without_a_response(frozen: Emulator, tasks: Tasks) -> None:
    tasks.create("nobody", http_request={"url": "http://127.0.0.1:1/"})
    frozen.settle()

    task = tasks.client.get_task(name=tasks.path("nobody"))
    assert (task.dispatch_count, task.response_count) == (1, 0)
    assert task.last_attempt.response_status.code == 14
    assert frozen.deliveries()[0]["ending"] == "UNREACHABLE"


@pytest.mark.parametrize("url", ["http://example.com/%zz", "http://[bad", "http://", "http://127.0.0.1:99999/"])
def test_a_url_that_cannot_be_requested_is_retried_like_any_failure(frozen: Emulator, tasks: Tasks, url: str) -> None:
    if url.endswith("%zz"):
        url = tasks.target.url + "/%zz"
        tasks.target.answers.append(500)

    tasks.create("odd", http_request={"url": url})
    frozen.settle()

    assert tasks.client.get_task(name=tasks.path("odd")).dispatch_count == 1
    assert frozen.state(tasks.queue)["inFlight"] == 0
