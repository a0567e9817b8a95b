"""A model that does as it is told."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.result import Failure
from imagefactory.ports import GeneratedImage
from imagefactory.testing.factories import the_bytes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from imagefactory.ports import GenerationRequest
    from imagefactory.testing.clock import ManualClock


def an_image(extension: str = "png", width: int = 1024, height: int = 1024) -> GeneratedImage:
    """An image that FakeImageCodec can open."""
    return GeneratedImage(the_bytes_of(extension, width, height), f"image/{extension}")


@dataclass(frozen=True, slots=True)
class Takes:
    """An outcome that comes only after so many seconds."""

    seconds: float
    then: GeneratedImage | Failure | BaseException = field(default_factory=an_image)


Scripted: TypeAlias = "GeneratedImage | Failure | BaseException | Takes"
Script: TypeAlias = "Callable[[GenerationRequest, int], Scripted] | Mapping[str, Sequence[Scripted]]"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of the model."""

    request: GenerationRequest
    api_key: str
    timeout: float


class ScriptedModel:
    """The port ImageModel.

    `script` maps a prompt's text to its outcomes, call by call, or is a function of the request and the number of calls
    for that prompt so far (from 0). What the script does not say succeeds. `calls` are all calls, in order.
    """

    def __init__(self, clock: ManualClock, script: Script | None = None) -> None:
        self._clock = clock
        self.script: Script = {} if script is None else script
        self.calls: list[Asked] = []

    def generate(
        self, request: GenerationRequest, api_key: str, timeout: float
    ) -> AbstractContextManager[GeneratedImage]:
        """Do what the script says."""
        answer = self._answer_for(request, self.calls_by_prompt()[request.prompt])
        self.calls.append(Asked(request, api_key, timeout))
        if isinstance(answer, Takes):
            self._clock.advance(answer.seconds)
            answer = answer.then
        if isinstance(answer, Failure):
            raise AttemptFailed(answer)
        if isinstance(answer, BaseException):
            raise answer
        return contextlib.nullcontext(answer)

    def calls_by_prompt(self) -> Counter[str]:
        """How often each prompt was asked for."""
        return Counter(call.request.prompt for call in self.calls)

    def _answer_for(self, request: GenerationRequest, number: int) -> Scripted:
        if callable(self.script):
            return self.script(request, number)
        outcomes = self.script.get(request.prompt, ())
        return outcomes[number] if number < len(outcomes) else an_image()
