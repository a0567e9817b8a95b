"""The schedule: items by their due time."""

from __future__ import annotations

import heapq
import random
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")

# A heap may hold this many withdrawn entries before it is worth sweeping.
_TOLERATED_STALE = 1000


class Schedule(Generic[T]):
    """Items by due time (seconds); ties leave in the order they came.

    With `shuffled`, items that are due leave in random order: the real service promises none.
    A withdrawn item is released at once; only its small ticket stays in the heap until it is due.
    """

    def __init__(self, *, shuffled: bool) -> None:
        self._shuffled = shuffled
        self._heap: list[tuple[float, int]] = []
        self._due: list[int] = []
        self._items: dict[int, T] = {}
        self._tickets = count(1)

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, due: float) -> int:
        """Add an item; return the ticket that withdraws it."""
        ticket = next(self._tickets)
        self._items[ticket] = item
        heapq.heappush(self._heap, (due, ticket))
        return ticket

    def withdraw(self, ticket: int) -> None:
        """Remove an item before its time; harmless if it has left."""
        if self._items.pop(ticket, None) is None:
            return
        if len(self._heap) + len(self._due) > 2 * len(self._items) + _TOLERATED_STALE:
            self._heap = [entry for entry in self._heap if entry[1] in self._items]
            heapq.heapify(self._heap)
            self._due = [ticket for ticket in self._due if ticket in self._items]

    def next_due(self) -> float | None:
        """When the next item is due (seconds; 0 for one that is overdue); None for an empty schedule."""
        while self._due:
            if self._due[-1] in self._items:
                return 0.0
            self._due.pop()
        while self._heap:
            due, ticket = self._heap[0]
            if ticket in self._items:
                return due
            heapq.heappop(self._heap)
        return None

    def pop(self, now: float) -> T:
        """Remove and return the next item; call it only if `next_due` is not after `now`."""
        if not self._shuffled:
            return self._items.pop(heapq.heappop(self._heap)[1])
        while self._heap and self._heap[0][0] <= now:
            self._due.append(heapq.heappop(self._heap)[1])
        while True:
            # A withdrawn item may have left its ticket behind.
            index = random.randrange(len(self._due))  # noqa: S311 - an order, not a secret
            self._due[index], self._due[-1] = self._due[-1], self._due[index]
            ticket = self._due.pop()
            if ticket in self._items:
                return self._items.pop(ticket)
