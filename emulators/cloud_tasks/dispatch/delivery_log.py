"""A record of the latest deliveries, for tests to look at."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulators.cloud_tasks.dispatch.http_request import OutgoingRequest
    from emulators.cloud_tasks.queues.outcome import Outcome

_MOST_KEPT = 5000


@dataclass(slots=True)
class Delivery:
    """One request to a target; times in emulated seconds since 1970, `outcome` is None while it is in flight."""

    number: int
    queue: str
    task: str
    kind: str
    scheduled_at: float
    dispatched_at: float
    request: OutgoingRequest
    outcome: Outcome | None = None
    finished_at: float | None = None

    def as_json(self) -> dict[str, object]:
        """The delivery as the test aids show it."""
        outcome = self.outcome
        return {
            "number": self.number,
            "queue": self.queue,
            "task": self.task,
            "kind": self.kind,
            "method": self.request.method,
            "url": self.request.url,
            "headers": self.request.headers,
            "bodyBytes": len(self.request.body),
            "scheduledAt": self.scheduled_at,
            "dispatchedAt": self.dispatched_at,
            "finishedAt": self.finished_at,
            "ending": outcome.ending.name if outcome else "IN_FLIGHT",
            "status": outcome.status if outcome else 0,
        }


@dataclass(slots=True)
class Journal:
    """Keeps the last few thousand deliveries; `total` counts all there ever were."""

    total: int = 0
    _kept: deque[Delivery] = field(default_factory=lambda: deque(maxlen=_MOST_KEPT))

    def begin(
        self, *, queue: str, task: str, kind: str, scheduled_at: float, dispatched_at: float, request: OutgoingRequest
    ) -> Delivery:
        """Note a delivery that starts now."""
        self.total += 1
        delivery = Delivery(self.total, queue, task, kind, scheduled_at, dispatched_at, request)
        self._kept.append(delivery)
        return delivery

    def select(self, queue: str, task: str, after: int, limit: int) -> list[Delivery]:
        """Deliveries numbered above `after`, oldest first; an empty queue or task name means any."""
        chosen = (
            delivery
            for delivery in self._kept
            if delivery.number > after and queue in ("", delivery.queue) and task in ("", delivery.task)
        )
        return list(islice(chosen, limit))

    def clear(self) -> None:
        """Forget them all; numbering goes on."""
        self._kept.clear()
