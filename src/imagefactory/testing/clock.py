"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import datetime, timedelta

from imagefactory.testing.factories import START


class ManualClock:
    """The port Clock; `advance` is the only thing that makes time pass."""

    def __init__(self, moment: datetime = START) -> None:
        self._now = moment

    def now(self) -> datetime:
        """The moment it was left at."""
        return self._now

    def advance(self, seconds: float) -> datetime:
        """Let this many seconds pass; returns the new moment."""
        self._now += timedelta(seconds=seconds)
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Let time pass until then; a moment that has passed changes nothing."""
        self._now = max(self._now, moment)
