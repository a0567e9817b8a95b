"""Retry: failed, blocked or cancelled results run again in the same execution; completed ones never do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory import log
from imagefactory.domain.errors import Conflict, Fault, InvalidRequest, NotFound, NotRetryable
from imagefactory.domain.result import FailureCode, Result, ResultStatus
from imagefactory.domain.task import first_attempts, first_round
from imagefactory.ports import Move
from imagefactory.usecases.closing import close_if_ended
from imagefactory.usecases.status import owned_tally
from imagefactory.usecases.views import execution as view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagefactory.domain.execution import Execution, Sealed, Tally
    from imagefactory.ports import Clock, Executions, Tasks, Vault

#: Results moved in one commit.
WINDOW = 200
RETRYABLE = (ResultStatus.FAILED, ResultStatus.BLOCKED, ResultStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """Which results to run again: those in all the filters given; and the caller's key, needed once it was deleted."""

    statuses: tuple[ResultStatus, ...] = RETRYABLE
    error_codes: tuple[FailureCode, ...] = ()
    indexes: tuple[int, ...] = ()
    api_key: str | None = None

    def takes(self, result: Result) -> bool:
        """Whether this result is meant."""
        code = result.failure.code if result.failure else None
        return (not self.error_codes or code in self.error_codes) and (not self.indexes or result.index in self.indexes)


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Run results of an execution again. `rate` is the queue's, in tasks a second, `watch_interval` in seconds."""

    executions: Executions
    tasks: Tasks
    vault: Vault
    clock: Clock
    rate: float
    watch_interval: float

    def __call__(self, user: str, execution_id: str, request: RetryRequest) -> Mapping[str, object]:
        """Reopen what matches and describe the execution then.

        Raises:
            InvalidRequest: the key was deleted with the execution's end, and none is given.
            NotRetryable: no result matches.
        """
        tally = owned_tally(self.executions, user, execution_id)
        execution = self.executions.get(execution_id)
        if execution is None:
            raise NotFound
        sealed = self._sealed(execution, tally, request.api_key)
        chosen = list(self._chosen(execution_id, request))
        if not chosen:
            raise NotRetryable
        now = self.clock.now()
        self.tasks.watch(first_round(execution_id, now, self.watch_interval))
        # Reopened before, so that a crash in between leaves the rest to another retry; and once more behind the moves,
        # because a closer that had counted before them may have closed the execution in between.
        self.executions.reopen(execution, sealed)
        moved = [
            result
            for first in range(0, len(chosen), WINDOW)
            for result in self._moved(execution, chosen[first : first + WINDOW])
        ]
        self.executions.reopen(execution, sealed)
        self.tasks.enqueue(list(first_attempts(execution, moved, now, self.rate)))
        if not moved and (reopened := self.executions.get(execution_id)):
            # Another request moved them all, and they may have ended since: then nobody else would delete the key.
            close_if_ended(self.executions, reopened)
        log.info("results are retried", execution_id=execution_id, results=len(moved))
        return dict(view(execution, owned_tally(self.executions, user, execution_id))) | {"retried": len(moved)}

    def _chosen(self, execution_id: str, request: RetryRequest) -> Iterator[Result]:
        first: int | None = 0
        while first is not None:
            found = self.executions.results_in(execution_id, request.statuses, first, WINDOW)
            yield from (result for result in found if request.takes(result))
            first = found[-1].index + 1 if len(found) == WINDOW else None

    def _sealed(self, execution: Execution, tally: Tally, api_key: str | None) -> Sealed | None:
        if (tally.status.is_terminal or execution.closed) and not api_key:
            message = "the key was deleted when the execution ended: send it again to retry"
            raise InvalidRequest(f"api_key: {message}.", faults=[Fault("api_key", message)])
        return self.vault.seal(api_key, execution.id) if api_key else execution.sealed_key

    def _moved(self, execution: Execution, results: list[Result]) -> tuple[Result, ...]:
        """Move these results back to pending; those that another request moves at once are left to it."""
        try:
            return self.executions.move(execution, [Move(result, result.reopened()) for result in results]).results
        except Conflict:
            if len(results) == 1:
                log.warning("a result was retried by two requests at once", execution_id=execution.id)
                return ()
            half = len(results) // 2
            return self._moved(execution, results[:half]) + self._moved(execution, results[half:])
