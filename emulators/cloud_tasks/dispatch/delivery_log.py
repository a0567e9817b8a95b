"""The log of the latest deliveries, for tests."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulators.cloud_tasks.dispatch.http_request import OutgoingRequest
    from emulators.cloud_tasks.queues.outcome import Outcome

_MAX_DELIVERIES = 5000


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
        """The delivery as the test controls show it."""
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
            "ending": outcome.result.name if outcome else "IN_FLIGHT",
            "status": outcome.status if outcome else 0,
        }


@dataclass(slots=True)
class DeliveryLog:
    """Keeps the last few thousand deliveries; `total` counts all of them."""

    total: int = 0
    _deliveries: deque[Delivery] = field(default_factory=lambda: deque(maxlen=_MAX_DELIVERIES))

    def begin(
        self, *, queue: str, task: str, kind: str, scheduled_at: float, dispatched_at: float, request: OutgoingRequest
    ) -> Delivery:
        """Add a delivery that starts now."""
        self.total += 1
        delivery = Delivery(self.total, queue, task, kind, scheduled_at, dispatched_at, request)
        self._deliveries.append(delivery)
        return delivery

    def select(self, queue: str, task: str, after: int, limit: int) -> list[Delivery]:
        """At most `limit` deliveries with a number above `after`, oldest first; an empty queue or task means any."""
        selected = (
            delivery
            for delivery in self._deliveries
            if delivery.number > after and queue in ("", delivery.queue) and task in ("", delivery.task)
        )
        return list(islice(selected, limit))

    def clear(self) -> None:
        """Delete all deliveries; numbers continue."""
        self._deliveries.clear()
