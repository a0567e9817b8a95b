"""The two stores that keep the same promises: in memory, and Firestore."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from imagefactory.domain.result import Lease, Result
from imagefactory.ports import Transition
from imagefactory.testing import a_lease, a_stored_image, an_execution, some_prompts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagefactory.domain.execution import Execution, Progress, Prompt
    from imagefactory.ports import Executions, Reservations


@dataclass(frozen=True)
class Stores:
    """The ports Executions and Reservations on one store; `tick` lets its clock move on."""

    executions: Executions
    reservations: Reservations
    tick: Callable[[], object]

    def reserved(self, **what_matters: Any) -> Execution:
        """A reservation of ours."""
        return self.reservations.reserve(an_execution(**what_matters)).execution

    def accepted(self, prompts: Sequence[Prompt] | int = 3, **what_matters: Any) -> Execution:
        """An execution that exists."""
        given = some_prompts(prompts) if isinstance(prompts, int) else tuple(prompts)
        execution = self.reserved(prompt_count=len(given), **what_matters)
        execution = replace(execution, chunks=self.reservations.write_prompts(execution, given))
        self.reservations.accept(execution)
        return self.now(execution)

    def now(self, execution: Execution) -> Execution:
        """The execution as it is stored."""
        found = self.executions.get(execution.id)
        assert found is not None
        return found

    def progress(self, execution: Execution) -> Progress:
        """Its counters."""
        progress = self.executions.read_progress(execution.id)
        assert progress is not None
        return progress

    def moved(self, execution: Execution, before: Result | None, after: Result) -> Result:
        """The result after this step."""
        return self.executions.apply(execution, [Transition(before, after)]).results[0]

    def claimed(self, execution: Execution, index: int = 0, lease: Lease | None = None) -> Result:
        """A result whose first attempt has begun."""
        return self.moved(execution, None, Result(index).claimed(lease or a_lease()))

    def completed(self, execution: Execution, index: int = 0) -> Result:
        """A result with its image."""
        claimed = self.claimed(execution, index)
        return self.moved(execution, claimed, claimed.completed(a_stored_image(execution.id, index), 39_000, 1))
