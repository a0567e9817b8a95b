"""The invariants: they must hold at the end of every run. Each check yields a sentence for every violation."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local.chaos.client import Batch
    from local.chaos.nemesis import InjectedFault

TERMINAL = frozenset({"completed", "failed", "blocked", "cancelled"})
MAX_ATTEMPTS = 3
#: An upload may take so long after the model's answer: a fault in that time may lose the answer.
UPLOAD_SECONDS = 30


@dataclass(frozen=True)
class Evidence:
    """The state of every service at the end of a run.

    `objects` are by name, `sizes` (bytes) by URL, `executions`, `counters` and `documents` (results) by execution id.
    `leaks` are the logs that contain the API key.
    """

    batches: Sequence[Batch]
    calls: Sequence[Mapping[str, Any]]
    objects: Mapping[str, Mapping[str, Any]]
    executions: Mapping[str, Mapping[str, Any]]
    counters: Mapping[str, Mapping[str, Any]]
    documents: Mapping[str, Sequence[Mapping[str, Any]]]
    sizes: Mapping[str, int | None]
    queues: Sequence[Mapping[str, Any]]
    faults: Sequence[InjectedFault]
    leaks: Sequence[str]


def check_all_ended(evidence: Evidence) -> Iterator[str]:
    """Every result is in a terminal state."""
    for batch in evidence.batches:
        if len(batch.results) != len(batch.prompts):
            yield f"{len(batch.results)} of {len(batch.prompts)} results are shown"
        for result in batch.results:
            if result.status not in TERMINAL:
                yield f"result {result.index} is {result.status}"


def check_queues_empty(evidence: Evidence) -> Iterator[str]:
    """Both queues are empty: the prompts' and the watchdogs'."""
    for queue in evidence.queues:
        if queue["tasks"]:
            yield f"{queue['name']} still has {queue['tasks']} tasks"


def check_one_execution_per_key(evidence: Evidence) -> Iterator[str]:
    """A repeated submit with the same Idempotency-Key never makes a second execution."""
    for batch in evidence.batches:
        if len(set(batch.ids)) != 1:
            yield f"the key {batch.key} was answered with {batch.ids}"
    if len(evidence.executions) != len(evidence.batches):
        yield f"{len(evidence.batches)} keys made {len(evidence.executions)} executions"


def check_counts(evidence: Evidence) -> Iterator[str]:
    """The counters match a recount of the documents, and never went back while a client polled."""
    for batch in evidence.batches:
        yield from batch.complaints
        recount = Counter(document["status"] for document in evidence.documents.get(batch.id, ()))
        counts = evidence.counters.get(batch.id, {})
        if any(counts.get(status) != recount[status] for status in (*TERMINAL, "processing")):
            yield f"counted {dict(counts)}, found {dict(recount)}"


def check_one_object_per_result(evidence: Evidence) -> Iterator[str]:
    """A completed result has exactly one readable object of the recorded size; no other result has one."""
    for batch in evidence.batches:
        names = Counter(name.rpartition(".")[0] for name in evidence.objects)
        for result in batch.results:
            index, url = result.index, result.url
            if (result.status == "completed") != bool(url):
                yield f"result {index} is {result.status} and has the address {url}"
            if url and evidence.sizes[url] != result.bytes:
                yield f"result {index} is to have {result.bytes} bytes and has {evidence.sizes[url]}"
            if (count := names[f"executions/{batch.id}/{index:05d}"]) > 1:
                yield f"result {index} has {count} objects"


def check_call_limit(evidence: Evidence) -> Iterator[str]:
    """The model gets no more calls for a prompt than attempts are allowed."""
    for prompt, count in Counter(call["prompt"] for call in evidence.calls).items():
        if count > MAX_ATTEMPTS:
            yield f"{prompt} was asked for {count} times"


def check_no_double_payment(evidence: Evidence) -> Iterator[str]:
    """A prompt is paid once, plus once for each answer that a fault lost before its upload; never after its upload."""
    paid_calls = defaultdict(list)
    for call in sorted(evidence.calls, key=lambda call: float(call["start"])):
        if call["outcome"] == "ok":
            paid_calls[call["prompt"]].append(call)
    stored = {name.rpartition(".")[0]: _seconds(each["timeCreated"]) for name, each in evidence.objects.items()}
    for batch in evidence.batches:
        for index, prompt in enumerate(batch.prompts):
            calls = paid_calls[prompt]
            at = stored.get(f"executions/{batch.id}/{index:05d}")
            if at is not None and any(call["start"] > at for call in calls):
                yield f"{prompt} was asked for after its image was stored"
            unexplained = [call for call in calls[:-1] if not _overlaps_fault(call, evidence.faults)]
            if unexplained:
                yield f"{prompt} was paid {len(calls)} times, {len(unexplained)} without a fault"


def check_key_deleted(evidence: Evidence) -> Iterator[str]:
    """At the end the API key is deleted, the execution has ended, and no log contains the key."""
    for execution_id, execution in evidence.executions.items():
        if execution.get("sealed_key") is not None:
            yield f"{execution_id} still has its key"
        if execution.get("state") not in ("completed", "partially_completed", "failed", "cancelled"):
            yield f"{execution_id} is {execution.get('state')}"
    yield from (f"{name} contains the key" for name in evidence.leaks)


#: Every invariant, in the order of the report.
INVARIANTS = (
    *(check_all_ended, check_queues_empty, check_one_execution_per_key, check_counts),
    *(check_one_object_per_result, check_call_limit, check_no_double_payment, check_key_deleted),
)


def _overlaps_fault(call: Mapping[str, Any], faults: Sequence[InjectedFault]) -> bool:
    """Whether a fault occurred between the call's start and the latest end of its upload."""
    upload_end = (call["end"] or call["start"]) + UPLOAD_SECONDS
    return any(
        fault.start <= upload_end and fault.end >= call["start"] for fault in faults if fault.service != "status"
    )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
