"""How long an attempt may take, whether another follows, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory.domain.result import FailureCode

if TYPE_CHECKING:
    from imagefactory.domain.result import Failure

#: The longest wait that a provider is granted, in seconds; a limit that lasts longer is met again then.
MAX_WISH_SECONDS = 3600.0
#: Share of the timeout above which an attempt is logged as slow.
SLOW_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts and their seconds.

    attempt n          1      2      3
    timeout          120    150    180    base + step · (n - 1)
    delay after it     5     10      —    5 · n after a timeout, 2 · n after anything else;
                                          the provider's own wish when that is longer
    """

    max_attempts: int = 3
    timeout_base: float = 120.0
    timeout_step: float = 30.0
    timeout_delay: float = 5.0
    error_delay: float = 2.0
    #: what claim, upload and commit may take around the model call
    overhead: float = 60.0
    #: the first timeout that still lets the last attempt end within the function's own
    longest_base: float = math.inf

    def timeout(self, attempt: int, base: float | None = None) -> float:
        """Seconds the model call of this attempt (1-based) may take; `base` replaces the usual first timeout."""
        return min(base or self.timeout_base, self.longest_base) + self.timeout_step * (attempt - 1)

    def lease(self, attempt: int, base: float | None = None) -> float:
        """Seconds after which an attempt that has not reported is taken for dead."""
        return self.timeout(attempt, base) + self.overhead

    def delay(self, failure: Failure, attempt: int) -> float | None:
        """Seconds until the next attempt, or None when this failure was the last word."""
        if not failure.retryable or attempt >= self.max_attempts:
            return None
        step = self.timeout_delay if failure.code is FailureCode.TIMEOUT else self.error_delay
        return max(step * attempt, min(failure.retry_after, MAX_WISH_SECONDS))
