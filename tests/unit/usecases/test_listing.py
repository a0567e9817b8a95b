from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.execution import ExecutionStatus
from imagefactory.testing import a_failure
from imagefactory.usecases.list_executions import ExecutionList
from tests.unit.world import USER, World

if TYPE_CHECKING:
    from datetime import datetime

QUEUED, PROCESSING = ExecutionStatus.QUEUED, ExecutionStatus.PROCESSING


@pytest.fixture
def world() -> World:
    return World()


def submitted(world: World, count: int) -> list[str]:
    """So many executions, a minute apart, the newest first."""
    ids = []
    for number in range(count):
        world.clock.advance(60)
        ids.append(world.submitted(f"prompt {number}", "another prompt"))
    return ids[::-1]


def listed(world: World, *statuses: ExecutionStatus, before: datetime | None = None, limit: int = 50) -> ExecutionList:
    return world.listing(USER, statuses, before, limit)


def ids(page: ExecutionList) -> list[str]:
    return [snapshot.execution.id for snapshot in page.snapshots]


def test_the_newest_come_first_and_only_the_users_own(world: World) -> None:
    expected = submitted(world, 3)
    world.given(user="bob")

    page = listed(world)

    assert ids(page) == expected
    assert page.next_before is None


def test_pages_lead_on_until_the_last(world: World) -> None:
    expected = submitted(world, 5)

    first = listed(world, limit=2)
    second = listed(world, limit=2, before=first.next_before)
    third = listed(world, limit=2, before=second.next_before)

    assert ids(first) + ids(second) + ids(third) == expected
    assert third.next_before is None


def test_ended_ones_are_found_by_how_they_ended(world: World) -> None:
    late, blocked, done = submitted(world, 3)
    world.cancel(USER, late)
    world.scripted({"prompt 1": [a_failure(retryable=False)]})
    world.run()

    assert ids(listed(world, ExecutionStatus.CANCELLED)) == [late]
    assert ids(listed(world, ExecutionStatus.PARTIALLY_COMPLETED)) == [blocked]
    assert ids(listed(world, ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED)) == [late, done]


def test_running_ones_are_told_apart_by_whether_they_have_started(world: World) -> None:
    newest, middle, oldest = submitted(world, 3)
    world.generate(middle, 0, 1)

    assert ids(listed(world, QUEUED)) == [newest, oldest]
    assert ids(listed(world, PROCESSING)) == [middle]
    assert ids(listed(world, QUEUED, PROCESSING)) == [newest, middle, oldest]


def test_a_filter_looks_on_until_the_page_is_full(world: World) -> None:
    executions = submitted(world, 7)
    for execution_id in executions[:5]:
        world.generate(execution_id, 0, 1)

    page = listed(world, QUEUED, limit=1)

    assert ids(page) == [executions[5]]
    rest = listed(world, QUEUED, limit=1, before=page.next_before)
    assert (ids(rest), rest.next_before) == ([executions[6]], None)


def test_one_that_expires_between_two_reads_is_left_out(world: World) -> None:
    newest, oldest = submitted(world, 2)
    del world.store.progress[newest]

    assert ids(listed(world)) == [oldest]


def test_who_has_submitted_nothing_sees_an_empty_list(world: World) -> None:
    assert listed(world) == ExecutionList([], None)
