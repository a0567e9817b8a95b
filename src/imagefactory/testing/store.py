"""What the ports of executions share in memory."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import Execution, Phase, Progress, Prompt

if TYPE_CHECKING:
    from datetime import datetime

    from imagefactory.domain.result import Result
    from imagefactory.ports import Clock


@dataclass
class Store:
    """What the two ports share. Every write takes a new version, and the lock makes it one commit."""

    clock: Clock
    lock: threading.RLock = field(default_factory=threading.RLock)
    versions: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    executions: dict[str, Execution] = field(default_factory=dict)
    chunks: dict[tuple[str, int], tuple[Prompt, ...]] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)
    results: dict[str, dict[int, tuple[datetime, Result]]] = field(default_factory=dict)

    def put(self, execution: Execution) -> Execution:
        """Write an execution as it is; returns it with its new version."""
        written = replace(execution, version=next(self.versions))
        self.executions[execution.id] = written
        return written

    def require_unchanged(self, read: Execution) -> Execution:
        """The execution, which is as it was read.

        Raises:
            Conflict: it is not.
        """
        current = self.executions.get(read.id)
        if current is None or current.version != read.version:
            raise Conflict("the execution changed since it was read")
        return current

    def replace(self, read: Execution, execution: Execution) -> Execution:
        """Write an execution, if it still is as it was read.

        Raises:
            Conflict: it is not.
        """
        self.require_unchanged(read)
        return self.put(execution)

    def require(self, execution_id: str) -> Execution:
        """An execution in any phase.

        Raises:
            Conflict: there is none.
        """
        try:
            return self.executions[execution_id]
        except KeyError:
            raise Conflict("there is no such execution") from None


def is_visible(execution: Execution) -> bool:
    """Whether the execution is past its commit point."""
    return execution.phase is not Phase.RESERVED
