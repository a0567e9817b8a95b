"""`python -m local.chaos`: a stack of its own, a few batches, and everything that can go wrong meanwhile.

A fifth of the model's calls fail, each in a way of its own; a tenth of the tasks come twice; the functions are killed;
Firestore and Cloud Storage stop answering for seconds. At the end, two tables: what was broken, and what held. The exit
code is 0 only when everything held.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import aiohttp
from rich.console import Console
from rich.table import Table

from local.chaos.client import Batch, Client
from local.chaos.evidence import gathered
from local.chaos.invariants import ALL, Evidence
from local.chaos.nemesis import Nemesis, Plan
from local.client import token_for
from local.stack.ports import Ports
from local.stack.settings import Options
from local.stack.stack import Stack, running
from local.supervision import signals
from local.supervision.signals import run

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Times short enough for minutes, in seconds; the user's own environment goes before them.
QUICK = {"MODEL_TIMEOUT_SECONDS": "5", "OVERHEAD_SECONDS": "12", "WATCHDOG_SECONDS": "3"}
API_KEY = "the-key-that-no-log-may-have"
FAILING, TWICE = 0.2, 0.1
FAILURES = (
    *("server_error", "overloaded", "deadline_exceeded", "rate_limited_short", "timeout", "truncated", "cut_json"),
    *("empty_body", "bad_base64", "not_an_image", "html_error", "connection_reset", "no_image", "text_only"),
    *("blocked", "image_blocked", "bad_request", "no_candidates"),
)
SHOWN_VIOLATIONS = 5


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m local.chaos", description="Breaks a local stack, and checks it.")
    made.add_argument("--prompts", type=int, default=300, help="in all (default %(default)s)")
    made.add_argument("--batches", type=int, default=3, help="submits they come in (default %(default)s)")
    made.add_argument("--rate", type=float, default=20.0, help="tasks a second (default %(default)s)")
    made.add_argument("--kills", type=int, default=3, help="of each function (default %(default)s)")
    made.add_argument("--pauses", type=int, default=2, help="of Firestore and of Storage (default %(default)s)")
    made.add_argument("--pause-seconds", type=float, default=5.0, help="(default %(default)s)")
    made.add_argument("--every", type=float, default=2.0, help="seconds between two faults (default %(default)s)")
    made.add_argument("--down", type=float, default=0.0, help="seconds a killed function stays down (default 0)")
    made.add_argument("--seed", type=int, default=1, help="(default %(default)s)")
    return made


async def chaos(chosen: argparse.Namespace, console: Console) -> int:
    """The exit code: 0 when every invariant holds."""
    options = Options(Ports.free(), dispatch_rate=chosen.rate, latency="0.2-1.5", revive=True)
    plan = Plan(chosen.seed, chosen.kills, chosen.pauses, chosen.pause_seconds, chosen.every, chosen.down)
    began = time.monotonic()
    async with running(options, QUICK | os.environ, console.print) as stack, aiohttp.ClientSession() as session:
        watching = asyncio.create_task(stack.crash())
        working = asyncio.create_task(broken(stack, session, chosen, plan))
        try:
            await asyncio.wait({watching, working}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                raise watching.result()
            evidence, struck = working.result()
        finally:
            for task in (watching, working):
                task.cancel()
            await asyncio.gather(watching, working, return_exceptions=True)
    return report(console, chosen.seed, evidence, struck, time.monotonic() - began)


async def broken(
    stack: Stack, session: aiohttp.ClientSession, chosen: argparse.Namespace, plan: Plan
) -> tuple[Evidence, Counter[str]]:
    """Let the batches run while the nemesis is about; what is found then, and how often what was struck."""
    state = stack.state
    rule = {"match": None, "outcomes": list(FAILURES), "rate": FAILING, "seed": chosen.seed}
    async with session.post(f"{state.gemini}/_local/faults", json=rule, raise_for_status=True):
        pass
    copies = {"queue": state.queue_path, "share": TWICE}
    async with session.put(f"{state.cloud_tasks_rest}/_local/duplicates", json=copies, raise_for_status=True):
        pass
    client = Client(session, state, await token_for(session, state.identity, "ada"), API_KEY)
    batches = [
        Batch(f"batch-{number}", [f"batch {number}, prompt {index}" for index in range(size)])
        for number, size in enumerate(shares(chosen.prompts, chosen.batches))
    ]
    nemesis = Nemesis(stack.supervisor, plan)
    with contextlib.ExitStack() as cleared:
        striking = asyncio.create_task(nemesis.run())
        cleared.callback(striking.cancel)
        await asyncio.gather(*(later(number * plan.every, client, one) for number, one in enumerate(batches)))
        await striking
    evidence = await gathered(stack, client, batches, nemesis)
    failed = Counter(f"model: {call['outcome']}" for call in evidence.calls if call["outcome"] != "ok")
    return evidence, nemesis.struck() + failed + await twice(session, stack)


async def later(seconds: float, client: Client, batch: Batch) -> None:
    """Carry a batch out after so many seconds."""
    await asyncio.sleep(seconds)
    await client.carry_out(batch)


async def twice(session: aiohttp.ClientSession, stack: Stack) -> Counter[str]:
    """How many deliveries of a task were copies."""
    async with session.get(f"{stack.state.cloud_tasks_rest}/_local/deliveries?limit=5000") as answer:
        deliveries = (await answer.json())["deliveries"]
    seen = Counter((one["task"], one["headers"].get("X-CloudTasks-TaskRetryCount")) for one in deliveries)
    return Counter({"a task delivered twice at once": sum(count - 1 for count in seen.values())})


def shares(count: int, parts: int) -> list[int]:
    """As equal whole numbers as can be, of this sum."""
    return [count // parts + (number < count % parts) for number in range(parts)]


def report(console: Console, seed: int, evidence: Evidence, struck: Counter[str], seconds: float) -> int:
    """Print both tables; the exit code."""
    faults = Table("fault", "times", title=f"What was broken (seed {seed}, {seconds:.0f} s)")
    for name, times in sorted(struck.items()):
        faults.add_row(name, str(times))
    console.print(faults)
    promises = Table("invariant", "holds", title="What must hold")
    violated: list[str] = []
    for check in ALL:
        found = list(check(evidence))
        violated += found[:SHOWN_VIOLATIONS]
        promises.add_row((check.__doc__ or "").splitlines()[0], f"no: {len(found)}" if found else "yes")
    console.print(promises)
    console.print(ended(evidence.batches))
    for line in violated:
        console.print(f"  violated: {line}", markup=False)
    return 1 if violated else 0


def ended(batches: Sequence[Batch]) -> str:
    """How the prompts ended, in a line."""
    results = [result for batch in batches for result in batch.results]
    found = Counter(f"{one['status']} {(one.get('error') or {}).get('code', '')}".strip() for one in results)
    return ", ".join(f"{times} {status}" for status, times in found.most_common())


def main() -> int:
    """The exit code: 0 when everything held, 1 when not; raises StackError when the stack could not run."""
    return run(chaos(parser().parse_args(), Console(width=120)), interrupted=130)


if __name__ == "__main__":
    sys.exit(signals.report(main))
