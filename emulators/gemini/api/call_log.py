"""The log of all calls since the last reset, for tests that count calls and costs."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulators.gemini.api.generation_request import GenerationRequest
    from emulators.gemini.faults.outcomes import Outcome


@dataclass
class LoggedCall:
    """One call; times are seconds since 1970.

    `end` and `status` are None while the call runs; `status` stays None if no answer was sent: the client went away
    first, or the connection was reset. The fields of the body stay None if the body was refused.
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

    def record_request(self, request: GenerationRequest) -> None:
        """Record the request of the call."""
        self.prompt = request.prompt
        self.aspect_ratio = request.aspect_ratio
        self.image_size = request.image_size
        self.reference_count = len(request.references)

    def record_outcome(self, outcome: Outcome) -> None:
        """Record the outcome of the call."""
        self.outcome = outcome.value


class CallLog:
    """The calls in the order of their arrival."""

    def __init__(self) -> None:
        self._calls: list[LoggedCall] = []

    def begin(self, model: str) -> LoggedCall:
        """Add a call that has just arrived."""
        call = LoggedCall(model)
        self._calls.append(call)
        return call

    def as_json(self) -> list[dict[str, Any]]:
        """All calls as JSON values."""
        return [asdict(call) for call in self._calls]

    def clear(self) -> None:
        """Delete all calls, running ones too."""
        self._calls.clear()
