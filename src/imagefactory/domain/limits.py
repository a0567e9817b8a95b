"""How much one user may have in flight, so that nobody fills the queue for everybody else."""

from __future__ import annotations

import math
from dataclasses import dataclass

from imagefactory.domain.errors import TooManyInFlight

#: Seconds between which a caller is told to ask again.
SOONEST, LATEST = 10, 3600


@dataclass(frozen=True, slots=True)
class InFlight:
    """A user's executions that have not ended, and how many of their prompts have not."""

    executions: int = 0
    prompts: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one user may have in flight at once."""

    executions: int
    prompts: int

    def check(self, others: InFlight, prompts: int, rate: float) -> None:
        """See that one more execution with so many prompts fits; `rate` is the queue's, in tasks a second.

        Raises:
            TooManyInFlight: it does not, and when it may.
        """
        if others.executions >= self.executions:
            message = f"{others.executions} of your executions are running; at most {self.executions} may at once."
            raise TooManyInFlight(f"{message} Wait for one to end, or cancel one.", retry_after=6 * SOONEST)
        excess = others.prompts + prompts - self.prompts
        if excess > 0:
            message = f"{others.prompts} of your prompts are waiting or running, and this would add {prompts}"
            raise TooManyInFlight(
                f"{message}; at most {self.prompts} may at once. Wait for some to end, or cancel an execution.",
                retry_after=min(max(math.ceil(excess / rate), SOONEST), LATEST),
            )
