from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.domain.execution import ExecutionStatus
from imagefactory.testing import START, a_progress, a_result, an_execution

SIX_COUNTS = st.tuples(*[st.integers(0, 50)] * 6)


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({}, "queued"),
        ({"started_at": START}, "processing"),
        ({"processing": 3, "started_at": START}, "processing"),
        ({"completed": 2, "started_at": START}, "processing"),
        ({"cancelled": 1}, "queued"),
        ({"completed": 3}, "completed"),
        ({"completed": 2, "failed": 1}, "partially_completed"),
        ({"completed": 1, "blocked": 2}, "partially_completed"),
        ({"failed": 3}, "failed"),
        ({"failed": 2, "blocked": 1}, "failed"),
        ({"cancelled": 3}, "cancelled"),
        ({"completed": 2, "cancelled": 1}, "cancelled"),
    ],
)
def test_the_counters_say_how_the_execution_stands(counts: dict[str, int], status: str) -> None:
    assert a_progress(**counts).status == status


@pytest.mark.parametrize("status", ExecutionStatus)
def test_only_queued_and_processing_executions_have_not_ended(status: ExecutionStatus) -> None:
    assert status.is_terminal is (status not in ("queued", "processing"))


@pytest.mark.parametrize(("ended", "total", "progress"), [(0, 3, 0), (2, 3, 66), (199, 200, 99), (3, 3, 100)])
def test_progress_is_rounded_down_so_that_a_hundred_means_all(ended: int, total: int, progress: int) -> None:
    assert a_progress(total=total, completed=ended).percent == progress


@given(SIX_COUNTS)
def test_the_counts_sum_to_the_total(counts: tuple[int, ...]) -> None:
    pending, processing, completed, failed, blocked, cancelled = counts
    total = sum(counts)
    progress = a_progress(
        total=total,
        processing=processing,
        completed=completed,
        failed=failed,
        blocked=blocked,
        cancelled=cancelled,
    )

    shown = progress.counts()

    assert shown.pop("total") == total == sum(shown.values())
    assert shown["pending"] == pending


def test_an_execution_has_completed_when_its_last_result_changed() -> None:
    assert a_progress(failed=3, updated_at=START).completed_at == START
    assert a_progress(failed=2, updated_at=START).completed_at is None


def test_the_stores_mark_is_no_part_of_what_an_execution_or_a_result_is() -> None:
    for one, other in (
        (an_execution(id="e", version="first"), an_execution(id="e", version="second")),
        (a_result(version="first"), a_result(version="second")),
    ):
        assert one == other
        assert "first" not in repr(one)
