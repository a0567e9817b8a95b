"""Gathers what the checks need, from every service itself."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.chaos.invariants import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.chaos.client import Batch, Client
    from local.chaos.nemesis import Nemesis
    from local.stack.stack import Stack

QUIET_SECONDS = 150


async def gathered(stack: Stack, client: Client, batches: Sequence[Batch], nemesis: Nemesis) -> Evidence:
    """The evidence, once both queues are empty or have had their time."""
    queues = await _quiet(client)
    for batch in batches:
        await client.collect(batch)
    urls = [result["result_url"] for batch in batches for result in batch.results if result.get("result_url")]
    documents = await asyncio.to_thread(_documents, stack.state.firestore, stack.state.project)
    return Evidence(
        batches=batches,
        calls=await _json(client, f"{stack.state.gemini}/_local/calls"),
        objects=await _objects(client),
        executions=documents[0],
        counters=documents[1],
        documents=documents[2],
        sizes={url: await client.size_of(url) for url in urls},
        queues=queues,
        blows=nemesis.blows,
        leaks=await asyncio.to_thread(_leaks, stack.logs, client.api_key),
    )


async def _quiet(client: Client) -> list[dict[str, Any]]:
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        queues: list[dict[str, Any]] = (await _json(client, f"{client.state.cloud_tasks_rest}/_local/queues"))["queues"]
        if time.monotonic() > deadline or not any(queue["tasks"] for queue in queues):
            return queues
        await asyncio.sleep(0.5)


async def _objects(client: Client) -> dict[str, Any]:
    address = f"{client.state.storage}/storage/v1/b/{client.state.bucket}/o?prefix=executions/&maxResults=100000"
    listed = await _json(client, address)
    return {one["name"]: one for one in listed.get("items", [])}


async def _json(client: Client, url: str) -> Any:
    async with client.session.get(url) as answer:
        return await answer.json()


def _leaks(logs: Path, api_key: str) -> list[str]:
    paths = sorted(logs.glob("*.log"))
    return [path.name for path in paths if api_key.encode() in path.read_bytes()]


def _documents(host: str, project: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[Any]]]:
    """The executions, their counters and their results, by the execution's id."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    database = firestore.Client(project=project, credentials=AnonymousCredentials())
    try:
        found = list(database.collection("executions").stream())
        executions = {one.id: one.to_dict() for one in found}
        counters = {one.id: one.reference.collection("progress").document("counts").get().to_dict() for one in found}
        results = {one.id: [each.to_dict() for each in one.reference.collection("results").stream()] for one in found}
    finally:
        database.close()
    return executions, counters, results
