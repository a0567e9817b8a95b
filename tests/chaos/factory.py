"""The factory in this process: its use cases on the real adapters, through proxies that fail; a queue that misbehaves.

Two dozen workers take what is due. Time stands still while anything is under way and then moves on to what is due next,
so hours of waiting cost nothing; now and then it jumps ahead of an attempt's lease.
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from imagefactory.adapters.firestore import FirestoreExecutions, FirestoreReservations
from imagefactory.adapters.storage import CloudStorageImageStore
from imagefactory.domain.errors import ClientError, Conflict, NotRetryable, Unavailable
from imagefactory.domain.result import FailureCode
from imagefactory.testing import (
    Call,
    Crash,
    Faults,
    InMemoryTasks,
    ManualClock,
    Moment,
    ScriptedModel,
    a_failure,
    a_submission,
    an_image,
)
from imagefactory.usecases.generate import Outcome
from imagefactory.usecases.retry import RetryRequest
from tests.harness.factory import KEY, USER, Numbers, Ports, UseCases

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from google.cloud import firestore, storage

    from imagefactory.domain.task import Task, WatchdogCheck
    from imagefactory.ports import GenerationRequest
    from imagefactory.testing.model import Scripted
    from tests.chaos.chance import Chance

WORKERS = 24
MOST_DISPATCHES, BACKOFF_SECONDS = 10, 10
#: A queue that never runs empty has lost the battle.
MOST_TURNS, MOST_SUBMITS = 100_000, 100


class Noted(NamedTuple):
    """Something that an attempt, known by the number of its delivery, did for a prompt."""

    prompt: int
    delivery: int
    what: str


@dataclass
class Again:
    """How often a task was delivered, and when it may be again."""

    not_before: datetime
    dispatches: int = 0


class FailingFactory:
    """`accident` is thrown for deaths at any call of a port, copies, and jumps of time."""

    def __init__(self, database: firestore.Client, bucket: storage.Bucket, accident: Chance, rate: float) -> None:
        self.clock = ManualClock()
        self.tasks = InMemoryTasks()
        self.model = ScriptedModel(self.clock, self._said)
        self.accident = accident
        self.noted: list[Noted] = []
        self._here = threading.local()
        self._deliveries = 0
        self._again: dict[str, Again] = {}
        self._rounds: set[str] = set()
        self._locked = threading.Lock()
        ports = Ports(
            executions=FirestoreExecutions(database),
            reservations=FirestoreReservations(database),
            tasks=self.tasks,
            clock=self.clock,
            model=self.model,
            images=CloudStorageImageStore(bucket.client, bucket.name),
        )
        use_cases = UseCases(ports.watch(Faults(self._hook)), Numbers(rate))
        self.generate, self.submit = use_cases.generate, use_cases.submit
        self.retry, self.watchdog = use_cases.retry, use_cases.watchdog

    def submit_until_accepted(self, texts: list[str], key: str) -> str:
        """The execution's id, however often a client with this key must ask for it."""
        for _ in range(MOST_SUBMITS):
            try:
                accepted = self.submit(USER, "w", a_submission(*texts, api_key=KEY), idempotency_key=key)
            except (Crash, ClientError, Unavailable):
                self.clock.advance(40)
            else:
                return str(accepted.execution.id)
        raise AssertionError("it is never accepted")

    def retry_until_reopened(self, execution_id: str) -> None:
        """Reopen what has not completed, however often the client must ask for it."""
        for _ in range(MOST_SUBMITS):
            try:
                self.retry(USER, execution_id, RetryRequest(api_key=KEY))
            except NotRetryable:
                # All is reopened, or was by a request whose answer was lost.
                return
            except (Crash, Unavailable):
                self.clock.advance(40)
        raise AssertionError("it is never reopened")

    def run(self) -> None:
        """Deliver, until neither a task nor a watchdog's round is left."""
        under_way: dict[Future[object], Callable[[Future[object]], None]] = {}
        with ThreadPoolExecutor(WORKERS) as pool:
            for _ in range(MOST_TURNS):
                if len(under_way) < WORKERS and (found := self._next()):
                    work, answered = found
                    under_way[pool.submit(work)] = answered
                    continue
                if not under_way:
                    if not self._wait():
                        return
                    continue
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    under_way.pop(future)(future)
                if self.accident.is_on and self.accident.share() < 1 / 200:
                    self.clock.advance(200)
        raise AssertionError("it does not end")

    def _next(self) -> tuple[Callable[[], object], Callable[[Future[object]], None]] | None:
        now = self.clock.now()
        for check in list(self.tasks.watches.values()):
            if check.id not in self._rounds and check.schedule_at <= now and self._may(check.id):
                return partial(self.watchdog, check), partial(self._watched, check)
        for task in self.tasks.due(now):
            if self._may(task.id):
                # A copy: the queue may deliver this task once more at the same time.
                if self.accident.is_on and self.accident.share() < 1 / 10:
                    self._again[task.id].not_before = now
                return partial(self._attempt, task), partial(self._attempted, task)
        return None

    def _may(self, name: str) -> bool:
        again = self._again.setdefault(name, Again(self.clock.now()))
        if again.not_before > self.clock.now():
            return False
        again.dispatches += 1
        again.not_before = self.clock.now() + timedelta(days=400)
        return True

    def _attempt(self, task: Task) -> Outcome:
        with self._locked:
            self._deliveries += 1
            self._here.at = (task.batch_index, self._deliveries)
        try:
            return self.generate(task.execution_id, task.batch_index, task.attempt)
        finally:
            self._here.at = None

    def _attempted(self, task: Task, future: Future[object]) -> None:
        failed = future.exception()
        assert failed is None or isinstance(failed, Crash | Unavailable | Conflict), repr(failed)
        again = self._again[task.id]
        if (failed is None and future.result() is not Outcome.HELD_ELSEWHERE) or again.dispatches > MOST_DISPATCHES:
            self.tasks.remove(task)
        pause = min(BACKOFF_SECONDS * 2 ** min(again.dispatches, 5), 300)
        again.not_before = self.clock.now() + timedelta(seconds=pause)

    def _watched(self, check: WatchdogCheck, future: Future[object]) -> None:
        failed = future.exception()
        assert failed is None or isinstance(failed, Crash | Unavailable), repr(failed)
        if failed is None:
            self._rounds.add(check.id)
        self._again[check.id].not_before = self.clock.now() + timedelta(seconds=5)

    def _wait(self) -> bool:
        """Transition time on to what is due next; False when nothing is."""
        now = self.clock.now()
        left: list[Task | WatchdogCheck] = [*self.tasks.waiting.values()]
        left += [check for check in self.tasks.watches.values() if check.id not in self._rounds]
        moments = [max(one.schedule_at, self._again.get(one.id, Again(now)).not_before) for one in left]
        if moments:
            self.clock.move_to(min(moments))
        return bool(moments)

    def _hook(self, call: Call) -> None:
        at = getattr(self._here, "at", None)
        if at and call.moment is Moment.AFTER and call.name in {"executions.apply", "model.generate", "images.put"}:
            with self._locked:
                self.noted.append(Noted(at[0], at[1], call.name))
        if self.accident.next("a death"):
            raise Crash

    def _said(self, drawing: GenerationRequest, number: int) -> Scripted:
        del drawing, number
        thrown = self.accident.share()
        if thrown < 1 / 20:
            return a_failure(FailureCode.CONTENT_BLOCKED, retryable=False)
        return a_failure() if thrown < 1 / 5 else an_image()
