"""The emulator's clock: the one source of time for rates, schedules, backoff and deadlines.

It can run faster than the wall clock, jump ahead, or stand still, so that hours of retries pass in milliseconds.
Nothing polls it: alarms are timers of the event loop, set again when the clock's speed changes.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Event loops dislike very long timers: a longer one fires early and is set again.
_MAX_TIMER_S = 3600.0


class Alarm:
    """A callback to run when the clock shows `when`; `cancel` works at any time."""

    __slots__ = ("_clock", "callback", "handle", "when")

    def __init__(self, clock: Clock, when: float, callback: Callable[[], object]) -> None:
        self._clock = clock
        self.when = when
        self.callback = callback
        self.handle: asyncio.Handle | None = None

    def cancel(self) -> None:
        """Cancel the callback; harmless if it has run."""
        self._clock.forget(self)


class Clock:
    """Seconds since 1970 in emulated time: the wall clock's at first, then `speed` times as fast."""

    def __init__(self) -> None:
        self._base_time = time.time()
        self._base_monotonic = time.monotonic()
        self._speed = 1.0
        self._alarms: set[Alarm] = set()

    @property
    def speed(self) -> float:
        """Emulated seconds per real second; 0 stands still."""
        return self._speed

    def now(self) -> float:
        """Emulated seconds since 1970."""
        return self._base_time + (time.monotonic() - self._base_monotonic) * self._speed

    def set_speed(self, speed: float) -> None:
        """Run `speed` times as fast from now on (0 or more)."""
        self._base_time, self._base_monotonic = self.now(), time.monotonic()
        self._speed = speed
        self._rearm_all()

    def advance(self, seconds: float) -> None:
        """Jump ahead; what falls due on the way runs in the next turn of the loop, in order of time."""
        self._base_time += seconds
        self._rearm_all()

    def reset(self) -> None:
        """Show the wall clock's time again, at its speed; call it only when no alarm is set."""
        self._base_time, self._base_monotonic, self._speed = time.time(), time.monotonic(), 1.0

    def call_at(self, when: float, callback: Callable[[], object]) -> Alarm:
        """Run `callback` once, as soon as the clock shows `when`."""
        alarm = Alarm(self, when, callback)
        self._alarms.add(alarm)
        self._arm(alarm)
        return alarm

    def forget(self, alarm: Alarm) -> None:
        """Cancel an alarm."""
        self._alarms.discard(alarm)
        if alarm.handle is not None:
            alarm.handle.cancel()
            alarm.handle = None

    def _rearm_all(self) -> None:
        for alarm in sorted(self._alarms, key=lambda alarm: alarm.when):
            if alarm.handle is not None:
                alarm.handle.cancel()
            self._arm(alarm)

    def _arm(self, alarm: Alarm) -> None:
        loop = asyncio.get_running_loop()
        ahead = alarm.when - self.now()
        if ahead <= 0:
            alarm.handle = loop.call_soon(self._fire, alarm)
        elif self._speed > 0:
            alarm.handle = loop.call_later(min(ahead / self._speed, _MAX_TIMER_S), self._fire, alarm)
        else:
            # Time stands still: only `advance` or `set_speed` can make this alarm due.
            alarm.handle = None

    def _fire(self, alarm: Alarm) -> None:
        if alarm not in self._alarms:
            return
        if alarm.when > self.now():
            self._arm(alarm)
            return
        self.forget(alarm)
        alarm.callback()
