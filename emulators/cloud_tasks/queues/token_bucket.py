"""The token bucket that paces a queue's dispatches."""

from __future__ import annotations

from emulators.cloud_tasks.wire.queue_config import burst_for

# A smaller shortfall is floating-point noise, not a missing token.
_NOISE = 1e-9


class TokenBucket:
    """Holds up to `burst` tokens, refilled continuously at `rate` a second; one token is one dispatch."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._burst = burst_for(rate)
        self._tokens = float(self._burst)
        self._updated = now

    def tokens(self, now: float) -> float:
        """The tokens in the bucket at `now`."""
        grown = self._tokens + max(0.0, now - self._updated) * self._rate
        return min(float(self._burst), grown)

    def set_rate(self, rate: float, now: float) -> None:
        """Refill at a new rate from now on; keep the tokens, up to the new size."""
        tokens = self.tokens(now)
        self._rate = rate
        self._burst = burst_for(rate)
        self._tokens = min(tokens, float(self._burst))
        self._updated = now

    def take(self, now: float) -> bool:
        """Remove one token if there is one."""
        tokens = self.tokens(now)
        if tokens < 1 - _NOISE:
            return False
        self._tokens = tokens - 1
        self._updated = now
        return True

    def ready_at(self, now: float) -> float:
        """When the next token is available (seconds)."""
        return now + max(0.0, 1 - self.tokens(now)) / self._rate
