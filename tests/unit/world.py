"""The whole factory on ports in memory, with every call of a port open to faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from imagefactory.api import views
from imagefactory.domain.execution import Prompt
from imagefactory.domain.limits import Limits
from imagefactory.domain.result import Result
from imagefactory.domain.retry import RetryPolicy
from imagefactory.domain.task import first_attempts
from imagefactory.testing import (
    Crash,
    FakeImageCodec,
    Faults,
    InMemoryEncryption,
    InMemoryExecutions,
    InMemoryImageStore,
    InMemoryImageUrls,
    InMemoryReservations,
    InMemoryTasks,
    InMemoryWorkflows,
    ManualClock,
    ScriptedModel,
    Store,
    a_submission,
    a_workflow,
    an_execution,
)
from imagefactory.usecases.cancel import Cancel
from imagefactory.usecases.generate import Generate, Outcome
from imagefactory.usecases.list_executions import ListExecutions
from imagefactory.usecases.retry import Retry
from imagefactory.usecases.status import PageRequest, ShowExecution
from imagefactory.usecases.submit import Accepted, Submit
from imagefactory.usecases.watchdog import CheckResult, Watchdog

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution, Progress
    from imagefactory.domain.task import Task, WatchdogCheck
    from imagefactory.testing.model import Script

USER, KEY = "alice", "the-key-of-alice"
#: Seconds between the rounds of a watchdog.
WATCHDOG_INTERVAL = 60.0


@dataclass
class World:
    """The ports as the tests see them; the use cases see the same ports through `faults`."""

    clock: ManualClock = field(default_factory=ManualClock)
    faults: Faults = field(default_factory=Faults)
    tasks: InMemoryTasks = field(default_factory=InMemoryTasks)
    images: InMemoryImageStore = field(default_factory=InMemoryImageStore)
    encryption: InMemoryEncryption = field(default_factory=InMemoryEncryption)
    rate: float = 1.0
    limits: Limits = field(default_factory=lambda: Limits(executions=100, prompts=50_000))

    def __post_init__(self) -> None:
        self.store = Store(self.clock)
        self.executions = InMemoryExecutions(self.store)
        self.reservations = InMemoryReservations(self.store)
        self.model = ScriptedModel(self.clock)
        seen: dict[str, Any] = {
            name: self.faults.watch(getattr(self, name), name)
            for name in ("executions", "reservations", "tasks", "images", "encryption", "model")
        }
        shared: dict[str, Any] = {"executions": seen["executions"], "tasks": seen["tasks"], "clock": self.clock}
        self.generate = Generate(
            **shared,
            images=seen["images"],
            codec=FakeImageCodec(),
            model=seen["model"],
            encryption=seen["encryption"],
            retry=RetryPolicy(),
        )
        self.submit = Submit(
            workflows=InMemoryWorkflows([a_workflow()]),
            reservations=seen["reservations"],
            tasks=seen["tasks"],
            images=seen["images"],
            codec=FakeImageCodec(),
            encryption=seen["encryption"],
            clock=self.clock,
            limits=self.limits,
            rate=self.rate,
            retention_days=30,
            watchdog_interval=WATCHDOG_INTERVAL,
        )
        self.cancel = Cancel(**shared)
        self.retry = Retry(
            **shared,
            reservations=seen["reservations"],
            encryption=seen["encryption"],
            limits=self.limits,
            rate=self.rate,
            watchdog_interval=WATCHDOG_INTERVAL,
        )
        self.watchdog = Watchdog(
            **shared, reservations=seen["reservations"], rate=self.rate, interval=WATCHDOG_INTERVAL
        )
        #: the rounds of watchdogs that were answered with success
        self.rounds: dict[str, CheckResult] = {}
        self.show = ShowExecution(
            executions=seen["executions"], image_urls=InMemoryImageUrls(), clock=self.clock, rate=self.rate
        )
        self.listing = ListExecutions(executions=seen["executions"])

    def accepted(self, *texts: str, key: str | None = None, **what_matters: Any) -> Accepted:
        """The answer to a submit of these prompts by the user."""
        submission = a_submission(*texts, **({"api_key": KEY} | what_matters))
        return self.submit(USER, "w", submission, idempotency_key=key)

    def submitted(self, *texts: str, **what_matters: Any) -> str:
        """The id of an execution of these prompts."""
        return self.accepted(*texts, **what_matters).execution.id

    def given(self, *texts: str, **what_matters: Any) -> Execution:
        """An execution of these prompts that is there already, with its tasks."""
        prompts = [Prompt(text) for text in texts or ("first prompt", "second prompt", "third prompt")]
        execution = an_execution(**({"prompt_count": len(prompts)} | what_matters))
        execution = self.reservations.reserve(execution).execution
        self.reservations.write_prompts(execution, prompts)
        self.reservations.accept(execution)
        results = [Result(index) for index in range(len(prompts))]
        self.tasks.enqueue(list(first_attempts(execution, results, self.clock.now(), self.rate)))
        return execution

    def scripted(self, script: Script) -> None:
        """Tell the model what to do."""
        self.model.script = script

    def deliver(self, task: Task) -> Outcome:
        """Deliver a task as the queue does: it stays until its delivery was answered with success."""
        outcome = self.generate(task.execution_id, task.batch_index, task.attempt)
        if outcome is not Outcome.HELD_ELSEWHERE:
            self.tasks.remove(task)
        return outcome

    def run(self, turns: int = 60) -> None:
        """Deliver what is due, survive crashes and outages, let time pass, until the prompts' queue is empty."""
        for _ in range(turns):
            for task in self.tasks.due(self.clock.now()):
                try:
                    self.deliver(task)
                except (Crash, Exception):  # noqa: BLE001, S112 - like the queue: whatever it was, the task stays
                    continue
            if not self.tasks.waiting:
                return
            earliest = min(task.schedule_at for task in self.tasks.waiting.values())
            self.clock.move_to(max(earliest, self.clock.now() + timedelta(seconds=30)))
        raise AssertionError(f"tasks still wait: {self.tasks.waiting}")

    def watched(self) -> list[WatchdogCheck]:
        """The rounds of watchdogs that are still to be made, the earliest first."""
        left = [check for check in self.tasks.watches.values() if check.id not in self.rounds]
        return sorted(left, key=lambda check: check.schedule_at)

    def watch(self, turns: int = 60) -> None:
        """Let the watchdogs make their rounds, and deliver what is due between them, until nothing is left to do."""
        for _ in range(turns):
            if not (left := self.watched()):
                return
            self.clock.move_to(left[0].schedule_at)
            try:
                self.rounds[left[0].id] = self.watchdog(left[0])
            except (Crash, Exception):  # noqa: BLE001 - like the queue: whatever it was, the task stays
                self.clock.advance(10)
            for task in self.tasks.due(self.clock.now()):
                try:
                    self.deliver(task)
                except (Crash, Exception):  # noqa: BLE001, S112 - like the queue: whatever it was, the task stays
                    continue
        raise AssertionError(f"rounds are still to be made: {self.watched()}")

    def progress(self, execution_id: str) -> Progress:
        """The counters."""
        progress = self.executions.read_progress(execution_id)
        assert progress is not None
        return progress

    def execution(self, execution_id: str) -> Execution:
        """The execution as it is stored."""
        execution = self.executions.get(execution_id)
        assert execution is not None
        return execution

    def result(self, execution_id: str, index: int = 0) -> Result:
        """A result as it is stored."""
        return self.executions.results(execution_id, index, 1)[index]

    def shown(self, execution_id: str, **page: Any) -> Any:
        """What the user sees of the execution."""
        page_shown = self.show(USER, execution_id, PageRequest(**page)).page
        assert page_shown is not None
        return views.execution_page(page_shown)
