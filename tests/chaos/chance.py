"""What goes wrong, decided by a seeded die that many threads may throw, and counted."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Chance:
    """`rates` are the shares of calls that meet each fault; what is left of 1 meets none."""

    def __init__(self, seed: int, rates: Mapping[str, float]) -> None:
        assert sum(rates.values()) <= 1
        self._dice = random.Random(seed)  # noqa: S311 - not for cryptography
        self._lock = threading.Lock()
        self._rates = dict(rates)
        self.struck: Counter[str] = Counter()
        self.is_on = True

    def next(self, of: str = "") -> str | None:
        """The fault that the next call meets, None when it meets none; `of` is what it is counted as."""
        with self._lock:
            thrown = self._dice.random()
            for fault, rate in self._rates.items():
                thrown -= rate
                if thrown < 0 and self.is_on:
                    self.struck[f"{of} {fault}".strip()] += 1
                    return fault
        return None

    def share(self) -> float:
        """A number from 0 to 1."""
        with self._lock:
            return self._dice.random()
