from __future__ import annotations

import pytest

from imagefactory.domain.errors import TooManyInFlight
from imagefactory.domain.limits import InFlight, Limits

LIMITS = Limits(executions=2, prompts=100)


@pytest.mark.parametrize(
    ("others", "prompts"),
    [(InFlight(), 1), (InFlight(), 100), (InFlight(1, 60), 40), (InFlight(1, 0), 100)],
)
def test_what_fits_passes(others: InFlight, prompts: int) -> None:
    LIMITS.check(others, prompts, rate=1)


@pytest.mark.parametrize(
    ("others", "prompts", "rate", "retry_after"),
    [
        (InFlight(2, 0), 1, 1.0, 60),
        (InFlight(3, 0), 1, 1.0, 60),
        (InFlight(1, 60), 41, 1.0, 10),
        (InFlight(1, 90), 50, 1.0, 40),
        (InFlight(1, 90), 50, 0.3, 134),
        (InFlight(1, 90), 50, 0.001, 3600),
    ],
)
def test_what_does_not_fit_is_told_when_it_may(others: InFlight, prompts: int, rate: float, retry_after: int) -> None:
    with pytest.raises(TooManyInFlight) as refused:
        LIMITS.check(others, prompts, rate)

    assert refused.value.headers == {"Retry-After": str(retry_after)}
    assert "at most" in str(refused.value)
