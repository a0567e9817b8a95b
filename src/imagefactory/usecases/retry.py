"""Retry: failed, blocked or cancelled results run again in the same execution; completed ones never do.

    read the execution ──► begin a watchdog ──► reopen a window of results ──► their tasks ──► the next window …
           ▲                                              │
           └──────────── somebody else wrote it ──────────┘

Each window is one commit, on the condition that the execution is as it was read: its results, the key they will need,
and the removal of the final status. A request that dies after any of them leaves an execution that runs on, watched. A
watchdog that left in between has written the execution: the commit then fails, and another watchdog begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from imagefactory import log
from imagefactory.domain.errors import Conflict, FieldError, InvalidRequest, NotFound, NotRetryable, Unavailable
from imagefactory.domain.execution import Snapshot
from imagefactory.domain.result import FailureCode, Result, ResultStatus
from imagefactory.domain.task import first_check
from imagefactory.ports import MAX_TRANSITIONS_PER_COMMIT, Transition
from imagefactory.usecases.fanout import fan_out
from imagefactory.usecases.status import load_owned_progress

if TYPE_CHECKING:
    from imagefactory.domain.execution import EncryptedSecret, Execution, Progress
    from imagefactory.domain.limits import Limits
    from imagefactory.ports import Clock, Encryption, Executions, Reservations, Tasks

#: How often a window is tried while others write the execution.
MAX_TRIES = 10
RETRYABLE = (ResultStatus.FAILED, ResultStatus.BLOCKED, ResultStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """Which results to run again: those in all the filters given; and the caller's key, needed once it was deleted."""

    statuses: tuple[ResultStatus, ...] = RETRYABLE
    error_codes: tuple[FailureCode, ...] = ()
    indexes: frozenset[int] = frozenset()
    api_key: str | None = field(default=None, repr=False)

    def matches(self, result: Result) -> bool:
        """Whether this result is meant."""
        code = result.failure.code if result.failure else None
        return (not self.error_codes or code in self.error_codes) and (not self.indexes or result.index in self.indexes)

    def upper_bound(self, progress: Progress) -> int:
        """How many results it may take, as the counters have it."""
        count = sum(progress.counts()[status.value] for status in self.statuses)
        return min(count, len(self.indexes)) if self.indexes else count


@dataclass(frozen=True, slots=True)
class RetryState:
    """An execution as it was read or written last, the key it shall have, and whether a watchdog has begun since."""

    execution: Execution
    encrypted_key: EncryptedSecret | None
    is_watched: bool = False


@dataclass(frozen=True, slots=True)
class Retried:
    """How the execution stands after a retry, and how many results run again."""

    snapshot: Snapshot
    count: int


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Run results of an execution again. `rate` is the queue's, in tasks a second, `watchdog_interval` in seconds.

    `limits` are each user's.
    """

    executions: Executions
    reservations: Reservations
    tasks: Tasks
    encryption: Encryption
    clock: Clock
    limits: Limits
    rate: float
    watchdog_interval: float

    def __call__(self, user: str, execution_id: str, request: RetryRequest) -> Retried:
        """Reopen what matches.

        Raises:
            InvalidRequest: the key was deleted with the execution's end, and none is given; or an index is none.
            TooManyInFlight: with these results, the user would have more in flight than one user may.
            NotRetryable: no result matches.
        """
        progress = load_owned_progress(self.executions, user, execution_id)
        state = self._read_state(execution_id, request)
        _check_indexes(request, state.execution)
        others = self.reservations.in_flight(user, execution_id, self.clock.now())
        self.limits.check(others, progress.total - progress.ended + request.upper_bound(progress), self.rate)
        began, retried, conflicts = self.clock.now(), 0, 0
        is_queue_up = True
        first: int | None = 0
        # A cancel that comes after the first commit is later than this request, and ends it.
        while first is not None and not (retried and state.execution.cancel_requested):
            results = self.executions.results_in(execution_id, request.statuses, first, MAX_TRANSITIONS_PER_COMMIT)
            try:
                state, moved = self._reopen(state, [result for result in results if request.matches(result)])
            except Conflict:
                if (conflicts := conflicts + 1) > MAX_TRIES:
                    raise Unavailable("the execution kept changing while it was reopened") from None
                state = self._read_state(execution_id, request)
                continue
            # A queue that is down is not waited for with every window: the watchdog creates what is missing.
            start = began + timedelta(seconds=retried / self.rate)
            is_queue_up = is_queue_up and fan_out(self.tasks, state.execution, moved, start, self.rate)
            retried, conflicts = retried + len(moved), 0
            first = results[-1].index + 1 if len(results) == MAX_TRANSITIONS_PER_COMMIT else None
        if not retried:
            raise NotRetryable
        log.info("results are retried", execution_id=execution_id, results=retried)
        return Retried(Snapshot(state.execution, load_owned_progress(self.executions, user, execution_id)), retried)

    def _read_state(self, execution_id: str, request: RetryRequest) -> RetryState:
        execution = self.executions.get(execution_id)
        if execution is None:
            raise NotFound
        if request.api_key:
            return RetryState(execution, self.encryption.encrypt(request.api_key, execution_id))
        if execution.needs_key and execution.encrypted_key is None:
            message = "the key was deleted when the execution ended: send it again to retry"
            raise InvalidRequest.of([FieldError("api_key", message)])
        return RetryState(execution, execution.encrypted_key)

    def _reopen(self, state: RetryState, results: list[Result]) -> tuple[RetryState, tuple[Result, ...]]:
        if not results:
            return state, ()
        if not state.is_watched:
            self.tasks.enqueue_check(first_check(state.execution.id, self.clock.now(), self.watchdog_interval))
        transitions = [Transition(result, result.reopened()) for result in results]
        reopened = self.executions.reopen(state.execution, state.encrypted_key, transitions)
        return replace(state, execution=reopened.execution, is_watched=True), reopened.results


def _check_indexes(request: RetryRequest, execution: Execution) -> None:
    errors = [
        FieldError("batch_index", f"{index} is none of this execution's 0 to {execution.prompt_count - 1}")
        for index in sorted(request.indexes)
        if index >= execution.prompt_count
    ]
    if errors:
        raise InvalidRequest.of(errors)
