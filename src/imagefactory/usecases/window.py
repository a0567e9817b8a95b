"""A window of results: the results of neighbouring prompts, whatever has happened to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.domain.result import Result

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution
    from imagefactory.ports import Executions


def read_window(executions: Executions, execution: Execution, first: int, count: int) -> list[Result]:
    """Read `count` results from index `first` on, in order; a result without a document is pending."""
    stored = executions.results(execution.id, first, count)
    return [stored.get(index) or Result(index) for index in range(first, first + count)]
