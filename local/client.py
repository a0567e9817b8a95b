"""A small client of the public HTTP API, as a user would write it; the demo uses it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from local.supervision.errors import explain_write_errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENDED = frozenset({"completed", "partially_completed", "failed", "cancelled"})
EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


class RefusedError(Exception):
    """The API refused a request; the message has the HTTP status and the body."""


@dataclass(frozen=True)
class Batch:
    """A batch to submit: one prompt a line, at most three reference images, and the model (None: the default)."""

    prompts: str
    references: tuple[Path, ...] = ()
    model: str | None = None


@dataclass(frozen=True)
class Client:
    """Calls one gateway for one user; the caller closes `session`."""

    session: aiohttp.ClientSession
    gateway: str
    token: str

    async def submit(self, workflow_id: str, api_key: str, batch: Batch) -> dict[str, Any]:
        """Submit a batch as a form; return the data of the 202 answer. Raises RefusedError."""
        form = aiohttp.FormData()
        form.add_field("prompts_text", batch.prompts)
        form.add_field("api_key", api_key)
        if batch.model is not None:
            form.add_field("model", batch.model)
        for path in batch.references:
            form.add_field("reference_images", await asyncio.to_thread(path.read_bytes), filename=path.name)
        return await self._call("POST", f"/api/workflows/{workflow_id}/execute", data=form)

    async def execution(self, execution_id: str, cursor: str | None = None) -> dict[str, Any]:
        """Get an execution's status with one page of at most 500 results. Raises RefusedError."""
        query = {"limit": "500"} | ({"cursor": cursor} if cursor else {})
        return await self._call("GET", f"/api/executions/{execution_id}", params=query)

    async def follow(self, execution_id: str, show: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Poll at the API's own interval until the execution has ended; pass every answer to `show`."""
        while True:
            data = await self.execution(execution_id)
            show(data)
            if data["status"] in ENDED:
                return data
            await asyncio.sleep(data["poll_after_ms"] / 1000)

    async def results(self, execution_id: str) -> list[dict[str, Any]]:
        """Get every result of an execution, in input order."""
        results: list[dict[str, Any]] = []
        cursor = None
        while True:
            data = await self.execution(execution_id, cursor)
            results += data["batch_results"]
            cursor = data["next_cursor"]
            if cursor is None:
                return results

    async def download(self, result: dict[str, Any], folder: Path) -> Path:
        """Write a completed result's image to `folder/INDEX.EXTENSION`; return the path.

        Raises RefusedError if the image cannot be fetched, StackError if the file cannot be written.
        """
        extension = EXTENSIONS.get(result["content_type"], "bin")
        path = folder / f"{result['batch_index']:05d}.{extension}"
        # A signed URL carries its own permission: do not send the user's token there.
        async with self.session.get(result["result_url"]) as answer:
            if answer.status != HTTPStatus.OK:
                raise RefusedError(f"The image of prompt {result['batch_index']} answers {answer.status}.")
            content = await answer.read()
        with explain_write_errors(f"The image {path}", "make room for it, or choose another folder"):
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
    """Fetch an ID token for `user` from the token issuer at `identity`."""
    async with session.get(f"{identity}/token", params={"user": user}, raise_for_status=True) as answer:
        token: str = (await answer.json())["id_token"]
    return token
