"""Names that are taken although nothing lives under them any more."""

from __future__ import annotations

from collections import deque


class Tombstones:
    """Remembers each name for `lifetime` seconds; beyond `most` names the oldest are forgotten first."""

    def __init__(self, lifetime: float, most: int) -> None:
        self._lifetime = lifetime
        self._most = most
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
        while order and (order[0][0] <= now or len(order) >= self._most):
            when, name = order.popleft()
            # The name may have been reserved anew since: then its later entry decides.
            if expires.get(name) == when:
                del expires[name]
