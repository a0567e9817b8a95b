"""Attempts at a prompt, and how one dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagefactory.testing import Crash

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution
    from imagefactory.testing import Moment
    from imagefactory.usecases.generate import Outcome
    from tests.harness.factory import Factory

LEASE_SECONDS = 180.0


def generate(factory: Factory, execution: Execution, index: int = 0, attempt: int = 1) -> Outcome:
    return factory.generate(execution.id, index, attempt)


def die_in(factory: Factory, execution: Execution, call: str, moment: Moment) -> None:
    """Let an attempt die at this call."""
    factory.faults.fail(call, moment, Crash())
    with pytest.raises(Crash):
        generate(factory, execution)
