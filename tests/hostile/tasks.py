"""Bodies for generate that are no task of the queue."""

from __future__ import annotations

import gzip
import json
from typing import Any

from tests.hostile.row import JSON_TYPE, MALFORMED, NO_TOKEN, NO_TYPE, NOBODY_HAS, TOO_LARGE, Row

TASK = {"execution_id": NOBODY_HAS, "batch_index": 0, "attempt": 1}
ROUND = {"since": "2026-11-22T12:00:00+00:00", "round": 1, "seen": "", "idle": 0}
WATCH = {"execution_id": NOBODY_HAS, "watch": ROUND}


def task(**changes: Any) -> bytes:
    """A task with these fields in place of the good ones."""
    return json.dumps(TASK | changes).encode()


def watch(**changes: Any) -> bytes:
    """A watchdog's round with these fields in place of the good ones."""
    return json.dumps(WATCH | {"watch": ROUND | changes}).encode()


_TASKS: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("half an object", b"{"),
    ("an empty object", b"{}"),
    ("null", b"null"),
    ("a list", b"[]"),
    ("a string", b'"text"'),
    ("a number", b"7"),
    ("no UTF-8", b"\xff\xfe"),
    ("UTF-16", json.dumps(TASK).encode("utf-16")),
    ("deep lists", b"[" * 100_000),
    ("deep objects", b'{"execution_id":' * 50_000),
    ("two tasks", task() + task()),
    ("a list of tasks", b"[" + task() + b"]"),
    ("a name twice", b'{"execution_id":"' + NOBODY_HAS.encode() + b'","execution_id":"x","batch_index":0,"attempt":1}'),
    ("an id as a number", task(execution_id=7)),
    ("an id as a list", task(execution_id=[NOBODY_HAS])),
    ("an id of nothing", task(execution_id="")),
    ("an id as null", task(execution_id=None)),
    ("an id that goes on", task(execution_id=f"{NOBODY_HAS}/results/00000")),
    ("an id that goes up", task(execution_id=f"../{NOBODY_HAS}")),
    ("an id of dots", task(execution_id="..")),
    ("an id with a line end", task(execution_id=f"{NOBODY_HAS}\n")),
    ("an id in capitals", task(execution_id=NOBODY_HAS.replace("0", "A"))),
    ("an id in braces", task(execution_id=f"{{{NOBODY_HAS}}}")),
    ("an id of other digits", task(execution_id=NOBODY_HAS.replace("0", "\u0660"))),
    ("an id of a megabyte", task(execution_id="a" * 1_000_000)),
    ("an id that Firestore keeps for itself", task(execution_id="__all__")),
    ("half a character in an id", task(execution_id="\ud800")),
    ("an index as a string", task(batch_index="0")),
    ("an index as true", task(batch_index=True)),
    ("an index as a float", task(batch_index=0.0)),
    ("an index as NaN", task(batch_index=float("nan"))),
    ("an index as infinity", task(batch_index=float("inf"))),
    ("an index as null", task(batch_index=None)),
    ("an index as an object", task(batch_index={"$gt": 0})),
    ("an attempt as null", task(attempt=None)),
    ("an attempt as a string", task(attempt="1")),
    ("an attempt as a list", task(attempt=[1])),
    ("an attempt as false", task(attempt=False)),
    ("no index", json.dumps({"execution_id": NOBODY_HAS, "attempt": 1}).encode()),
    ("no attempt", json.dumps({"execution_id": NOBODY_HAS, "batch_index": 0}).encode()),
    ("an index of 5000 digits", b'{"execution_id":"x","batch_index":1' + b"0" * 5000 + b',"attempt":1}'),
    ("a watch as null", json.dumps(WATCH | {"watch": None}).encode()),
    ("a watch as a list", json.dumps(WATCH | {"watch": []}).encode()),
    ("a watch as a string", json.dumps(WATCH | {"watch": "x"}).encode()),
    ("a watch as a number", json.dumps(WATCH | {"watch": 1}).encode()),
    ("a watch of nothing", json.dumps(WATCH | {"watch": {}}).encode()),
    ("a watch without an id", json.dumps({"watch": ROUND}).encode()),
    ("a watch of an id that goes up", json.dumps(WATCH | {"execution_id": "../x"}).encode()),
    ("a watch since yesterday", watch(since="yesterday")),
    ("a watch without an offset", watch(since="2026-11-22T12:00:00")),
    ("a watch since a number", watch(since=7)),
    ("a watch since null", watch(since=None)),
    ("a round as a string", watch(round="1")),
    ("a round as a float", watch(round=1.5)),
    ("nothing seen", watch(seen=None)),
    ("a list seen", watch(seen=[])),
    ("idle as true", watch(idle=True)),
    ("idle as null", watch(idle=None)),
]

# The queue's own headers, which anybody can write.
_FORGED = (
    ("X-CloudTasks-QueueName", "image-generation"),
    ("X-CloudTasks-TaskName", "1"),
    ("X-CloudTasks-TaskRetryCount", "0"),
    ("X-AppEngine-QueueName", "image-generation"),
    ("X-AppEngine-TaskName", "1"),
    ("User-Agent", "Google-Cloud-Tasks"),
    ("X-Serverless-Authorization", "Bearer garbage"),
    (
        "X-Goog-Authenticated-User-Email",
        "accounts.google.com:tasks-invoker@image-factory-local.iam.gserviceaccount.com",
    ),
)

TASKS = [
    *(Row(f"a task: {name}", MALFORMED, sent, JSON_TYPE) for name, sent in _TASKS),
    Row("a task: more values than any has", TOO_LARGE, task(execution_id=[[]] * 130_000), JSON_TYPE),
    Row("a compressed task", NO_TYPE, gzip.compress(task()), JSON_TYPE, (("Content-Encoding", "gzip"),)),
    *(
        Row(f"the queue's headers, with {token}", NO_TOKEN, task(), JSON_TYPE, _FORGED, token=token)
        for token in ("no header", "a user's")
    ),
]
