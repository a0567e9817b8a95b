"""A batch is posted twice under one key, or while something fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Unavailable
from imagefactory.domain.execution import Phase
from imagefactory.testing import Moment
from tests.entrypoints.function import (
    EXECUTE,
    LIGHTHOUSE,
    data_of,
    error_of,
    faults_of,
)

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


def test_the_same_request_under_the_same_key_gets_its_first_answer_again(submit: Function, factory: Factory) -> None:
    headers = {"Idempotency-Key": "order-66"}
    first = submit.post(EXECUTE, json=LIGHTHOUSE, headers=headers)

    again = submit.post(EXECUTE, json=LIGHTHOUSE, headers=headers)

    assert data_of(again, 202) == data_of(first, 202)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(factory.tasks.created) == 3


def test_another_request_under_the_same_key_is_refused(submit: Function) -> None:
    headers = {"Idempotency-Key": "order-66"}
    submit.post(EXECUTE, json=LIGHTHOUSE, headers=headers)

    answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"prompts_text": "a harbour"}, headers=headers)

    error_of(answer, 422, "IDEMPOTENCY_KEY_REUSED")


def test_another_user_may_use_the_same_key(submit: Function) -> None:
    headers = {"Idempotency-Key": "order-66"}
    first = submit.post(EXECUTE, json=LIGHTHOUSE, headers=headers)

    other = submit.post(EXECUTE, json=LIGHTHOUSE | {"prompts_text": "a harbour"}, headers=headers, user="bob")

    assert data_of(other, 202)["execution_id"] != data_of(first, 202)["execution_id"]


def test_a_key_whose_first_request_is_not_done_yet_asks_for_patience(submit: Function, factory: Factory) -> None:
    headers = {"Idempotency-Key": "order-66"}
    execution_id = data_of(submit.post(EXECUTE, json=LIGHTHOUSE, headers=headers), 202)["execution_id"]
    factory.store.put(replace(factory.store.executions[execution_id], phase=Phase.RESERVED))

    answer = submit.post(EXECUTE, json=LIGHTHOUSE, headers=headers)

    error_of(answer, 409, "STILL_ACCEPTING")
    assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "schlüssel"])
def test_an_idempotency_key_that_is_none_is_refused(submit: Function, key: str) -> None:
    answer = submit.post(EXECUTE, json=LIGHTHOUSE, headers={"Idempotency-Key": key})

    assert faults_of(answer) == [("Idempotency-Key", None)]


def test_a_service_that_fails_before_the_commit_leaves_nothing(submit: Function, factory: Factory) -> None:
    factory.faults.fail("reservations.write_prompts", Moment.BEFORE, Unavailable("Firestore is down: the-key"))

    answer = submit.post(EXECUTE, json=LIGHTHOUSE)

    error = error_of(answer, 503, "UNAVAILABLE")
    assert answer.headers["Retry-After"] == "5"
    assert "the-key" not in error["message"]
    assert factory.store.executions == {}


def test_a_defect_is_answered_without_its_message_and_logged_without_it(
    submit: Function, factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    factory.faults.fail("reservations.reserve", Moment.BEFORE, KeyError("a lighthouse, the-key"))

    answer = submit.post(EXECUTE, json=LIGHTHOUSE, headers={"X-Cloud-Trace-Context": "0" * 32 + "/1;o=1"})

    error = error_of(answer, 500, "INTERNAL")
    logged = capsys.readouterr().out
    entries = [json.loads(line) for line in logged.splitlines()]
    assert "the-key" not in error["message"] + logged
    assert [entry["exception"] for entry in entries if entry["severity"] == "ERROR"] == ["KeyError"]
    assert {entry["logging.googleapis.com/trace"] for entry in entries} == {
        f"projects/image-factory-test/traces/{'0' * 32}"
    }
