"""System throttling: a queue slows down while its targets ask it to.

Google documents that the real service does so, but not by how much: the numbers are this emulator's own.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from emulators.cloud_tasks.queues.outcome import AttemptResult

if TYPE_CHECKING:
    from emulators.cloud_tasks.queues.outcome import Outcome

_MIN_RATE_SHARE = 0.05


_HTTP_OVERLOAD = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_APP_ENGINE_OVERLOAD = (HTTPStatus.SERVICE_UNAVAILABLE,)


def is_overload(outcome: Outcome, *, app_engine: bool) -> bool:
    """Whether the target reported overload: 503, and for HTTP targets 429 too."""
    statuses = _APP_ENGINE_OVERLOAD if app_engine else _HTTP_OVERLOAD
    return outcome.result is AttemptResult.ANSWERED and outcome.status in statuses


def next_slowdown(factor: float, outcome: Outcome, *, overloaded: bool) -> float:
    """The share of its rate (0 to 1) that a queue may use after `outcome`: halved on overload, else +0.1."""
    if overloaded:
        return max(_MIN_RATE_SHARE, factor / 2)
    return min(1.0, factor + 0.1) if outcome.is_success else factor
