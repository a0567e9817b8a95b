"""The nemesis: it kills functions, and pauses services for seconds."""

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
    """The faults to inject: `kills` of each function, `pauses` of each store for `pause_seconds`.

    One fault comes every `every` seconds on average. A killed function restarts after `down_seconds`.
    """

    seed: int
    kills: int
    pauses: int
    pause_seconds: float
    every: float
    down_seconds: float


@dataclass(frozen=True)
class InjectedFault:
    """One fault: the service, its start and its end in seconds since 1970."""

    service: str
    start: float
    end: float


@dataclass
class Nemesis:
    """Carries out the plan; `faults` are the ones so far."""

    supervisor: Supervisor
    plan: Plan
    faults: list[InjectedFault] = field(default_factory=list)

    async def run(self) -> None:
        """Inject every fault of the plan, in random order."""
        rng = random.Random(self.plan.seed)  # noqa: S311 - not for cryptography
        self.supervisor.restart_delay_seconds = self.plan.down_seconds
        targets = [*FUNCTIONS * self.plan.kills, *PAUSED * self.plan.pauses]
        rng.shuffle(targets)
        for service in targets:
            await asyncio.sleep(rng.uniform(0.5, 1.5) * self.plan.every)
            start = time.time()
            if service in PAUSED:
                await self._pause(service)
            else:
                self.supervisor.send_signal(service, signal.SIGKILL)
            self.faults.append(InjectedFault(service, start, time.time()))

    async def _pause(self, service: str) -> None:
        self.supervisor.send_signal(service, signal.SIGSTOP)
        try:
            await asyncio.sleep(self.plan.pause_seconds)
        finally:
            self.supervisor.send_signal(service, signal.SIGCONT)

    def fault_counts(self) -> Counter[str]:
        """Count the faults by service and kind."""
        return Counter(
            f"{fault.service} paused for {self.plan.pause_seconds:g} s"
            if fault.service in PAUSED
            else f"{fault.service} killed"
            for fault in self.faults
        )
