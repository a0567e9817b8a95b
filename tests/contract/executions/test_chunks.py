"""How prompts are packed, which only Firestore's limits make necessary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagefactory.adapters.firestore import reservations as adapter
from imagefactory.domain.execution import Prompt
from imagefactory.testing import some_prompts

if TYPE_CHECKING:
    import pytest
    from google.cloud.firestore import Client

    from tests.contract.executions.stores import Stores

#: What a document may have.
DOCUMENT_BYTES = 1_048_576


def documents(database: Client, execution_id: str) -> list[dict[str, Any]]:
    chunks = database.collection("executions").document(execution_id).collection("prompts").stream()
    return [chunk.to_dict() or {} for chunk in chunks]


def test_ten_thousand_prompts_are_twenty_documents(firestore_stores: Stores, database: Client) -> None:
    prompts = some_prompts(10_000)

    execution = firestore_stores.accepted(prompts)

    assert len(documents(database, execution.id)) == 20
    assert execution.chunks == tuple(range(0, 10_000, 500))
    found = firestore_stores.executions.prompts(execution, range(10_000))
    assert tuple(found[index] for index in range(10_000)) == prompts


def test_long_prompts_make_more_documents_below_the_limit(firestore_stores: Stores, database: Client) -> None:
    prompts = [Prompt(f"{number:02d}" + "é" * 49_999, f"id-{number}") for number in range(30)]

    execution = firestore_stores.accepted(prompts)

    sizes = [sum(len(text.encode()) for text in chunk["texts"]) for chunk in documents(database, execution.id)]
    assert execution.chunks == (0, 8, 16, 24)
    assert max(sizes) < 900_000 < DOCUMENT_BYTES
    found = firestore_stores.executions.prompts(execution, range(30))
    assert [found[index] for index in range(30)] == prompts


def test_what_is_too_much_for_one_commit_is_written_in_several(
    firestore_stores: Stores, database: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "COMMIT_BYTES", 1_000_000)
    prompts = [Prompt("x" * 100_000) for _ in range(20)]

    execution = firestore_stores.accepted(prompts)

    assert len(documents(database, execution.id)) == 3
    assert firestore_stores.executions.prompts(execution, [19]) == {19: prompts[19]}


def test_a_chunk_is_read_once(firestore_stores: Stores, database: Client) -> None:
    execution = firestore_stores.accepted(some_prompts(3))
    firestore_stores.executions.prompts(execution, [0])
    database.recursive_delete(database.collection("executions").document(execution.id).collection("prompts"))

    assert firestore_stores.executions.prompts(execution, [2]) == {2: Prompt("prompt number 2")}


def test_every_document_says_when_it_expires(firestore_stores: Stores, database: Client) -> None:
    execution = firestore_stores.accepted()
    firestore_stores.claimed(execution)
    root = database.collection("executions").document(execution.id)

    found = [root.get(), *root.collection("prompts").stream(), *root.collection("results").stream()]
    found += root.collection("progress").stream()

    assert [one.get("expires_at") for one in found] == [execution.expires_at] * 4
