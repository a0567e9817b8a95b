"""What must hold at the end of a run, read from the database and the bucket themselves, past proxies and adapters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from google.cloud import firestore, storage

    from tests.chaos.factory import FailingFactory, Noted

TERMINAL = ("completed", "failed", "blocked", "cancelled")
MOST_ATTEMPTS = 3


def find_violations(
    database: firestore.Client, bucket: storage.Bucket, execution_id: str, factory: FailingFactory
) -> list[str]:
    """Every promise that does not hold, in a line each."""
    document = database.collection("executions").document(execution_id)
    execution = document.get().to_dict() or {}
    counts = document.collection("progress").document("counts").get().to_dict() or {}
    results = {int(one.id): one.to_dict() or {} for one in document.collection("results").stream()}
    blobs = list(bucket.client.list_blobs(bucket, prefix=f"executions/{execution_id}/"))
    return [
        *of_one_execution(database, execution),
        *of_counts(counts, results),
        *of_objects({blob.name: blob.size for blob in blobs}, results),
        *of_payments(factory.noted),
        *of_attempts(factory.model.calls_by_prompt(), results),
    ]


def of_one_execution(database: firestore.Client, execution: Mapping[str, Any]) -> Iterator[str]:
    """One key, one execution; at its end the key is gone."""
    executions = [one.id for one in database.collection("executions").stream()]
    if len(executions) != 1:
        yield f"one key made {len(executions)} executions"
    if execution.get("encrypted_key") is not None:
        yield "the API key is still there"
    if execution.get("state") not in ("completed", "partially_completed", "failed", "cancelled"):
        yield f"the execution is {execution.get('state')}"


def of_counts(counts: Mapping[str, Any], results: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """Every result has ended, and the counters are what a recount finds."""
    found = Counter(result["status"] for result in results.values())
    if sum(found[status] for status in TERMINAL) != counts.get("total"):
        yield f"of {counts.get('total')} results there are {dict(found)}"
    for status in (*TERMINAL, "processing"):
        if counts.get(status) != found[status]:
            yield f"{counts.get(status)} are counted as {status}, {found[status]} are"
    cost = sum(result["cost_microusd"] for result in results.values())
    if counts.get("cost_microusd") != cost:
        yield f"the cost is counted as {counts.get('cost_microusd')}, and is {cost}"


def of_objects(objects: Mapping[str, int], results: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """A completed result has one object, of the recorded name and size; no other result shows any."""
    by_index = Counter(name.rpartition("/")[2].partition(".")[0] for name in objects)
    for index, result in sorted(results.items()):
        image = result["image"]
        if (result["status"] == "completed") != (image is not None):
            yield f"result {index} is {result['status']} with the image {image}"
        if by_index[f"{index:05d}"] > 1:
            yield f"result {index} has {by_index[f'{index:05d}']} objects"
        if image and objects.get(image["name"]) != image["bytes"]:
            yield f"result {index} is to have {image['bytes']} bytes, its object {objects.get(image['name'])}"


def of_attempts(calls: Mapping[str, int], results: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """The model was called no more often than the attempts of the prompt's generations allow."""
    for index, result in sorted(results.items()):
        allowed = MOST_ATTEMPTS * (1 + result["generation"])
        if calls.get(f"prompt {index}", 0) > allowed:
            yield f"the model was called {calls[f'prompt {index}']} times for prompt {index}, {allowed} are allowed"


def of_payments(noted: Sequence[Noted]) -> Iterator[str]:
    """No attempt that began after the image was stored has called the model.

    So the answers of one prompt are at most one more than those that were lost between answer and upload.
    """
    stored: set[int] = set()
    too_late: set[int] = set()
    begun: set[int] = set()
    for index, delivery, what in noted:
        if what == "images.put":
            stored.add(index)
        elif what == "executions.apply" and delivery not in begun:
            begun.add(delivery)
            if index in stored:
                too_late.add(delivery)
        elif what == "model.generate" and delivery in too_late:
            yield f"prompt {index} was paid again after its image was stored"
