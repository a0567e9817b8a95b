"""`python -m local.chaos`: start a stack, run batches on it, inject faults meanwhile, and check the invariants.

A fifth of the model's calls fail, in many ways; a tenth of the tasks are delivered twice; functions are killed;
Firestore and Cloud Storage stop answering for seconds. Two tables at the end show the faults and the invariants. The
exit code is 0 only if every invariant holds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from rich.console import Console
from rich.table import Table

from local.chaos.client import Batch, User
from local.chaos.evidence import gather_evidence
from local.chaos.invariants import INVARIANTS, Evidence
from local.chaos.nemesis import Nemesis, Plan
from local.stack.ports import Ports
from local.stack.settings import Options
from local.stack.stack import Stack, run_stack
from local.supervision import signals
from local.supervision.signals import run
from local.threads import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Short times, in seconds, for a run of minutes; the user's own environment overrides them.
QUICK = {"MODEL_TIMEOUT_SECONDS": "5", "ATTEMPT_OVERHEAD_SECONDS": "12", "WATCHDOG_INTERVAL_SECONDS": "3"}
API_KEY = "the-key-that-no-log-may-have"
FAILURE_RATE, DUPLICATE_RATE = 0.2, 0.1
FAILURES = (
    *("server_error", "overloaded", "deadline_exceeded", "rate_limited_short", "timeout", "truncated", "cut_json"),
    *("empty_body", "bad_base64", "not_an_image", "html_error", "connection_reset", "no_image", "text_only"),
    *("blocked", "image_blocked", "bad_request", "no_candidates"),
)
MAX_SHOWN_VIOLATIONS = 5
SPARE_THREADS = 4


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.chaos", description="Breaks a local stack, and checks it.")
    parser.add_argument("--prompts", type=int, default=300, help="in all (default %(default)s)")
    parser.add_argument("--batches", type=int, default=3, help="submits they come in (default %(default)s)")
    parser.add_argument("--rate", type=float, default=20.0, help="tasks a second (default %(default)s)")
    parser.add_argument("--kills", type=int, default=3, help="of each function (default %(default)s)")
    parser.add_argument("--pauses", type=int, default=2, help="of Firestore and of Storage (default %(default)s)")
    parser.add_argument("--pause-seconds", type=float, default=5.0, help="(default %(default)s)")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two faults (default %(default)s)")
    parser.add_argument("--down", type=float, default=0.0, help="seconds a killed function stays down (default 0)")
    parser.add_argument("--seed", type=int, default=1, help="(default %(default)s)")
    return parser


async def run_chaos(arguments: argparse.Namespace, console: Console) -> int:
    """Run the stack, the batches and the faults; return 0 if every invariant holds, else 1."""
    options = Options(Ports.find_free(), dispatch_rate=arguments.rate, latency="0.2-1.5", restart=True)
    plan = Plan(
        arguments.seed, arguments.kills, arguments.pauses, arguments.pause_seconds, arguments.every, arguments.down
    )
    began = time.monotonic()
    async with run_stack(options, QUICK | os.environ, console.print) as stack, aiohttp.ClientSession() as session:
        watching = asyncio.create_task(stack.wait_for_crash())
        working = asyncio.create_task(break_stack(stack, session, arguments, plan))
        try:
            await asyncio.wait({watching, working}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                raise watching.result()
            evidence, fault_counts = working.result()
        finally:
            for task in (watching, working):
                task.cancel()
            await asyncio.gather(watching, working, return_exceptions=True)
    return print_report(console, arguments.seed, evidence, fault_counts, time.monotonic() - began)


async def break_stack(
    stack: Stack, session: aiohttp.ClientSession, arguments: argparse.Namespace, plan: Plan
) -> tuple[Evidence, Counter[str]]:
    """Run the batches while the nemesis injects faults; return the evidence and how often each fault occurred."""
    endpoints = stack.endpoints
    rule = {"match": None, "outcomes": list(FAILURES), "rate": FAILURE_RATE, "seed": arguments.seed}
    async with session.post(f"{endpoints.gemini}/_local/faults", json=rule, raise_for_status=True):
        pass
    copies = {"queue": endpoints.queue_path, "share": DUPLICATE_RATE}
    async with session.put(f"{endpoints.cloud_tasks_rest}/_local/duplicates", json=copies, raise_for_status=True):
        pass
    user = User(endpoints, "ada", API_KEY)
    batches = [
        Batch(f"batch-{number}", [f"batch {number}, prompt {index}" for index in range(size)])
        for number, size in enumerate(split_evenly(arguments.prompts, arguments.batches))
    ]
    # A thread for each batch, and some for the rest of the program.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(len(batches) + SPARE_THREADS))
    nemesis = Nemesis(stack.supervisor, plan)
    with contextlib.ExitStack() as cleanup:
        injecting = asyncio.create_task(nemesis.run())
        cleanup.callback(injecting.cancel)
        await asyncio.gather(*(carry_out_later(number * plan.every, user, each) for number, each in enumerate(batches)))
        await injecting
    evidence = await gather_evidence(stack, session, user, batches, nemesis)
    failed = Counter(f"model: {call['outcome']}" for call in evidence.calls if call["outcome"] != "ok")
    return evidence, nemesis.fault_counts() + failed + await count_duplicates(session, stack)


async def carry_out_later(seconds: float, user: User, batch: Batch) -> None:
    """Carry a batch out after so many seconds."""
    await asyncio.sleep(seconds)
    await run_in_thread(partial(user.carry_out, batch))


async def count_duplicates(session: aiohttp.ClientSession, stack: Stack) -> Counter[str]:
    """Count the deliveries that were copies of another."""
    async with session.get(f"{stack.endpoints.cloud_tasks_rest}/_local/deliveries?limit=5000") as answer:
        deliveries = (await answer.json())["deliveries"]
    attempts = Counter((each["task"], each["headers"].get("X-CloudTasks-TaskRetryCount")) for each in deliveries)
    return Counter({"a task delivered twice at once": sum(count - 1 for count in attempts.values())})


def split_evenly(count: int, parts: int) -> list[int]:
    """Split `count` into `parts` whole numbers that differ by at most one."""
    return [count // parts + (number < count % parts) for number in range(parts)]


def print_report(console: Console, seed: int, evidence: Evidence, fault_counts: Counter[str], seconds: float) -> int:
    """Print both tables; return 0 if no invariant is violated, else 1."""
    faults = Table("fault", "times", title=f"What was broken (seed {seed}, {seconds:.0f} s)")
    for name, times in sorted(fault_counts.items()):
        faults.add_row(name, str(times))
    console.print(faults)
    invariants = Table("invariant", "holds", title="What must hold")
    violated: list[str] = []
    for check in INVARIANTS:
        violations = list(check(evidence))
        violated += violations[:MAX_SHOWN_VIOLATIONS]
        invariants.add_row((check.__doc__ or "").splitlines()[0], f"no: {len(violations)}" if violations else "yes")
    console.print(invariants)
    console.print(summarize_results(evidence.batches))
    for line in violated:
        console.print(f"  violated: {line}", markup=False)
    return 1 if violated else 0


def summarize_results(batches: Sequence[Batch]) -> str:
    """Count the results by status and error code, in a line."""
    results = [result for batch in batches for result in batch.results]
    counts = Counter(f"{each.status} {each.error.code if each.error else ''}".strip() for each in results)
    return ", ".join(f"{times} {status}" for status, times in counts.most_common())


def main() -> int:
    """Run; return 0 if every invariant holds, else 1. Raises StackError if the stack cannot run."""
    return run(run_chaos(build_parser().parse_args(), Console(width=120)), interrupt_code=130)


if __name__ == "__main__":
    sys.exit(signals.report_errors(main))
