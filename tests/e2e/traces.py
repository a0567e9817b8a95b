"""Where a secret could have left a trace: everything that the stack has written anywhere, in every form."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.stack import Stack

#: So much of a secret is as good as all of it.
TELLING = 16


@dataclass(frozen=True)
class Trace:
    """A place, and what is written there."""

    place: str
    content: bytes


def forms(secret: bytes) -> Iterator[bytes]:
    """A secret, its halves where they are long enough to tell, and how each looks when it is encoded."""
    half = len(secret) // 2
    for part in {secret, secret[:half], secret[half:]} if half >= TELLING else {secret}:
        yield part
        yield part.hex().encode()
        yield quote(part, safe="").encode()
        yield json.dumps(part.decode("latin-1"))[1:-1].encode()
        for shift in range(3):
            # In the middle of other bytes a part begins at any place in a group of three; its ends are not its own.
            yield base64.b64encode(b"\0" * shift + part)[4:-4]
            yield base64.urlsafe_b64encode(b"\0" * shift + part)[4:-4]


def found(secret: bytes, traces: list[Trace]) -> list[str]:
    """The places where this secret stands, in any form."""
    looked_for = set(forms(secret))
    # An image stands in a file and in the bucket, before and after: it is looked through once.
    places: dict[bytes, set[str]] = {}
    for trace in traces:
        places.setdefault(trace.content, set()).add(trace.place)
    telling = (places[content] for content in places if any(form in content for form in looked_for))
    return sorted(set().union(*telling))


def of(stack: Stack) -> list[Trace]:
    """All there is: logs and other files of the stack, documents, tasks, and objects with what is said of them."""
    return [*logs(stack), *documents(stack), *tasks(stack), *objects(stack)]


def logs(stack: Stack) -> list[Trace]:
    """What the programs wrote, and whatever else lies in the stack's folder."""
    files = [path for path in stack.folder.rglob("*") if path.is_file()]
    return [Trace(str(path.relative_to(stack.folder)), path.read_bytes()) for path in files]


def documents(stack: Stack) -> list[Trace]:
    """Every document in the database, with its name; bytes in it also as they are."""
    return [Trace(one["name"].partition("/documents/")[2], _written(one)) for one in stack.list_documents()]


def tasks(stack: Stack) -> list[Trace]:
    """Every task that waits in a queue, with its headers and body."""
    parent = f"projects/{stack.project}/locations/{stack.location}/queues"
    waiting: list[dict[str, Any]] = []
    for queue in (stack.queue, f"{stack.queue}-watchdog"):
        query = {"responseView": "FULL", "pageSize": "1000"}
        answer = requests.get(f"{stack.cloud_tasks_rest}/v2/{parent}/{queue}/tasks", params=query, timeout=10)
        answer.raise_for_status()
        waiting += answer.json().get("tasks", [])
    return [Trace(one["name"].rpartition("/queues/")[2], _written(one)) for one in waiting]


def objects(stack: Stack) -> list[Trace]:
    """Every object in the bucket: its metadata, and its bytes."""
    listed = stack.list_objects()
    address = f"{stack.storage}/storage/v1/b/{stack.bucket}/o"
    metadata = [Trace(f"metadata of {one['name']}", _written(one)) for one in listed]
    return metadata + [
        Trace(name, requests.get(f"{address}/{quote(name, safe='')}", params={"alt": "media"}, timeout=30).content)
        for name in (one["name"] for one in listed)
    ]


def _written(value: Any) -> bytes:
    """A value as text, and beside it the bytes behind every text in it that is base64."""
    return b"\n".join([json.dumps(value, ensure_ascii=False).encode(), *_decoded(value)])


def _decoded(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _decoded(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _decoded(inner)
    elif isinstance(value, str):
        try:
            yield base64.b64decode(value, validate=True)
        except ValueError:
            return
