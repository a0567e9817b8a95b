"""The retry policy: when a failed task runs again, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulators.cloud_tasks.wire.times import seconds_of

if TYPE_CHECKING:
    from emulators.cloud_tasks.wire.protos import RetryConfig

# After so many doublings the delay is above any max_backoff.
_MAX_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A RetryConfig in plain numbers; times in seconds, `max_attempts` -1 and `max_duration` 0 mean unlimited."""

    max_attempts: int
    max_duration: float
    min_backoff: float
    max_backoff: float
    max_doublings: int

    def delay(self, retry: int, retry_after: float = 0) -> float:
        """Seconds from a failure to retry number `retry` (1 is the first).

        The delay doubles `max_doublings` times, then grows by the last step, then stays at `max_backoff`. A longer
        `retry_after` (seconds, of the target's Retry-After) replaces it, up to `max_backoff`.
        """
        doublings = min(self.max_doublings, _MAX_DOUBLINGS)
        exponential = self.min_backoff * 2.0 ** min(retry - 1, doublings)
        linear = max(0, retry - 1 - doublings) * self.min_backoff * 2.0**doublings
        return min(self.max_backoff, max(exponential + linear, retry_after))

    def gives_up(self, attempts: int, elapsed: float) -> bool:
        """Whether to drop a task that has failed `attempts` times since its first attempt `elapsed` seconds ago.

        True once both limits are reached. An unlimited one counts as reached, unless both are unlimited.
        """
        if self.max_attempts < 0 and self.max_duration <= 0:
            return False
        attempts_used_up = self.max_attempts < 0 or attempts >= self.max_attempts
        duration_over = self.max_duration <= 0 or elapsed >= self.max_duration
        return attempts_used_up and duration_over


def policy_of(config: RetryConfig) -> RetryPolicy:
    """The policy of a RetryConfig with its defaults filled in."""
    return RetryPolicy(
        max_attempts=config.max_attempts,
        max_duration=seconds_of(config.max_retry_duration),
        min_backoff=seconds_of(config.min_backoff),
        max_backoff=seconds_of(config.max_backoff),
        max_doublings=config.max_doublings,
    )
