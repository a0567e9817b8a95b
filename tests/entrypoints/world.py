"""The factory on ports in memory: the use cases as in the cloud, with a clock and failures that a test controls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from imagefactory.adapters.pillow import PillowImageCodec
from imagefactory.api.app import create_app
from imagefactory.api.auth.tokens import TokenVerifier
from imagefactory.api.routes.generate import generate_routes
from imagefactory.api.routes.status import status_routes
from imagefactory.api.routes.submit import submit_routes
from imagefactory.domain.retry import RetryPolicy
from imagefactory.domain.workflow import Workflow
from imagefactory.testing import (
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
)
from imagefactory.usecases.cancel import Cancel
from imagefactory.usecases.generate import Generate
from imagefactory.usecases.list_executions import ListExecutions
from imagefactory.usecases.retry import Retry
from imagefactory.usecases.status import ShowExecution
from imagefactory.usecases.submit import Submit
from imagefactory.usecases.watchdog import Watchdog

if TYPE_CHECKING:
    from flask import Flask

    from imagefactory.settings import ApiSettings, GenerateSettings, StatusSettings, SubmitSettings

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = json.loads((ROOT / "infra/workflow.json").read_text())
RATE = 1.0
GENERATE_URL = "https://generate.test"
SERVICE_ACCOUNT = "queue@image-factory-test.iam.gserviceaccount.com"
PAGE, OTHER_PAGE = "https://page.test", "https://other.test"


class World:
    """One store, one queue and one bucket under all three functions."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.faults = Faults()
        self.store = Store(self.clock)
        self.tasks = InMemoryTasks()
        self.images = InMemoryImageStore()
        self.encryption = InMemoryEncryption()
        self.model = ScriptedModel(self.clock)
        self._links = InMemoryImageUrls()
        self._workflows = InMemoryWorkflows([Workflow.from_document(WORKFLOW["id"], WORKFLOW)])
        self._executions = self.faults.watch(InMemoryExecutions(self.store), "executions")
        self._submits = self.faults.watch(InMemoryReservations(self.store), "reservations")

    def submit_app(self, settings: SubmitSettings) -> Flask:
        """What wiring.submit makes, on this world."""
        submit = Submit(
            workflows=self._workflows,
            reservations=self._submits,
            tasks=self.tasks,
            images=self.images,
            codec=PillowImageCodec(),
            encryption=self.encryption,
            clock=self.clock,
            limits=settings.limits,
            rate=settings.dispatch_rate,
            retention_days=settings.retention_days,
            watchdog_interval=settings.watchdog_interval_seconds,
        )
        cancel = Cancel(executions=self._executions, tasks=self.tasks, clock=self.clock)
        retry = Retry(
            executions=self._executions,
            reservations=self._submits,
            tasks=self.tasks,
            encryption=self.encryption,
            clock=self.clock,
            limits=settings.limits,
            rate=settings.dispatch_rate,
            watchdog_interval=settings.watchdog_interval_seconds,
        )
        routes = submit_routes(_verifier(settings), submit, cancel, retry)
        return create_app(routes, settings.project_id, settings.origins)

    def status_app(self, settings: StatusSettings) -> Flask:
        """What wiring.status makes, on this world."""
        show = ShowExecution(
            executions=self._executions, image_urls=self._links, clock=self.clock, rate=settings.dispatch_rate
        )
        list_executions = ListExecutions(executions=self._executions)
        routes = status_routes(_verifier(settings), show, list_executions, self._workflows)
        return create_app(routes, settings.project_id, settings.origins)

    def generate_app(self, settings: GenerateSettings) -> Flask:
        """What wiring.generate makes, on this world."""
        verifier = TokenVerifier.from_jwks_url(settings.tasks_issuer, settings.generate_url, settings.tasks_jwks_url)
        watchdog = Watchdog(
            executions=self._executions,
            reservations=self._submits,
            tasks=self.tasks,
            clock=self.clock,
            rate=settings.dispatch_rate,
            interval=settings.watchdog_interval_seconds,
        )
        routes = generate_routes(verifier, settings.tasks_service_account, self.generate(), watchdog)
        return create_app(routes, settings.project_id)

    def generate(self) -> Generate:
        """The use case that tasks call."""
        return Generate(
            executions=self._executions,
            tasks=self.tasks,
            images=self.images,
            codec=FakeImageCodec(),
            model=self.model,
            encryption=self.encryption,
            clock=self.clock,
            retry=RetryPolicy(),
        )

    def work(self, deliveries: int = 1000) -> None:
        """Let the queue deliver so many tasks, each at its time, until none is left."""
        generate = self.generate()
        for _ in range(deliveries):
            if not self.tasks.waiting:
                return
            task = min(self.tasks.waiting.values(), key=lambda one: (one.schedule_at, one.batch_index))
            self.clock.move_to(task.schedule_at)
            generate(task.execution_id, task.batch_index, task.attempt)
            self.tasks.remove(task)


def _verifier(settings: ApiSettings) -> TokenVerifier:
    return TokenVerifier.from_jwks_url(
        settings.id_token_issuer,
        settings.id_token_audience,
        settings.id_token_jwks_url,
        not_before=settings.not_before,
    )
