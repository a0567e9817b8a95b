from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.domain.execution import ExecutionStatus
from imagefactory.testing import a_failure
from imagefactory.usecases.list_executions import ExecutionList
from tests.harness.factory import USER, Factory

if TYPE_CHECKING:
    from datetime import datetime

QUEUED, PROCESSING = ExecutionStatus.QUEUED, ExecutionStatus.PROCESSING


def submitted(factory: Factory, count: int) -> list[str]:
    """So many executions, a minute apart, the newest first."""
    ids = []
    for number in range(count):
        factory.clock.advance(60)
        ids.append(factory.submit_prompts(f"prompt {number}", "another prompt"))
    return ids[::-1]


def listed(
    factory: Factory, *statuses: ExecutionStatus, before: datetime | None = None, limit: int = 50
) -> ExecutionList:
    return factory.list_executions(USER, statuses, before, limit)


def ids(page: ExecutionList) -> list[str]:
    return [snapshot.execution.id for snapshot in page.snapshots]


def test_the_newest_come_first_and_only_the_users_own(factory: Factory) -> None:
    expected = submitted(factory, 3)
    factory.store_execution(user="bob")

    page = listed(factory)

    assert ids(page) == expected
    assert page.next_before is None


def test_pages_lead_on_until_the_last(factory: Factory) -> None:
    expected = submitted(factory, 5)

    first = listed(factory, limit=2)
    second = listed(factory, limit=2, before=first.next_before)
    third = listed(factory, limit=2, before=second.next_before)

    assert ids(first) + ids(second) + ids(third) == expected
    assert third.next_before is None


def test_ended_ones_are_found_by_how_they_ended(factory: Factory) -> None:
    late, blocked, done = submitted(factory, 3)
    factory.cancel(USER, late)
    factory.script({"prompt 1": [a_failure(retryable=False)]})
    factory.run()

    assert ids(listed(factory, ExecutionStatus.CANCELLED)) == [late]
    assert ids(listed(factory, ExecutionStatus.PARTIALLY_COMPLETED)) == [blocked]
    assert ids(listed(factory, ExecutionStatus.COMPLETED, ExecutionStatus.CANCELLED)) == [late, done]


def test_running_ones_are_told_apart_by_whether_they_have_started(factory: Factory) -> None:
    newest, middle, oldest = submitted(factory, 3)
    factory.generate(middle, 0, 1)

    assert ids(listed(factory, QUEUED)) == [newest, oldest]
    assert ids(listed(factory, PROCESSING)) == [middle]
    assert ids(listed(factory, QUEUED, PROCESSING)) == [newest, middle, oldest]


def test_a_filter_looks_on_until_the_page_is_full(factory: Factory) -> None:
    executions = submitted(factory, 7)
    for execution_id in executions[:5]:
        factory.generate(execution_id, 0, 1)

    page = listed(factory, QUEUED, limit=1)

    assert ids(page) == [executions[5]]
    rest = listed(factory, QUEUED, limit=1, before=page.next_before)
    assert (ids(rest), rest.next_before) == ([executions[6]], None)


def test_one_that_expires_between_two_reads_is_left_out(factory: Factory) -> None:
    newest, oldest = submitted(factory, 2)
    del factory.store.progress[newest]

    assert ids(listed(factory)) == [oldest]


def test_who_has_submitted_nothing_sees_an_empty_list(factory: Factory) -> None:
    assert listed(factory) == ExecutionList([], None)
