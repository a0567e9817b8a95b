"""The client of client/ takes a batch from its prompts to its images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from imagefactory_client import Batch, Client, InvalidRequest, NotFound, NothingToRetry, Prompt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.stack import Stack


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with connect(stack, "client") as client:
        yield client


def connect(stack: Stack, user: str) -> Client:
    return Client(stack.gateway, lambda: stack.token(user=user))


def test_a_batch_becomes_images_in_a_folder(stack: Stack, client: Client, tmp_path: Path) -> None:
    reference = tmp_path / "reference.png"
    Image.new("RGB", (8, 8), "red").save(reference)
    batch = Batch([Prompt("a client's fox", "fox"), "a client's boat"], [reference], output_format="webp")

    accepted = client.submit(batch, workflow_id=stack.workflow_id, api_key="a-key", idempotency_key="of-the-client")
    again = client.submit(batch, workflow_id=stack.workflow_id, api_key="a-key", idempotency_key="of-the-client")
    seen = list(client.watch(accepted.execution_id, max_seconds=120))
    results = list(client.results(accepted.execution_id))
    paths = [client.download(result, tmp_path / "out") for result in results]

    assert (again.execution_id, accepted.is_replay, again.is_replay) == (accepted.execution_id, False, True)
    assert seen[-1].status == "completed"
    assert [(result.custom_id, result.prompt) for result in results] == [
        ("fox", "a client's fox"),
        (None, "a client's boat"),
    ]
    for result, path in zip(results, paths, strict=True):
        with Image.open(path) as image:
            assert (image.format, image.size) == ("WEBP", (result.width, result.height))
    assert [path.name for path in paths] == ["00000.webp", "00001.webp"]
    assert accepted.execution_id in [each.id for each in client.executions("completed")]


def test_what_fails_can_be_retried_and_is_told_as_a_change(stack: Stack, client: Client) -> None:
    stack.set_faults(match="a client's storm", outcomes=["blocked"])
    batch = Batch("a client's storm\na client's calm")
    accepted = client.submit(batch, workflow_id=stack.workflow_id, api_key="a-key")
    *_, ended = client.watch(accepted.execution_id, max_seconds=120)

    retried = client.retry(accepted.execution_id, statuses=["blocked"], api_key="a-key")
    *_, ended_again = client.watch(accepted.execution_id, max_seconds=120)
    changes = client.changes(accepted.execution_id, ended.next_since or "")

    assert (ended.status, retried.count, ended_again.status) == ("partially_completed", 1, "completed")
    assert 0 in [result.index for result in changes.results if result.status == "completed"]


def test_what_the_api_refuses_is_an_error_of_its_kind(stack: Stack, client: Client) -> None:
    accepted = client.submit(Batch(["a client's hill"]), workflow_id=stack.workflow_id, api_key="a-key")
    workflow = client.workflow(stack.workflow_id)

    with pytest.raises(InvalidRequest) as raised:
        client.submit(Batch(["a", "a client's dune"]), workflow_id=stack.workflow_id, api_key="a-key")
    with connect(stack, "somebody-else") as other, pytest.raises(NotFound):
        other.cancel(accepted.execution_id)
    client.cancel(accepted.execution_id)
    *_, ended = client.watch(accepted.execution_id, max_seconds=120)

    assert [(detail.field, detail.index) for detail in raised.value.details] == [("prompts", 0)]
    assert ended.has_ended
    assert workflow.default_model in workflow.models
    if ended.status == "completed":
        with pytest.raises(NothingToRetry):
            client.retry(accepted.execution_id, api_key="a-key")
