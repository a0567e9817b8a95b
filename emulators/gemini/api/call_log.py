"""Every call of the model since the last reset, for tests that count what was asked and what would have been paid."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulators.gemini.api.generation_request import Asked
    from emulators.gemini.faults.outcomes import Outcome


@dataclass
class Call:
    """One call; times are seconds since 1970.

    `end` and `status` are null while the call runs; `status` stays null when no answer was sent, because the client
    went away first or the connection was reset. What stands in a body that was refused stays null.
    """

    model: str
    start: float = field(default_factory=time.time)
    end: float | None = None
    outcome: str | None = None
    status: int | None = None
    prompt: str | None = None
    aspect_ratio: str | None = None
    image_size: str | None = None
    reference_count: int | None = None

    def understood(self, asked: Asked) -> None:
        """Notes what the call asks for."""
        self.prompt = asked.prompt
        self.aspect_ratio = asked.aspect_ratio
        self.image_size = asked.image_size
        self.reference_count = len(asked.references)

    def meets(self, outcome: Outcome) -> None:
        """Notes what becomes of the call."""
        self.outcome = outcome.value


class Journal:
    """The calls in the order of their arrival."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def begin(self, model: str) -> Call:
        """Notes the arrival of a call."""
        call = Call(model)
        self._calls.append(call)
        return call

    def described(self) -> list[dict[str, Any]]:
        """All calls as JSON values."""
        return [asdict(call) for call in self._calls]

    def clear(self) -> None:
        """Forgets all calls; those still running are forgotten too."""
        self._calls.clear()
