"""A seeded run through both proxies, and `python -m tests.chaos.runs`, which makes many.

With --seeds 20 --prompts 200 it takes some minutes; it prints a line for each seed and ends with 1 on any violation.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from imagefactory import log
from tests.chaos.chance import Chance
from tests.chaos.checker import find_violations
from tests.chaos.factory import FailingFactory
from tests.chaos.grpc_proxy import LOST as REPLY_LOST
from tests.chaos.grpc_proxy import GrpcProxy
from tests.chaos.http_proxy import AFTER, BEFORE, CUT, LOST, HttpProxy
from tests.chaos.loops import serve
from tests.harness.servers import connect_firestore, connect_storage, name_project, run_firestore, run_storage

if TYPE_CHECKING:
    from google.cloud import storage

FIRESTORE_FAULTS = {"unavailable": 0.06, "aborted": 0.04, REPLY_LOST: 0.06}
STORAGE_FAULTS = {BEFORE: 0.05, AFTER: 0.05, LOST: 0.03, CUT: 0.03}
DEATHS = {"of a process": 0.01}
BUCKET = "chaos"


@dataclass(frozen=True)
class Report:
    """What a run met, and what did not hold in it."""

    seed: int
    seconds: float
    struck: Counter[str]
    outcomes: dict[str, int]
    violations: list[str]

    def __str__(self) -> str:
        """A line for people."""
        verdict = "; ".join(self.violations) if self.violations else "all invariants hold"
        faults = f"{sum(self.struck.values())} faults"
        return f"seed {self.seed}: {verdict} ({faults}, {self.outcomes}, {self.seconds:.1f} s)"


def run_seed(seed: int, prompts: int, firestore_host: str, storage_url: str) -> Report:
    """Submit, generate, retry and watch over this many prompts, with faults everywhere."""
    began = time.monotonic()
    project = name_project()
    chances = [Chance(seed, FIRESTORE_FAULTS), Chance(seed + 1, STORAGE_FAULTS), Chance(seed + 2, DEATHS)]
    with contextlib.ExitStack() as stack:
        grpc_proxy = stack.enter_context(serve(GrpcProxy(firestore_host, chances[0])))
        http_proxy = stack.enter_context(serve(HttpProxy(storage_url, chances[1])))
        plain = stack.enter_context(contextlib.closing(connect_firestore(firestore_host, project)))
        session = stack.enter_context(requests.Session())
        bucket = _bucket(connect_storage(storage_url, session))
        database = stack.enter_context(contextlib.closing(connect_firestore(grpc_proxy.address, project)))
        failing_session = stack.enter_context(requests.Session())
        failing = connect_storage(http_proxy.url, failing_session).bucket(BUCKET)
        factory = FailingFactory(database, failing, chances[2], rate=100.0)
        execution_id = factory.submit_until_accepted([f"prompt {number}" for number in range(prompts)], key=str(seed))
        factory.run()
        factory.retry_until_reopened(execution_id)
        factory.run()
        found = find_violations(plain, bucket, execution_id, factory)
        counts = plain.document(f"executions/{execution_id}/progress/counts").get().to_dict() or {}
    struck = chances[0].struck + chances[1].struck + chances[2].struck
    outcomes = {name: counts[name] for name in ("completed", "failed", "blocked")}
    return Report(seed, time.monotonic() - began, struck, outcomes, found)


def _bucket(client: storage.Client) -> storage.Bucket:
    """The bucket, made when it is not there."""
    found: storage.Bucket = client.lookup_bucket(BUCKET) or client.create_bucket(BUCKET)
    return found


def main() -> int:
    """The exit code: 0 when every invariant held in every run."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.runs")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--prompts", type=int, default=200)
    chosen = parser.parse_args()
    # What fails is an error in the log; here that is thousands of lines.
    log.set_level("error")
    console, reports = sys.stdout, []
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        run_firestore() as firestore_host,
        run_storage() as storage_url,
    ):
        for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
            reports.append(run_seed(seed, chosen.prompts, firestore_host, storage_url))
            console.write(f"{reports[-1]}\n")
            console.flush()
    struck = sum((report.struck for report in reports), Counter[str]())
    for name, times in sorted(struck.items()):
        console.write(f"  {times:6d}  {name}\n")
    return 1 if any(report.violations for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
