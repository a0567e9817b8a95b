"""What one user may have in flight at once, as a client meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, data_of, error_of, execution_of, faults_of

if TYPE_CHECKING:
    from tests.entrypoints.apps import HttpFactory
    from tests.entrypoints.function import Function, Load


@pytest.fixture
def narrow(load: Load, factory: HttpFactory, monkeypatch: pytest.MonkeyPatch) -> Function:
    """A submit that lets each user have two executions and seven prompts in flight."""
    monkeypatch.setenv("MAX_EXECUTIONS_PER_USER", "2")
    monkeypatch.setenv("MAX_PROMPTS_PER_USER", "7")
    return load("submit", factory.submit_app)


def test_what_is_too_much_is_told_with_the_time_to_wait(narrow: Function, factory: HttpFactory) -> None:
    for _ in range(2):
        execution_of(narrow)

    answer = narrow.post(EXECUTE, json=LIGHTHOUSE)

    assert "2 of your executions are running" in error_of(answer, 429, "TOO_MANY_IN_FLIGHT")["message"]
    assert int(answer.headers["Retry-After"]) > 0
    assert len(factory.store.executions) == 2


def test_a_retry_is_counted_too(narrow: Function) -> None:
    ended = execution_of(narrow)
    data_of(narrow.post(f"/api/executions/{ended}/cancel"))
    for _ in range(2):
        execution_of(narrow)

    answer = narrow.post(f"/api/executions/{ended}/retry", json={"api_key": "k"})

    error_of(answer, 429, "TOO_MANY_IN_FLIGHT")


def test_another_user_has_room_of_their_own(narrow: Function) -> None:
    for user in ("ada", "ada", "grace"):
        execution_of(narrow, user=user)


def test_a_batch_that_could_never_run_is_a_fault_of_the_request(narrow: Function) -> None:
    answer = narrow.post(EXECUTE, json=LIGHTHOUSE | {"prompts_text": "a gull\n" * 8})

    assert faults_of(answer) == [("prompts", None)]
