"""A factory in interleaving: use cases interleave at every call of a port, die there, or find a service down.

A queue delivers late, twice, and after the end; it gives up after ten tries; it is purged. Time jumps, so that attempts
outlive their leases. After the faults comes a quiet time, in which everything must end by itself.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from imagefactory.domain.errors import ClientError, Unavailable
from imagefactory.domain.result import FailureCode, ResultStatus
from imagefactory.testing import Call, Crash, Moment, a_failure, an_image
from imagefactory.usecases.generate import Outcome
from imagefactory.usecases.retry import RETRYABLE, RetryRequest
from imagefactory.usecases.submit import Accepted
from tests.harness.factory import KEY, USER, Factory
from tests.unit.usecases.handover import Actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagefactory.domain.result import Result
    from imagefactory.domain.task import Task, WatchdogCheck
    from imagefactory.ports import GenerationRequest
    from imagefactory.testing.model import Scripted

#: As infra/queue.json has them; in some runs the queue gives up much sooner.
MOST_DISPATCHES, BACKOFF_SECONDS, LONGEST_BACKOFF = 10, 10, 300
FEW_DISPATCHES = 3
#: The longest pause of a watchdog, the longest lease, and the queue's longest backoff, twice over.
OVERDUE_SECONDS = 2 * (16 * 60 + 240 + LONGEST_BACKOFF)
MOST_STEPS = 20_000
LATER = timedelta(days=400)


class Noted(NamedTuple):
    """Something an attempt did for a prompt."""

    prompt: tuple[str, int]
    actor: Actor
    what: str


@dataclass
class Dispatching:
    """How often a task or a round was delivered, and when it may be again."""

    not_before: datetime
    dispatches: int = 0


@dataclass
class Interleaving:
    """One run. `fault_rate` is the chance of a fault at each of the two sides of a call, while `trouble` steps last."""

    seed: int
    fault_rate: float = 0.04
    trouble: int = 120
    keys: tuple[str, ...] = ("first", "second")
    noted: list[Noted] = field(default_factory=list)
    live: list[Actor] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - not for cryptography
        self.factory = Factory()
        self.factory.model.script = self._said
        self.factory.faults.hook = self._hook
        self.steps = 0
        self.quiet_since: datetime | None = None
        self.dispatching: dict[str, Dispatching] = {}
        self.underway: dict[Actor, Callable[[Actor], None]] = {}
        self.current: Actor | None = None
        self.about: dict[Actor, tuple[str, int]] = {}
        self.answers: dict[str, set[str]] = {key: set() for key in self.keys}
        self.ended: dict[tuple[str, int], Result] = {}
        self.most_dispatches = self.dice.choice([MOST_DISPATCHES, MOST_DISPATCHES, FEW_DISPATCHES])
        self.is_client_gone = self.dice.random() < 0.2

    def run(self) -> None:
        """Trouble first, then quiet until nothing is left to do."""
        for key in self.keys:
            self._submit(key)
        while self.steps < self.trouble:
            self._turn()
        self.quiet_since = self.factory.clock.now()
        while self._has_work():
            assert self.steps < MOST_STEPS, f"seed {self.seed}: it does not end: {self.factory.tasks.waiting}"
            self._turn()

    def _has_work(self) -> bool:
        return bool(self.live or self.factory.tasks.waiting or self._rounds() or self._unanswered())

    def _turn(self) -> None:
        self.steps += 1
        is_quiet = self.quiet_since is not None
        if not is_quiet and self.dice.random() < 0.25:
            self._disturb()
        due = [task for task in self.factory.tasks.due(self.factory.clock.now()) if self._is_due(task.id)]
        rounds = [check for check in self._rounds() if check.schedule_at <= self.factory.clock.now()]
        rounds = [check for check in rounds if self._is_due(check.id)]
        if self.live and (self.dice.random() < 0.8 or not (due or rounds)):
            self._step(self.dice.choice(self.live))
        elif due and (not rounds or self.dice.random() < 0.8):
            self._deliver(self.dice.choice(due))
        elif rounds:
            self._watch(self.dice.choice(rounds))
        elif is_quiet and self._unanswered():
            self.factory.clock.advance(30)
            self._submit(self.dice.choice(self._unanswered()))
        else:
            self._wait()

    def _disturb(self) -> None:
        """What happens to a system: copies, jumps of time, impatient clients, and operators."""
        kind = self.dice.choice(["copy", "late copy", "time", "time", "submit", "cancel", "retry", "purge", "calm"])
        tasks = self.factory.tasks
        if kind == "copy" and tasks.waiting:
            self._deliver(self.dice.choice(list(tasks.waiting.values())))
        elif kind == "late copy" and tasks.created:
            self._deliver(self.dice.choice(tasks.created))
        elif kind == "time":
            self.factory.clock.advance(self.dice.choice([1, 5, 30, 70, 130, 200, 260]))
        elif kind == "submit":
            self._submit(self.dice.choice(self.keys))
        elif kind == "cancel" and self.dice.random() < 0.15 and self.factory.store.progress:
            execution_id = self.dice.choice(sorted(self.factory.store.progress))
            self._begin("cancel", lambda: self.factory.cancel(USER, execution_id))
        elif kind == "retry" and self.dice.random() < 0.4 and self.factory.store.progress:
            self._retry(self.dice.choice(sorted(self.factory.store.progress)))
        elif kind == "purge" and self.dice.random() < 0.1:
            tasks.lose()
        else:
            return
        self.counted[kind] += 1

    def _submit(self, key: str) -> None:
        prompts = [f"{key} prompt {number}" for number in range(3)]

        def answered(actor: Actor) -> None:
            if actor.error is None:
                assert isinstance(actor.answer, Accepted)
                self.answers[key].add(actor.answer.execution.id)

        self._begin(f"submit {key}", lambda: self.factory.accept(*prompts, key=key), answered)

    def _retry(self, execution_id: str) -> None:
        statuses = tuple(self.dice.sample(RETRYABLE, self.dice.randint(1, len(RETRYABLE))))
        request = RetryRequest(statuses=statuses, api_key=self.dice.choice([KEY, KEY, None]))
        self._begin("retry", lambda: self.factory.retry(USER, execution_id, request))

    def _unanswered(self) -> list[str]:
        """The keys whose client asks again: those without an answer."""
        return [] if self.is_client_gone else [key for key, answers in self.answers.items() if not answers]

    def _deliver(self, task: Task) -> None:
        def answered(actor: Actor) -> None:
            if actor.error is None and actor.answer is not Outcome.HELD_ELSEWHERE:
                self.factory.tasks.remove(task)
                return
            again = self.dispatching[task.id]
            again.not_before = self.factory.clock.now() + _backoff(again.dispatches)
            if again.dispatches >= self.most_dispatches:
                self.counted["given up"] += 1
                self.factory.tasks.remove(task)

        self._dispatched(task.id)
        work = partial(self.factory.generate, task.execution_id, task.batch_index, task.attempt)
        actor = self._begin(f"generate {task.batch_index}", work, answered)
        self.about[actor] = (task.execution_id, task.batch_index)

    def _watch(self, check: WatchdogCheck) -> None:
        def answered(actor: Actor) -> None:
            if actor.error is None:
                self.factory.rounds[check.id] = actor.answer  # type: ignore[assignment] # it is what a round returns
            else:
                self.dispatching[check.id].not_before = self.factory.clock.now() + timedelta(seconds=5)

        self._dispatched(check.id)
        self._begin("watchdog", lambda: self.factory.watchdog(check), answered)

    def _rounds(self) -> list[WatchdogCheck]:
        return self.factory.list_rounds()

    def _is_due(self, name: str) -> bool:
        known = self.dispatching.get(name)
        return known is None or known.not_before <= self.factory.clock.now()

    def _dispatched(self, name: str) -> None:
        """While a delivery runs, the queue makes no other of it by itself."""
        known = self.dispatching.setdefault(name, Dispatching(LATER_START))
        known.dispatches += 1
        known.not_before = self.factory.clock.now() + LATER

    def _begin(self, name: str, work: Callable[[], object], answered: Callable[[Actor], None] | None = None) -> Actor:
        actor = Actor(name, work)
        self.live.append(actor)
        if answered:
            self.underway[actor] = answered
        return actor

    def _step(self, actor: Actor) -> None:
        self.current = actor
        actor.step()
        self.current = None
        if actor.has_ended:
            self.live.remove(actor)
            if (answered := self.underway.pop(actor, None)) is not None:
                answered(actor)
            if actor.error is not None:
                self.counted[type(actor.error).__name__] += 1
                expected = isinstance(actor.error, ClientError | Unavailable | Crash)
                assert expected, f"seed {self.seed}: {actor.name}: {actor.error!r}"
        self._nothing_came_back()

    def _wait(self) -> None:
        """Nothing can be done now: let time pass until something can."""
        now = self.factory.clock.now()
        moments = [task.schedule_at for task in self.factory.tasks.waiting.values()]
        moments += [check.schedule_at for check in self._rounds()]
        moments += [one.not_before for one in self.dispatching.values() if one.not_before < now + LATER / 2]
        later = [moment for moment in moments if moment > now]
        self.factory.clock.move_to(min(later, default=now + timedelta(seconds=10)))
        self._nothing_is_overdue()

    def _hook(self, call: Call) -> None:
        actor = self.current
        if actor is None:
            return
        if call.moment is Moment.BEFORE:
            actor.pause()
        elif call.name in {"executions.apply", "model.generate", "images.put"} and actor in self.about:
            self.noted.append(Noted(self.about[actor], actor, call.name))
        if self.quiet_since is None and self.dice.random() < self.fault_rate:
            self.counted[f"{call.name} {call.moment.name.lower()}"] += 1
            raise self.dice.choice([Crash, Unavailable])

    def _said(self, drawing: GenerationRequest, number: int) -> Scripted:
        del drawing, number
        refused = a_failure(FailureCode.CONTENT_BLOCKED, retryable=False)
        slow = a_failure(FailureCode.TIMEOUT)
        outcomes: list[Scripted] = [an_image(), an_image(), an_image(), an_image("jpg"), a_failure(), slow, refused]
        return self.dice.choice(outcomes)

    def _nothing_came_back(self) -> None:
        """A result that has ended stays as it is, unless a retry begins another generation."""
        for execution_id, results in self.factory.store.results.items():
            for index, (_, result) in results.items():
                before = self.ended.get((execution_id, index))
                if before is not None and before.generation == result.generation:
                    assert before == result, f"seed {self.seed}: {before} became {result}"
                elif result.status.is_terminal:
                    self.ended[execution_id, index] = result

    def _nothing_is_overdue(self) -> None:
        if self.quiet_since is None:
            return
        for results in self.factory.store.results.values():
            for _, result in results.values():
                if result.status is ResultStatus.PROCESSING and result.lease:
                    late = self.factory.clock.now() - max(result.lease.until, self.quiet_since)
                    assert late.total_seconds() < OVERDUE_SECONDS, f"seed {self.seed}: overdue: {result}"


LATER_START = datetime.min.replace(tzinfo=Factory().clock.now().tzinfo)


def _backoff(dispatches: int) -> timedelta:
    return timedelta(seconds=min(BACKOFF_SECONDS * 2 ** (dispatches - 1), LONGEST_BACKOFF))
