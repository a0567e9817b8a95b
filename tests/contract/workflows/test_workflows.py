from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagefactory.adapters.firestore import FirestoreWorkflows
from imagefactory.adapters.firestore.workflows import MAX_AGE_SECONDS
from imagefactory.testing import InMemoryWorkflows, a_workflow

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from imagefactory.ports import Workflows


class Seconds:
    """A monotonic clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def stored(database: Client, seconds: Seconds) -> FirestoreWorkflows:
    database.collection("workflows").document("w").set(dict(a_workflow().document))
    return FirestoreWorkflows(database, seconds)


@pytest.fixture(params=["memory", "firestore"])
def workflows(request: pytest.FixtureRequest) -> Workflows:
    return InMemoryWorkflows([a_workflow()]) if request.param == "memory" else request.getfixturevalue("stored")


def test_a_configuration_is_read_as_it_was_written(workflows: Workflows) -> None:
    workflow = workflows.get("w")

    assert workflow == a_workflow()
    assert workflow is not None
    assert workflow.document == a_workflow().document


@pytest.mark.parametrize("workflow_id", ["another", "W", "é \x00"])
def test_a_workflow_that_is_not_there_is_none(workflows: Workflows, workflow_id: str) -> None:
    assert workflows.get(workflow_id) is None


def test_a_change_is_seen_after_a_minute_at_most(
    database: Client, stored: FirestoreWorkflows, seconds: Seconds
) -> None:
    stored.get("w")
    database.collection("workflows").document("w").update({"max_prompts": 5})

    seconds.now = MAX_AGE_SECONDS - 1
    before = stored.get("w")
    seconds.now = MAX_AGE_SECONDS
    after = stored.get("w")

    assert before is not None
    assert after is not None
    assert (before.max_prompts, after.max_prompts) == (10_000, 5)


def test_a_new_workflow_is_seen_at_once(database: Client, stored: FirestoreWorkflows) -> None:
    assert stored.get("new") is None

    database.collection("workflows").document("new").set(dict(a_workflow().document))

    assert stored.get("new") is not None
