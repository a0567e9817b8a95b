"""A client that does not give up: it repeats a submit until it is accepted, with the same Idempotency-Key."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from local.stack.settings import Endpoints

MAX_WAIT_SECONDS, POLL_SECONDS = 240, 0.5
CONNECTION_ERRORS = (aiohttp.ClientError, TimeoutError)


@dataclass
class Batch:
    """One batch, the ids and answers that its client got, and each wrong answer in a sentence."""

    key: str
    prompts: list[str]
    ids: list[str] = field(default_factory=list)
    last_answer: dict[str, Any] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The execution's id; empty if no submit was accepted."""
        return self.ids[0] if self.ids else ""


@dataclass(frozen=True)
class Client:
    """A user of the public API, through the gateway."""

    session: aiohttp.ClientSession
    endpoints: Endpoints
    token: str
    api_key: str

    async def carry_out(self, batch: Batch) -> None:
        """Submit the batch twice with one key, and poll it until it has ended."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        for _ in range(2):
            await self._submit(batch, deadline)
        while batch.ids and time.monotonic() < deadline:
            if await self._has_ended(batch):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _submit(self, batch: Batch, deadline: float) -> None:
        body = {"prompts": batch.prompts, "api_key": self.api_key}
        path = f"/api/workflows/{self.endpoints.workflow_id}/execute"
        while time.monotonic() < deadline:
            status, answer = await self._call("POST", path, json=body, headers={"Idempotency-Key": batch.key})
            if status == HTTPStatus.ACCEPTED:
                batch.ids.append(answer["data"]["execution_id"])
                return
            if status and status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.CONFLICT:
                batch.complaints.append(f"submit answered {status}")
            await asyncio.sleep(1)
        batch.complaints.append("submit was never accepted")

    async def _has_ended(self, batch: Batch) -> bool:
        status, answer = await self._call("GET", f"/api/executions/{batch.id}", params={"limit": "1"})
        if status != HTTPStatus.OK:
            if status == HTTPStatus.NOT_FOUND:
                batch.complaints.append("an accepted execution was not found")
            return False
        counts, before = answer["data"]["counts"], batch.last_answer.get("counts")
        if sum(counts.values()) != 2 * counts["total"]:
            batch.complaints.append(f"counts do not sum up: {counts}")
        if before and any(counts[name] < before[name] for name in ("completed", "failed", "blocked", "cancelled")):
            batch.complaints.append(f"what had ended did not stay so: {before} became {counts}")
        batch.last_answer = answer["data"]
        return bool(batch.last_answer["progress"] == 100)  # noqa: PLR2004 - per cent

    async def collect(self, batch: Batch) -> None:
        """Get every result, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
            status, answer = await self._call("GET", f"/api/executions/{batch.id}", params=query)
            if status != HTTPStatus.OK:
                batch.complaints.append(f"status answered {status} when all was quiet")
                return
            batch.results += answer["data"]["batch_results"]
            cursor = answer["data"]["next_cursor"]

    async def image_size(self, url: str) -> int | None:
        """The number of bytes behind an image's URL; None if it does not answer 200."""
        async with self.session.get(url) as answer:
            return len(await answer.read()) if answer.status == HTTPStatus.OK else None

    async def _call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """The status and the JSON of an answer; status 0 if none came."""
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        try:
            async with self.session.request(
                method, self.endpoints.gateway + path, headers=headers, **options
            ) as answer:
                return answer.status, await answer.json() if answer.content_type == "application/json" else None
        except CONNECTION_ERRORS:
            return 0, None
