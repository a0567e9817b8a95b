"""The whole factory: its use cases on any ports. `Factory` has them in memory, with every call open to faults."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    from typing import Self

    from imagefactory.domain.execution import Execution, Progress
    from imagefactory.domain.task import Task, WatchdogCheck
    from imagefactory.domain.workflow import Workflow
    from imagefactory.ports import (
        Clock,
        Encryption,
        Executions,
        ImageCodec,
        ImageModel,
        ImageStore,
        ImageUrls,
        Reservations,
        Tasks,
        Workflows,
    )
    from imagefactory.testing.model import Script

USER, KEY = "alice", "the-key-of-alice"
#: Seconds between the rounds of a watchdog.
WATCHDOG_INTERVAL = 60.0
#: The ports whose calls may fail: all but the clock, the codecs, and what is only read.
FAILING_PORTS = ("executions", "reservations", "tasks", "images", "encryption", "model")


@dataclass(frozen=True)
class Numbers:
    """What a deployment sets: the queue's rate in tasks a second, each user's limits, times in days and seconds."""

    rate: float = 1.0
    limits: Limits = field(default_factory=lambda: Limits(executions=100, prompts=50_000))
    retention_days: int = 30
    watchdog_interval: float = WATCHDOG_INTERVAL


@dataclass(frozen=True)
class Ports:
    """Everything outside; what a test does not bring is in memory. `codec` reads what the model made."""

    executions: Executions
    reservations: Reservations
    tasks: Tasks
    clock: Clock
    model: ImageModel
    images: ImageStore = field(default_factory=InMemoryImageStore)
    encryption: Encryption = field(default_factory=InMemoryEncryption)
    workflows: Workflows = field(default_factory=lambda: InMemoryWorkflows([a_workflow()]))
    image_urls: ImageUrls = field(default_factory=InMemoryImageUrls)
    codec: ImageCodec = field(default_factory=FakeImageCodec)
    reference_codec: ImageCodec = field(default_factory=FakeImageCodec)

    def watch(self, faults: Faults) -> Self:
        """The same ports, with the calls of those that may fail told to `faults`."""
        return replace(self, **{name: faults.watch(getattr(self, name), name) for name in FAILING_PORTS})


class UseCases:
    """The use cases on these ports."""

    def __init__(self, ports: Ports, numbers: Numbers) -> None:
        common: dict[str, Any] = {"executions": ports.executions, "tasks": ports.tasks, "clock": ports.clock}
        queue: dict[str, Any] = {"reservations": ports.reservations, "rate": numbers.rate}
        admission: dict[str, Any] = {"limits": numbers.limits, "watchdog_interval": numbers.watchdog_interval}
        self.generate = Generate(
            **common,
            images=ports.images,
            codec=ports.codec,
            model=ports.model,
            encryption=ports.encryption,
            retry=RetryPolicy(),
        )
        self.submit = Submit(
            **queue,
            **admission,
            workflows=ports.workflows,
            tasks=ports.tasks,
            images=ports.images,
            codec=ports.reference_codec,
            encryption=ports.encryption,
            clock=ports.clock,
            retention_days=numbers.retention_days,
        )
        self.cancel = Cancel(**common)
        self.retry = Retry(**common, **queue, **admission, encryption=ports.encryption)
        self.watchdog = Watchdog(**common, **queue, interval=numbers.watchdog_interval)
        self.show = ShowExecution(
            executions=ports.executions, image_urls=ports.image_urls, clock=ports.clock, rate=numbers.rate
        )
        self.list_executions = ListExecutions(executions=ports.executions)


@dataclass
class Factory:
    """The ports in memory as a test sees them; the use cases see the same ports through `faults`."""

    clock: ManualClock = field(default_factory=ManualClock)
    faults: Faults = field(default_factory=Faults)
    tasks: InMemoryTasks = field(default_factory=InMemoryTasks)
    images: InMemoryImageStore = field(default_factory=InMemoryImageStore)
    encryption: InMemoryEncryption = field(default_factory=InMemoryEncryption)
    workflow: Workflow = field(default_factory=a_workflow)
    reference_codec: ImageCodec = field(default_factory=FakeImageCodec)
    rate: float = 1.0
    limits: Limits = field(default_factory=lambda: Numbers().limits)

    def __post_init__(self) -> None:
        self.store = Store(self.clock)
        self.executions = InMemoryExecutions(self.store)
        self.reservations = InMemoryReservations(self.store)
        self.model = ScriptedModel(self.clock)
        self.ports = Ports(
            executions=self.executions,
            reservations=self.reservations,
            tasks=self.tasks,
            clock=self.clock,
            model=self.model,
            images=self.images,
            encryption=self.encryption,
            workflows=InMemoryWorkflows([self.workflow]),
            reference_codec=self.reference_codec,
        ).watch(self.faults)
        use_cases = UseCases(self.ports, Numbers(self.rate, self.limits))
        self.generate, self.submit, self.cancel = use_cases.generate, use_cases.submit, use_cases.cancel
        self.retry, self.watchdog = use_cases.retry, use_cases.watchdog
        self.show, self.list_executions = use_cases.show, use_cases.list_executions
        #: the rounds of watchdogs that were answered with success
        self.rounds: dict[str, CheckResult] = {}

    def accept(self, *texts: str, key: str | None = None, **what_matters: Any) -> Accepted:
        """The answer to a submit of these prompts by the user."""
        submission = a_submission(*texts, **({"api_key": KEY} | what_matters))
        return self.submit(USER, "w", submission, idempotency_key=key)

    def submit_prompts(self, *texts: str, **what_matters: Any) -> str:
        """The id of an execution of these prompts."""
        return self.accept(*texts, **what_matters).execution.id

    def store_execution(self, *texts: str, **what_matters: Any) -> Execution:
        """An execution of these prompts that is there already, with its tasks."""
        prompts = [Prompt(text) for text in texts or ("first prompt", "second prompt", "third prompt")]
        execution = an_execution(**({"prompt_count": len(prompts)} | what_matters))
        execution = self.reservations.reserve(execution).execution
        self.reservations.write_prompts(execution, prompts)
        self.reservations.accept(execution)
        results = [Result(index) for index in range(len(prompts))]
        self.tasks.enqueue(list(first_attempts(execution, results, self.clock.now(), self.rate)))
        return execution

    def script(self, script: Script) -> None:
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

    def work(self, deliveries: int = 1000) -> None:
        """Let the queue deliver so many tasks, each at its time, until none is left."""
        for _ in range(deliveries):
            if not self.tasks.waiting:
                return
            task = min(self.tasks.waiting.values(), key=lambda one: (one.schedule_at, one.batch_index))
            self.clock.move_to(task.schedule_at)
            self.generate(task.execution_id, task.batch_index, task.attempt)
            self.tasks.remove(task)

    def list_rounds(self) -> list[WatchdogCheck]:
        """The rounds of watchdogs that are still to be made, the earliest first."""
        left = [check for name, check in self.tasks.watches.items() if name not in self.rounds]
        return sorted(left, key=lambda check: check.schedule_at)

    def make_round(self) -> CheckResult:
        """Let time pass until the next round of a watchdog, and make it."""
        check = self.list_rounds()[0]
        self.clock.move_to(check.schedule_at)
        self.rounds[check.id] = self.watchdog(check)
        return self.rounds[check.id]

    def watch(self, turns: int = 60) -> None:
        """Let the watchdogs make their rounds, and deliver what is due between them, until nothing is left to do."""
        for _ in range(turns):
            if not (left := self.list_rounds()):
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
        raise AssertionError(f"rounds are still to be made: {self.list_rounds()}")

    def read_progress(self, execution_id: str) -> Progress:
        """The counters."""
        progress = self.executions.read_progress(execution_id)
        assert progress is not None
        return progress

    def read_execution(self, execution_id: str) -> Execution:
        """The execution as it is stored."""
        execution = self.executions.get(execution_id)
        assert execution is not None
        return execution

    def read_result(self, execution_id: str, index: int = 0) -> Result:
        """A result as it is stored."""
        return self.executions.results(execution_id, index, 1)[index]

    def show_page(self, execution_id: str, **page: Any) -> Any:
        """What the user sees of the execution."""
        page_shown = self.show(USER, execution_id, PageRequest(**page)).page
        assert page_shown is not None
        return views.execution_page(page_shown)
