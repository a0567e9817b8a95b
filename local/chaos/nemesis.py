"""What goes wrong around the factory: processes die, and services stop answering for a while."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.stack.settings import FUNCTIONS

if TYPE_CHECKING:
    from local.supervision.supervisor import Supervisor

PAUSED = ("firestore", "storage")


@dataclass(frozen=True)
class Plan:
    """How much shall go wrong: `kills` of each function, `pauses` of each service for `pause_seconds`.

    Something happens every `every` seconds on average. A killed function stays down for `down_seconds`.
    """

    seed: int
    kills: int
    pauses: int
    pause_seconds: float
    every: float
    down_seconds: float


@dataclass(frozen=True)
class Blow:
    """One fault: what was struck, and from when to when (seconds since 1970)."""

    part: str
    start: float
    end: float


@dataclass
class Nemesis:
    """Carries out the plan; `blows` are what it did so far."""

    supervisor: Supervisor
    plan: Plan
    blows: list[Blow] = field(default_factory=list)

    async def run(self) -> None:
        """Strike until the plan is fulfilled."""
        dice = random.Random(self.plan.seed)  # noqa: S311 - not for cryptography
        self.supervisor.revival_pause = self.plan.down_seconds
        targets = [*FUNCTIONS * self.plan.kills, *PAUSED * self.plan.pauses]
        dice.shuffle(targets)
        for part in targets:
            await asyncio.sleep(dice.uniform(0.5, 1.5) * self.plan.every)
            start = time.time()
            if part in PAUSED:
                await self._pause(part)
            else:
                self.supervisor.send(part, signal.SIGKILL)
            self.blows.append(Blow(part, start, time.time()))

    async def _pause(self, part: str) -> None:
        self.supervisor.send(part, signal.SIGSTOP)
        try:
            await asyncio.sleep(self.plan.pause_seconds)
        finally:
            self.supervisor.send(part, signal.SIGCONT)

    def struck(self) -> Counter[str]:
        """How often each fault came."""
        return Counter(
            f"{blow.part} paused for {self.plan.pause_seconds:g} s" if blow.part in PAUSED else f"{blow.part} killed"
            for blow in self.blows
        )
