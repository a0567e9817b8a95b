"""A user that does not give up: it repeats a submit until it is accepted, with the same idempotency key."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import imagefactory_client
from imagefactory_client import ApiError, Client, ImageFactoryError, NotFound
from local.tokens import token_for

if TYPE_CHECKING:
    from imagefactory_client import Counts, Execution, Result
    from local.stack.settings import Endpoints
    from local.threads import Sleep

MAX_WAIT_SECONDS, POLL_SECONDS = 240, 0.5
ENDED_COUNTS = ("completed", "failed", "blocked", "cancelled")


@dataclass
class Batch:
    """One batch, the ids and answers that its user got, and each wrong answer in a sentence."""

    key: str
    prompts: list[str]
    ids: list[str] = field(default_factory=list)
    last_execution: Execution | None = None
    results: list[Result] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The execution's id; empty if no submit was accepted."""
        return self.ids[0] if self.ids else ""


@dataclass(frozen=True)
class User:
    """A user of the public API, through the gateway; `api_key` is the one that every batch is submitted with."""

    endpoints: Endpoints
    name: str
    api_key: str

    def carry_out(self, batch: Batch, sleep: Sleep) -> None:
        """Submit the batch twice with one key, and poll it until it has ended."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        with self._connect(sleep) as client:
            for _ in range(2):
                self._submit(client, batch, deadline, sleep)
            while batch.ids and time.monotonic() < deadline:
                if _has_ended(client, batch):
                    return
                sleep(POLL_SECONDS)

    def collect(self, batch: Batch, sleep: Sleep) -> None:
        """Get every result, page by page."""
        with self._connect(sleep) as client:
            try:
                batch.results += client.results(batch.id)
            except ImageFactoryError as error:
                batch.complaints.append(f"when all was quiet, {error}")

    def _connect(self, sleep: Sleep) -> Client:
        return Client(self.endpoints.gateway, partial(token_for, self.endpoints.identity, self.name), sleep=sleep)

    def _submit(self, client: Client, batch: Batch, deadline: float, sleep: Sleep) -> None:
        asked = imagefactory_client.Batch(batch.prompts)
        workflow = self.endpoints.workflow_id
        while time.monotonic() < deadline:
            try:
                accepted = client.submit(asked, workflow_id=workflow, api_key=self.api_key, idempotency_key=batch.key)
            except ImageFactoryError as error:
                if isinstance(error, ApiError) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    batch.complaints.append(str(error))
                sleep(1)
            else:
                batch.ids.append(accepted.execution_id)
                return
        batch.complaints.append("submit was never accepted")


def _has_ended(client: Client, batch: Batch) -> bool:
    """Whether the batch's execution has ended; notes what is wrong with the answer."""
    try:
        execution = client.execution(batch.id)
    except NotFound:
        batch.complaints.append("an accepted execution was not found")
        return False
    except ImageFactoryError:
        return False
    before = batch.last_execution.counts if batch.last_execution else None
    batch.complaints += find_faults(execution.counts, before)
    batch.last_execution = execution
    return execution.percent == 100  # noqa: PLR2004 - per cent


def find_faults(counts: Counts, before: Counts | None) -> list[str]:
    """What is wrong with these counts, by themselves and after those that were shown before, in sentences."""
    faults = []
    if sum(getattr(counts, name) for name in (*ENDED_COUNTS, "pending", "processing")) != counts.total:
        faults.append(f"counts do not sum up: {counts}")
    if before and any(getattr(counts, name) < getattr(before, name) for name in ENDED_COUNTS):
        faults.append(f"what had ended did not stay so: {before} became {counts}")
    return faults
