"""What must hold at the end, whatever was broken; each check yields a sentence for every violation."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local.chaos.client import Batch
    from local.chaos.nemesis import Blow

TERMINAL = frozenset({"completed", "failed", "blocked", "cancelled"})
MOST_ATTEMPTS = 3
#: How long after the model's answer its upload may still be under way: a fault in that time may lose the answer.
UPLOAD_SECONDS = 30


@dataclass(frozen=True)
class Evidence:
    """All that is known at the end; `leaks` are the logs that have the API key.

    Objects are by name, calls and documents as their services tell them.
    """

    batches: Sequence[Batch]
    calls: Sequence[Mapping[str, Any]]
    objects: Mapping[str, Mapping[str, Any]]
    executions: Mapping[str, Mapping[str, Any]]
    counters: Mapping[str, Mapping[str, Any]]
    documents: Mapping[str, Sequence[Mapping[str, Any]]]
    sizes: Mapping[str, int | None]
    queues: Sequence[Mapping[str, Any]]
    blows: Sequence[Blow]
    leaks: Sequence[str]


def all_ended(seen: Evidence) -> Iterator[str]:
    """Every result is in a terminal state."""
    for batch in seen.batches:
        if len(batch.results) != len(batch.prompts):
            yield f"{len(batch.results)} of {len(batch.prompts)} results are shown"
        for result in batch.results:
            if result["status"] not in TERMINAL:
                yield f"result {result['batch_index']} is {result['status']}"


def nothing_waits(seen: Evidence) -> Iterator[str]:
    """Nothing is stuck: both queues are empty, the watchdogs' too."""
    for queue in seen.queues:
        if queue["tasks"]:
            yield f"{queue['name']} still has {queue['tasks']} tasks"


def one_execution_per_key(seen: Evidence) -> Iterator[str]:
    """A submit that is repeated with its Idempotency-Key never makes a second execution."""
    for batch in seen.batches:
        if len(set(batch.ids)) != 1:
            yield f"the key {batch.key} was answered with {batch.ids}"
    if len(seen.executions) != len(seen.batches):
        yield f"{len(seen.batches)} keys made {len(seen.executions)} executions"


def counts_sum_up(seen: Evidence) -> Iterator[str]:
    """The counters are what a recount of the documents finds, and never went back while a client looked."""
    for batch in seen.batches:
        yield from batch.complaints
        found = Counter(document["status"] for document in seen.documents.get(batch.id, ()))
        counts = seen.counters.get(batch.id, {})
        if any(counts.get(status) != found[status] for status in (*TERMINAL, "processing")):
            yield f"counted {dict(counts)}, found {dict(found)}"


def one_object_each(seen: Evidence) -> Iterator[str]:
    """A completed result has exactly one readable object of the recorded size; no other shows one."""
    for batch in seen.batches:
        names = Counter(name.rpartition(".")[0] for name in seen.objects)
        for result in batch.results:
            index, url = result["batch_index"], result.get("result_url")
            if (result["status"] == "completed") != bool(url):
                yield f"result {index} is {result['status']} and has the address {url}"
            if url and seen.sizes[url] != result["bytes"]:
                yield f"result {index} is to have {result['bytes']} bytes and has {seen.sizes[url]}"
            if (count := names[f"executions/{batch.id}/{index:05d}"]) > 1:
                yield f"result {index} has {count} objects"


def few_calls(seen: Evidence) -> Iterator[str]:
    """The model is asked for a prompt no more often than the rules allow attempts."""
    for prompt, count in Counter(call["prompt"] for call in seen.calls).items():
        if count > MOST_ATTEMPTS:
            yield f"{prompt} was asked for {count} times"


def nothing_paid_twice(seen: Evidence) -> Iterator[str]:
    """Answers for a prompt ≤ 1 + those a fault lost on the way to the bucket; none is asked for once it is stored."""
    answered = defaultdict(list)
    for call in sorted(seen.calls, key=lambda call: float(call["start"])):
        if call["outcome"] == "ok":
            answered[call["prompt"]].append(call)
    stored = {name.rpartition(".")[0]: _seconds(one["timeCreated"]) for name, one in seen.objects.items()}
    for batch in seen.batches:
        for index, prompt in enumerate(batch.prompts):
            calls = answered[prompt]
            at = stored.get(f"executions/{batch.id}/{index:05d}")
            if at is not None and any(call["start"] > at for call in calls):
                yield f"{prompt} was asked for after its image was stored"
            unexplained = [call for call in calls[:-1] if not _is_lost(call, seen.blows)]
            if unexplained:
                yield f"{prompt} was paid {len(calls)} times, {len(unexplained)} without a fault"


def key_is_gone(seen: Evidence) -> Iterator[str]:
    """The caller's API key is deleted at the end, the end is noted, and no log has it."""
    for execution_id, execution in seen.executions.items():
        if execution.get("sealed_key") is not None:
            yield f"{execution_id} still has its key"
        if execution.get("state") not in ("completed", "partially_completed", "failed", "cancelled"):
            yield f"{execution_id} is {execution.get('state')}"
    yield from (f"{name} contains the key" for name in seen.leaks)


#: Every invariant, in the order of the report.
ALL = (
    *(all_ended, nothing_waits, one_execution_per_key, counts_sum_up),
    *(one_object_each, few_calls, nothing_paid_twice, key_is_gone),
)


def _is_lost(call: Mapping[str, Any], blows: Sequence[Blow]) -> bool:
    """Whether something was struck from the call's beginning until its upload must have been done."""
    until = (call["end"] or call["start"]) + UPLOAD_SECONDS
    return any(blow.start <= until and blow.end >= call["start"] for blow in blows if blow.part != "status")


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
