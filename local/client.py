"""A small client of the public HTTP API, for the demo: what a program of a user would do, and nothing more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from local.supervision.errors import writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENDED = frozenset({"completed", "partially_completed", "failed", "cancelled"})
EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


class RefusedError(Exception):
    """The API did not do what it was asked; the message gives its status and its own words."""


@dataclass(frozen=True)
class Batch:
    """What to ask for: prompts one a line, at most three images to refer to, and the model (None: the default)."""

    prompts: str
    references: tuple[Path, ...] = ()
    model: str | None = None


@dataclass(frozen=True)
class Client:
    """Talks to one gateway for one user. `session` is the caller's to close."""

    session: aiohttp.ClientSession
    gateway: str
    token: str

    async def submit(self, workflow_id: str, api_key: str, batch: Batch) -> dict[str, Any]:
        """Submits a batch as a form; returns the data of the 202 answer."""
        form = aiohttp.FormData()
        form.add_field("prompts_text", batch.prompts)
        form.add_field("api_key", api_key)
        if batch.model is not None:
            form.add_field("model", batch.model)
        for path in batch.references:
            form.add_field("reference_images", await asyncio.to_thread(path.read_bytes), filename=path.name)
        return await self._call("POST", f"/api/workflows/{workflow_id}/execute", data=form)

    async def execution(self, execution_id: str, cursor: str | None = None) -> dict[str, Any]:
        """How an execution stands, with one page of its results."""
        query = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
        return await self._call("GET", f"/api/executions/{execution_id}", params=query)

    async def follow(self, execution_id: str, show: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Polls until the execution has ended, as often as the API asks; `show` sees every answer."""
        while True:
            data = await self.execution(execution_id)
            show(data)
            if data["status"] in ENDED:
                return data
            await asyncio.sleep(data["poll_after_ms"] / 1000)

    async def results(self, execution_id: str) -> list[dict[str, Any]]:
        """Every result of an execution, page by page, in input order."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            data = await self.execution(execution_id, cursor)
            found += data["batch_results"]
            cursor = data["next_cursor"]
            if cursor is None:
                return found

    async def download(self, result: dict[str, Any], folder: Path) -> Path:
        """Writes a completed result's image into `folder`, named by its index and kind, or raises StackError."""
        extension = EXTENSIONS.get(result["content_type"], "bin")
        path = folder / f"{result['batch_index']:05d}.{extension}"
        # A signed address carries its own permission: the user's token does not go there.
        async with self.session.get(result["result_url"]) as answer:
            if answer.status != HTTPStatus.OK:
                raise RefusedError(f"The image of prompt {result['batch_index']} answers {answer.status}.")
            content = await answer.read()
        with writing(f"The image {path}", "make room for it, or choose another folder"):
            await asyncio.to_thread(path.write_bytes, content)
        return path

    async def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(method, self.gateway + path, headers=headers, **arguments) as answer:
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise RefusedError(f"{method} {path} answers {answer.status}: {await answer.text()}")
            content = await answer.json()
        data: dict[str, Any] = content["data"]
        return data


async def token_for(session: aiohttp.ClientSession, identity: str, user: str) -> str:
    """An ID token from the local token issuer."""
    async with session.get(f"{identity}/token", params={"user": user}, raise_for_status=True) as answer:
        token: str = (await answer.json())["id_token"]
    return token
