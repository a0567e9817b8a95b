"""Hostile requests to the staged functions in their own processes: each is refused, and none leaves a trace."""

from __future__ import annotations

import itertools
import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from imagefactory.api import errors as http_errors  # noqa: F401 - ClientError has more kinds there
from imagefactory.domain.errors import ClientError
from tests.hostile.client import bytes_of, sent
from tests.hostile.entries import ENTRIES
from tests.hostile.row import Row
from tests.hostile.tokens import headers_of

if TYPE_CHECKING:
    from tests.harness.stack import Stack
    from tests.hostile.client import Reply
    from tests.hostile.entries import Entry
    from tests.hostile.row import Transport

    Tokens = dict[str, tuple[str, ...]]

#: How many are sent in all, and how many at once.
REQUESTS = int(os.environ.get("HOSTILE_REQUESTS", "5000"))
AT_ONCE = 8
#: What a process may hold more afterwards, in MB: less than a single body of the largest size.
GROWTH = 24
#: Above this a request is sent once and not again.
LIGHT_BYTES = 100_000

STATUSES = {kind.code: kind.status for kind in ClientError.__subclasses__()}


@dataclass(frozen=True)
class Shot:
    """A request, ready to be sent."""

    address: str
    data: bytes
    row: Row | Transport

    def fault(self) -> str | None:
        """Send it; what is wrong with the reply."""
        reply = sent(self.address, self.data)
        return None if _is_right(self.row, reply) else f"{self.row.name}: {reply.status} {reply.body[:200]!r}"


@pytest.fixture(scope="session")
def tokens(stack: Stack) -> dict[str, Tokens]:
    """The Authorization headers for each function, by what is wrong with them."""
    user, task = stack.token(user="mallory"), stack.read_task_token()
    users_key, queues_key = stack.read_keys()
    others = {
        "expired": stack.token(user="mallory", expires_in="-61"),
        "of another audience": stack.token(user="mallory", audience="another-project"),
        "a task's": task,
    }
    users = headers_of(user, users_key, others)
    foreign = {
        "a user's": user,
        "a user's for this audience": stack.token(user="ada", audience=stack.generate),
    }
    return {"submit": users, "status": users, "generate": headers_of(task, queues_key, foreign)}


def shots(stack: Stack, tokens: dict[str, Tokens], entry: Entry) -> list[Shot]:
    own = tokens[entry.function]
    rows: list[Row | Transport] = [*entry.rows([name for name in own if name != "good"]), *entry.transports()]
    assert len({row.name for row in rows}) == len(rows), "a name stands for one request"
    return [Shot(stack.state[entry.function], bytes_of(row, entry, own), row) for row in rows]


def faults(shots: list[Shot]) -> list[str]:
    """Everything that is wrong with the replies."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [fault for fault in pool.map(Shot.fault, shots) if fault]


def _is_right(row: Row | Transport, reply: Reply) -> bool:
    if not row.code:
        assert not isinstance(row, Row)
        return reply.status in row.statuses
    if reply.status != STATUSES[row.code] or not reply.headers.get("x-request-id"):
        return False
    if isinstance(row, Row) and row.method == "HEAD":
        return not reply.body
    answer = reply.json()
    return (
        isinstance(answer, dict)
        and set(answer) == {"success", "error"}
        and answer["success"] is False
        and set(answer["error"]) == {"code", "message", "details"}
        and answer["error"]["code"] == row.code
        and bool(answer["error"]["message"])
        and reply.headers["content-type"] == "application/json"
        and reply.headers["x-content-type-options"] == "nosniff"
        and "set-cookie" not in reply.headers
    )


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in ENTRIES])
def test_every_hostile_request_is_refused_as_documented_and_nothing_is_stored(
    stack: Stack, tokens: dict[str, Tokens], entry: Entry
) -> None:
    ready = shots(stack, tokens, entry)
    before, worker = stack.read_stored(), stack.find_worker(entry.function)

    wrong = faults(ready)

    assert len(ready) >= 60
    assert wrong == []
    assert stack.read_stored() == before
    assert stack.find_worker(entry.function) == worker, "the process has not been replaced"


def test_after_thousands_of_them_the_processes_hold_no_more_than_before(
    stack: Stack, tokens: dict[str, Tokens], capsys: pytest.CaptureFixture[str]
) -> None:
    ready = [shot for entry in ENTRIES for shot in shots(stack, tokens, entry) if len(shot.data) <= LIGHT_BYTES]
    random.Random(7).shuffle(ready)  # noqa: S311 - no secret, and the same every time
    # A first round: every path of the code has run, every pool has its size.
    faults(ready)
    workers = {name: stack.find_worker(name) for name in ("submit", "status", "generate")}
    before, held = stack.read_stored(), {name: worker.memory() for name, worker in workers.items()}

    wrong = faults(list(itertools.islice(itertools.cycle(ready), REQUESTS)))

    after = {name: worker.memory() for name, worker in workers.items()}
    with capsys.disabled():
        told = ", ".join(f"{name} {held[name]:.0f} -> {after[name]:.0f} MB" for name in workers)
        print(f"\n{REQUESTS} hostile requests: {told}")  # noqa: T201 - the figures are what a long run is for
    assert wrong == []
    assert {name: stack.find_worker(name) for name in workers} == workers
    assert all(after[name] <= held[name] + GROWTH for name in workers), (held, after)
    assert stack.read_stored() == before
