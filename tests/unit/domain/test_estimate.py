from __future__ import annotations

from datetime import timedelta

import pytest

from imagefactory.domain.estimate import time_left, whole_batch
from imagefactory.testing import START, a_progress


@pytest.mark.parametrize(
    ("prompts", "waiting", "rate", "seconds"),
    [
        pytest.param(1, [], 1.0, 40, id="one prompt takes as long as its image"),
        pytest.param(3, [], 1.0, 42, id="the last of three starts two seconds later"),
        pytest.param(3, [], 2.0, 41, id="twice the rate, half the wait"),
        pytest.param(3, [10_000], 1.0, 45, id="a big batch takes a turn for each of ours"),
        pytest.param(3, [1], 1.0, 43, id="a small one only as many as it has"),
        pytest.param(10_000, [3, 3], 1.0, 10_045, id="a big batch waits for what small ones have"),
        pytest.param(2, [], 0.3, 44, id="parts of a second are rounded up"),
    ],
)
def test_a_batchs_time_follows_from_the_rate_and_what_waits(
    prompts: int, waiting: list[int], rate: float, seconds: int
) -> None:
    assert whole_batch(prompts, waiting, rate, 40.0) == seconds


def test_nothing_is_left_once_all_have_ended() -> None:
    assert time_left(a_progress(failed=3), START, 1.0, 40.0) is None


def test_before_enough_have_started_the_queues_rate_decides() -> None:
    progress = a_progress(total=100, processing=4, started_at=START)

    assert time_left(progress, START + timedelta(seconds=1000), 1.0, 40.0) == 96 + 40


def test_where_others_share_the_queue_the_observed_pace_decides() -> None:
    progress = a_progress(total=100, processing=10, started_at=START)

    assert time_left(progress, START + timedelta(seconds=40), 1.0, 40.0) == 90 * 4 + 40


def test_a_burst_at_the_start_is_not_taken_for_the_pace() -> None:
    progress = a_progress(total=100, processing=10, started_at=START)

    assert time_left(progress, START, 1.0, 40.0) == 90 + 40
