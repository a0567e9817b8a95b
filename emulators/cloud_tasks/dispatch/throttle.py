"""System throttling: a queue slows down while its targets ask it to.

That the real service does so is documented, by how much is not; the numbers here are this emulator's own.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from emulators.cloud_tasks.queues.outcome import Ending

if TYPE_CHECKING:
    from emulators.cloud_tasks.queues.outcome import Outcome

_SLOWEST = 0.05


_HTTP_OVERLOAD = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_APP_ENGINE_OVERLOAD = (HTTPStatus.SERVICE_UNAVAILABLE,)


def is_overload(outcome: Outcome, *, app_engine: bool) -> bool:
    """Whether the target said that it has too much to do; a 429 says so for HTTP targets only."""
    statuses = _APP_ENGINE_OVERLOAD if app_engine else _HTTP_OVERLOAD
    return outcome.ending is Ending.ANSWERED and outcome.status in statuses


def next_slowdown(factor: float, outcome: Outcome, *, overloaded: bool) -> float:
    """The share of its rate that a queue may use after this outcome: halved on overload, regained by tenths."""
    if overloaded:
        return max(_SLOWEST, factor / 2)
    return min(1.0, factor + 0.1) if outcome.succeeded else factor
