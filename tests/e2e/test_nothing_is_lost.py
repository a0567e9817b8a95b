"""What an operator may do to the queue, or a crash to a task, leaves every prompt with an end."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack


def order(stack: Stack, verb: str) -> None:
    """Tell the prompts' queue what its operator would."""
    queue = f"projects/{stack.project}/locations/{stack.location}/queues/{stack.queue}"
    requests.post(f"{stack.cloud_tasks_rest}/v2/{queue}:{verb}", json={}, timeout=10).raise_for_status()


def test_an_execution_ends_by_itself_although_its_queue_was_purged(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    execution_id = ada.submit([f"{mark} {number}" for number in range(80)])["execution_id"]

    order(stack, "purge")
    shown = ada.ended(execution_id)

    assert shown["status"] == "completed"
    assert len(stack.calls(mark)) == 80


def test_a_paused_queue_is_waited_for_and_gets_no_task_twice(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    order(stack, "pause")
    try:
        execution_id = ada.submit([f"{mark} {number}" for number in range(5)])["execution_id"]
        # Several rounds of the watchdog.
        time.sleep(7)
        waiting = ada.show(execution_id)
    finally:
        order(stack, "resume")

    shown = ada.ended(execution_id)

    assert (waiting["status"], waiting["counts"]["pending"]) == ("queued", 5)
    assert shown["status"] == "completed"
    assert len(stack.calls(mark)) == 5
