"""What an operator may do to the queue, or a crash to a task, leaves every prompt with an end."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tests.harness.servers import wait_until

if TYPE_CHECKING:
    from tests.harness.stack import Stack


def test_an_execution_ends_by_itself_although_its_queue_was_purged(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    execution_id = ada.submit([f"{mark} {number}" for number in range(80)])["execution_id"]

    stack.order("purge")
    shown = ada.wait(execution_id)

    assert shown["status"] == "completed"
    assert len(stack.list_calls(mark)) == 80


def test_a_paused_queue_is_waited_for_and_gets_no_task_twice(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    stack.settle()
    stack.order("pause")
    try:
        execution_id = ada.submit([f"{mark} {number}" for number in range(5)])["execution_id"]
        # Nothing but rounds of its watchdog is delivered meanwhile.
        rounds = stack.list_deliveries()["total"] + 3
        wait_until(lambda: stack.list_deliveries()["total"] >= rounds)
        waiting = ada.show(execution_id)
    finally:
        stack.order("resume")

    shown = ada.wait(execution_id)

    assert (waiting["status"], waiting["counts"]["pending"]) == ("queued", 5)
    assert shown["status"] == "completed"
    assert len(stack.list_calls(mark)) == 5
