"""Reserved names: those of tasks and queues that are gone, for a while."""

from __future__ import annotations

from collections import deque


class ReservedNames:
    """Reserves each name for `lifetime` seconds; beyond `max_names` it drops the oldest."""

    def __init__(self, lifetime: float, max_names: int) -> None:
        self._lifetime = lifetime
        self._max_names = max_names
        self._expires: dict[str, float] = {}
        self._order: deque[tuple[float, str]] = deque()

    def add(self, name: str, now: float) -> None:
        """Reserve a name from now on."""
        self._prune(now)
        self._expires[name] = now + self._lifetime
        self._order.append((now + self._lifetime, name))

    def holds(self, name: str, now: float) -> bool:
        """Whether the name is still reserved."""
        expires = self._expires.get(name)
        return expires is not None and expires > now

    def _prune(self, now: float) -> None:
        order, expires = self._order, self._expires
        while order and (order[0][0] <= now or len(order) >= self._max_names):
            when, name = order.popleft()
            # If the name was reserved again since, its later entry counts.
            if expires.get(name) == when:
                del expires[name]
