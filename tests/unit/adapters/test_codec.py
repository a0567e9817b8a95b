"""Documents that another release wrote, or will read while a deployment replaces it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imagefactory.adapters.firestore import codec
from imagefactory.domain.execution import Acceptance
from imagefactory.testing import a_lease, a_result, an_execution

OLD_ANSWER = {
    "execution_id": "e",
    "estimated_time_seconds": 42,
    "estimated_cost_usd": 0.117,
    "warnings": ["w"],
    "urls": {"self": "/"},
}


def test_an_execution_of_the_release_before_keeps_what_its_submit_was_promised() -> None:
    document = codec.execution_document(an_execution()) | {"answer": OLD_ANSWER}
    del document["acceptance"]

    execution = codec.execution_of("e", document, None)

    assert execution.acceptance == Acceptance(42, 117_000, ("w",))


def test_a_reservation_of_the_release_before_was_promised_nothing() -> None:
    document = codec.execution_document(an_execution())
    del document["acceptance"]

    assert codec.execution_of("e", document, None).acceptance is None


def test_the_release_before_finds_the_fields_that_it_reads() -> None:
    execution = codec.execution_document(an_execution())
    result = codec.result_document(replace(a_result(), lease=a_lease()))

    assert execution["answer"] == {}
    assert set(result["lease"]) == {"owner", "until"}


@pytest.mark.parametrize("name", ["recipe", "sealed_key", "recoveries", "state"])
def test_stored_names_stay_as_they_were_first_written(name: str) -> None:
    assert name in codec.execution_document(an_execution())
