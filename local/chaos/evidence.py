"""Gather the evidence for the invariants, from every service itself."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.chaos.invariants import Evidence
from local.threads import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import aiohttp

    from local.chaos.client import Batch, User
    from local.chaos.nemesis import Nemesis
    from local.stack.settings import Endpoints
    from local.stack.stack import Stack

MAX_IDLE_WAIT_SECONDS = 150


async def gather_evidence(
    stack: Stack, session: aiohttp.ClientSession, user: User, batches: Sequence[Batch], nemesis: Nemesis
) -> Evidence:
    """Wait until both queues are empty, at most MAX_IDLE_WAIT_SECONDS, and gather the evidence."""
    queues = await _wait_for_empty_queues(session, stack.endpoints)
    for batch in batches:
        await run_in_thread(partial(user.collect, batch))
    urls = [result.url for batch in batches for result in batch.results if result.url]
    documents = await asyncio.to_thread(_read_documents, stack.endpoints.firestore, stack.endpoints.project)
    return Evidence(
        batches=batches,
        calls=await _get_json(session, f"{stack.endpoints.gemini}/_local/calls"),
        objects=await _list_objects(session, stack.endpoints),
        executions=documents[0],
        counters=documents[1],
        documents=documents[2],
        sizes={url: await _measure_image(session, url) for url in urls},
        queues=queues,
        faults=nemesis.faults,
        leaks=await asyncio.to_thread(_find_leaks, stack.logs, user.api_key),
    )


async def _wait_for_empty_queues(session: aiohttp.ClientSession, endpoints: Endpoints) -> list[dict[str, Any]]:
    deadline = time.monotonic() + MAX_IDLE_WAIT_SECONDS
    while True:
        queues: list[dict[str, Any]] = (await _get_json(session, f"{endpoints.cloud_tasks_rest}/_local/queues"))[
            "queues"
        ]
        if time.monotonic() > deadline or not any(queue["tasks"] for queue in queues):
            return queues
        await asyncio.sleep(0.5)


async def _list_objects(session: aiohttp.ClientSession, endpoints: Endpoints) -> dict[str, Any]:
    address = f"{endpoints.storage}/storage/v1/b/{endpoints.bucket}/o?prefix=executions/&maxResults=100000"
    listing = await _get_json(session, address)
    return {each["name"]: each for each in listing.get("items", [])}


async def _measure_image(session: aiohttp.ClientSession, url: str) -> int | None:
    """The number of bytes behind an image's URL; None if it does not answer 200."""
    async with session.get(url) as answer:
        return len(await answer.read()) if answer.status == HTTPStatus.OK else None


async def _get_json(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return await answer.json()


def _find_leaks(logs: Path, api_key: str) -> list[str]:
    paths = sorted(logs.glob("*.log"))
    return [path.name for path in paths if api_key.encode() in path.read_bytes()]


def _read_documents(host: str, project: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[Any]]]:
    """Read the executions, their counters and their results, each by the execution's id."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    database = firestore.Client(project=project, credentials=AnonymousCredentials())
    try:
        stored = list(database.collection("executions").stream())
        executions = {each.id: each.to_dict() for each in stored}
        counters = {
            each.id: each.reference.collection("progress").document("counts").get().to_dict() for each in stored
        }
        results = {each.id: [row.to_dict() for row in each.reference.collection("results").stream()] for each in stored}
    finally:
        database.close()
    return executions, counters, results
