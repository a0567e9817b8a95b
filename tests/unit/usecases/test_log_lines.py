"""What an operator finds in the log: each line's severity and fields, as an alert or a search names them."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from imagefactory import log
from imagefactory.domain.errors import Conflict, Unavailable
from imagefactory.domain.result import FailureCode
from imagefactory.ports import GeneratedImage
from imagefactory.testing import Crash, Moment, Takes, a_failure, the_bytes_of
from imagefactory.usecases.retry import RetryRequest
from tests.harness.factory import KEY, USER, Factory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNTS = {"pending": 0, "processing": 0, "completed": 0, "failed": 0, "blocked": 0, "cancelled": 0, "total": 1}
REFUSED = a_failure(FailureCode.CONTENT_BLOCKED, retryable=False, provider_status=200)


@pytest.fixture(autouse=True)
def every_line() -> Iterator[None]:
    log.set_level("debug")
    yield
    log.set_level("info")


@pytest.fixture
def factory() -> Factory:
    return Factory()


def begin(factory: Factory) -> None:
    factory.store_execution("only prompt", id="x")
    factory.generate("x", 0, 1)


def end(factory: Factory) -> None:
    factory.store_execution("only prompt", id="x")
    factory.script({"only prompt": [REFUSED]})
    factory.generate("x", 0, 1)


def postpone(factory: Factory) -> None:
    factory.store_execution("only prompt", id="x")
    factory.script({"only prompt": [a_failure(FailureCode.RATE_LIMIT_EXCEEDED, provider_status=429)]})
    factory.generate("x", 0, 1)


def dawdle(factory: Factory) -> None:
    factory.store_execution("only prompt", id="x")
    factory.script({"only prompt": [Takes(100.04)]})
    factory.generate("x", 0, 1)


def make_another_image(factory: Factory) -> None:
    factory.store_execution("only prompt", id="x")
    odd = GeneratedImage(the_bytes_of("png", 300, 200), "image/jpeg", model_version="large", is_thought=True)
    factory.script({"only prompt": [odd]})
    factory.generate("x", 0, 1)


def lose_the_bucket(factory: Factory) -> None:
    factory.store_execution("only prompt", id="x")
    factory.faults.fail("images.put", Moment.BEFORE, Unavailable())
    factory.generate("x", 0, 1)


def meet_a_defect(factory: Factory) -> None:
    factory.store_execution("only prompt", id="x")
    factory.faults.fail("images.put", Moment.BEFORE, ZeroDivisionError())
    factory.generate("x", 0, 1)


def close_in_vain(factory: Factory) -> None:
    factory.store_execution("only prompt", id="x")
    factory.faults.fail("executions.close", Moment.BEFORE, Conflict(), times=5)
    factory.generate("x", 0, 1)


def retry_after_a_failure(factory: Factory) -> None:
    end(factory)
    factory.retry(USER, "x", RetryRequest(api_key=KEY))


def cancel(factory: Factory) -> None:
    factory.store_execution("one prompt", id="x")
    factory.cancel(USER, "x")


def watch_once(factory: Factory) -> None:
    [check, *_] = factory.list_rounds()
    factory.clock.move_to(check.schedule_at)
    factory.rounds[check.id] = factory.watchdog(check)


def close_by_the_watchdog(factory: Factory) -> None:
    factory.submit_prompts("one prompt")
    factory.faults.fail("executions.close", Moment.BEFORE, Crash())
    with contextlib.suppress(Crash):
        factory.deliver(factory.tasks.created[0])
    watch_once(factory)


def complete_a_submit(factory: Factory) -> None:
    factory.faults.fail("tasks.enqueue", Moment.BEFORE, Crash())
    with contextlib.suppress(Crash):
        submitted(factory)
    watch_once(factory)
    watch_once(factory)


def lose_tasks(factory: Factory) -> None:
    submitted(factory)
    watch_once(factory)
    factory.tasks.lose()
    watch_once(factory)


def accept_late(factory: Factory) -> None:
    factory.faults.fail("reservations.accept", Moment.BEFORE, Crash())
    with contextlib.suppress(Crash):
        submitted(factory)
    watch_once(factory)
    factory.faults.fail("reservations.expire", Moment.BEFORE, Conflict())
    watch_once(factory)


def miss_the_queue(factory: Factory) -> None:
    factory.faults.fail("tasks.enqueue", Moment.BEFORE, Unavailable())
    submitted(factory)


def submitted(factory: Factory) -> None:
    factory.submit_prompts("one prompt", "another prompt")


@pytest.mark.parametrize(
    ("act", "event", "fields"),
    [
        (begin, "an attempt begins", {"severity": "DEBUG", "attempt": 1, "generation": 0}),
        (
            end,
            "the attempt failed",
            {
                "severity": "WARNING",
                "attempt": 1,
                "code": "CONTENT_BLOCKED",
                "provider_status": 200,
                "retry_in": None,
            },
        ),
        (
            postpone,
            "the attempt failed",
            {"severity": "WARNING", "attempt": 1, "code": "RATE_LIMIT_EXCEEDED", "provider_status": 429, "retry_in": 2},
        ),
        (
            dawdle,
            "the attempt used most of its timeout",
            {"severity": "WARNING", "attempt": 1, "seconds": 100.0, "timeout": 120},
        ),
        (
            make_another_image,
            "the image is not as it was asked for",
            {"severity": "WARNING", "attempt": 1, "mismatches": 5, "model_version": "large"},
        ),
        (
            lose_the_bucket,
            "a service failed during the attempt",
            {"severity": "ERROR", "attempt": 1, "exception": "Unavailable"},
        ),
        (
            meet_a_defect,
            "the attempt met a defect",
            {"severity": "ERROR", "attempt": 1, "exception": "ZeroDivisionError"},
        ),
        (
            begin,
            "execution ended",
            {
                "severity": "INFO",
                "attempt": 1,
                "execution_id": "x",
                "status": "completed",
                "counts": COUNTS | {"completed": 1},
            },
        ),
        (
            close_in_vain,
            "the execution kept changing while it was closed",
            {"severity": "WARNING", "attempt": 1, "execution_id": "x"},
        ),
        (
            retry_after_a_failure,
            "results are retried",
            {"severity": "INFO", "execution_id": "x", "results": 1},
        ),
        (cancel, "execution cancelled", {"severity": "INFO", "execution_id": "x"}),
        (submitted, "execution accepted", {"severity": "INFO", "prompts": 2}),
        (
            miss_the_queue,
            "tasks could not be created; the watchdog will create them",
            {"severity": "ERROR", "exception": "Unavailable"},
        ),
        (
            close_by_the_watchdog,
            "execution closed by its watchdog",
            {"severity": "WARNING", "status": "completed"},
        ),
        (accept_late, "a late submit was accepted after all", {"severity": "WARNING"}),
        (complete_a_submit, "an interrupted submit was completed", {"severity": "WARNING"}),
        (lose_tasks, "lost tasks were created anew", {"severity": "WARNING", "tasks": 2}),
    ],
)
def test_a_line_says_how_bad_it_is_and_what_it_is_about(
    factory: Factory,
    capsys: pytest.CaptureFixture[str],
    act: Callable[[Factory], None],
    event: str,
    fields: dict[str, Any],
) -> None:
    act(factory)

    [line] = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["message"] == event]
    if "stack" in line:
        assert line.pop("stack")
    # Submitted here, it has an id that only the store knows.
    [execution_id] = factory.store.executions
    named = {} if execution_id == "x" else {"execution_id": execution_id}
    assert line == {"message": event} | named | fields
