from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import Acceptance, EncryptedSecret, ExecutionStatus, Phase, Prompt
from imagefactory.domain.generation import Reference
from imagefactory.domain.limits import InFlight
from imagefactory.domain.result import Result
from imagefactory.testing import START, an_execution, some_parameters, some_prompts

if TYPE_CHECKING:
    from tests.contract.executions.stores import Stores

RESERVED = Phase.RESERVED


def test_an_id_can_be_reserved_once(stores: Stores) -> None:
    asked = an_execution(phase=RESERVED, fingerprint="the first")

    first = stores.reservations.reserve(asked)
    second = stores.reservations.reserve(replace(asked, fingerprint="the second"))

    assert (first.is_ours, second.is_ours) == (True, False)
    assert first.execution == second.execution == asked


def test_a_reservation_is_seen_by_nobody_else(stores: Stores) -> None:
    reserved = stores.reserved(phase=RESERVED)

    executions = stores.executions
    assert executions.get(reserved.id) is None
    assert executions.load(reserved.id, 0) == (None, None)
    assert executions.read_progress(reserved.id) is None
    assert executions.list_by_user(reserved.user, None, None, 10) == []
    assert list(stores.reservations.count_pending_elsewhere(10)) == []


def test_a_dead_submits_reservation_can_be_taken_over_once(stores: Stores) -> None:
    dead = stores.reserved(phase=RESERVED)
    ours, theirs = replace(dead, fingerprint="ours"), replace(dead, fingerprint="theirs")

    taken = stores.reservations.take_over(dead, ours)

    assert (taken.is_ours, taken.execution) == (True, ours)
    with pytest.raises(Conflict):
        stores.reservations.take_over(dead, theirs)
    assert stores.reservations.reserve(dead).execution == ours


def test_a_released_id_is_free_again(stores: Stores) -> None:
    reserved = stores.reserved(phase=RESERVED)

    stores.reservations.release(reserved)
    stores.reservations.release(reserved)

    assert stores.reservations.reserve(reserved).is_ours


def test_releasing_what_was_taken_over_changes_nothing(stores: Stores) -> None:
    dead = stores.reserved(phase=RESERVED)
    taken = stores.reservations.take_over(dead, replace(dead, fingerprint="ours")).execution

    stores.reservations.release(dead)

    assert stores.reservations.reserve(dead).execution == taken


def test_releasing_what_was_accepted_changes_nothing(stores: Stores) -> None:
    reserved = stores.reserved(phase=RESERVED)
    accepted = replace(reserved, phase=Phase.ACCEPTED)
    stores.reservations.accept(accepted)

    stores.reservations.release(reserved)

    assert stores.executions.get(reserved.id) == accepted


def test_an_overdue_reservation_expires_and_its_submit_cannot_accept(stores: Stores) -> None:
    late = stores.reserved(phase=RESERVED, accepting_until=START)

    stores.reservations.expire(late.id, START)
    stores.reservations.expire(late.id, START)

    with pytest.raises(Conflict):
        stores.reservations.accept(replace(late, phase=Phase.ACCEPTED))
    assert stores.reservations.reserve(late).is_ours


def test_a_reservation_that_is_in_time_does_not_expire(stores: Stores) -> None:
    reserved = stores.reserved(phase=RESERVED, accepting_until=START)

    stores.reservations.expire(reserved.id, START - timedelta(seconds=1))

    assert not stores.reservations.reserve(reserved).is_ours


def test_what_was_accepted_does_not_expire(stores: Stores) -> None:
    accepted = stores.accepted(accepting_until=START)

    with pytest.raises(Conflict):
        stores.reservations.expire(accepted.id, START + timedelta(days=1))

    assert stores.executions.get(accepted.id) == accepted


def test_an_accepted_execution_exists_with_all_that_was_asked(stores: Stores) -> None:
    references = (Reference("executions/e/references/0.webp", "image/webp"), Reference("r", "image/png"))
    parameters = some_parameters(
        model="large", image_size="4K", resolution="4K", output_format="jpg", timeout_base=240.0, references=references
    )
    asked = an_execution(
        parameters=parameters,
        metadata={"job": "42", "a.b": "c", "é `'\"\\": "\x00\u2028", "k" * 64: "v" * 512, "$x[0]": "~*/"},
        encrypted_key=EncryptedSecret("projects/p/secrets/s/versions/1", bytes(range(12)), bytes(range(256))),
        acceptance=Acceptance(42, 117_000, ("w",)),
    )

    stores.reservations.reserve(replace(asked, phase=RESERVED))
    reserved = stores.reservations.reserve(asked).execution
    stores.reservations.accept(replace(asked, version=reserved.version))

    assert stores.executions.get(asked.id) == asked
    progress = stores.progress(asked)
    assert (progress.execution_id, progress.user, progress.total) == (asked.id, "alice", 3)
    assert (progress.status, progress.pending, progress.cost_microusd) == (ExecutionStatus.QUEUED, 3, 0)
    assert (progress.started_at, progress.version != "") == (None, True)
    assert progress.updated_at is not None


@pytest.mark.parametrize("key", ["__reserved__", "__name__"])
def test_no_metadata_a_caller_may_send_is_too_odd_to_store(stores: Stores, key: str) -> None:
    accepted = stores.accepted(metadata={key: "v"})

    assert accepted.metadata == {key: "v"}


def test_a_submit_that_was_taken_over_cannot_accept(stores: Stores) -> None:
    dead = stores.reserved(phase=RESERVED)
    stores.reservations.take_over(dead, replace(dead, fingerprint="ours"))

    with pytest.raises(Conflict):
        stores.reservations.accept(replace(dead, phase=Phase.ACCEPTED))

    assert stores.executions.get(dead.id) is None
    assert stores.executions.read_progress(dead.id) is None


def test_a_submit_that_was_released_cannot_accept(stores: Stores) -> None:
    reserved = stores.reserved(phase=RESERVED)
    stores.reservations.release(reserved)

    with pytest.raises(Conflict):
        stores.reservations.accept(replace(reserved, phase=Phase.ACCEPTED))


def test_marking_changes_the_phase_alone(stores: Stores) -> None:
    accepted = stores.accepted()

    stores.reservations.mark_enqueued(accepted.id)

    assert stores.executions.get(accepted.id) == replace(accepted, phase=Phase.ENQUEUED)
    with pytest.raises(Conflict):
        stores.reservations.mark_enqueued("none")


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1500])
def test_prompts_come_back_as_they_were_given(stores: Stores, count: int) -> None:
    prompts = some_prompts(count)
    execution = stores.accepted(prompts)

    indexes = sorted({0, count // 2, count - 1})

    assert stores.executions.prompts(execution, indexes) == {index: prompts[index] for index in indexes}
    assert stores.executions.prompts(execution, []) == {}


def test_prompts_keep_every_oddity_and_their_custom_ids(stores: Stores) -> None:
    prompts = [
        Prompt("a\x00b\x1f"),
        Prompt("\u202eright to left", "id-1"),
        Prompt("cafe\u0301 vs caf\u00e9", "\x00"),
        Prompt("👩‍👩‍👧 \U0010ffff\ufeff"),
        Prompt("line\u2028separator\u0085next"),
    ]
    execution = stores.accepted(prompts)

    found = stores.executions.prompts(execution, range(5))

    assert [found[index] for index in range(5)] == prompts


def test_what_remains_are_the_tallies_of_those_not_closed(stores: Stores) -> None:
    waiting, running, ended = stores.accepted(5), stores.accepted(3), stores.accepted(1)
    stores.reserved(phase=RESERVED)
    stores.claimed(running)
    stores.moved(ended, None, Result(0).cancelled())
    stores.executions.close(ended, ExecutionStatus.CANCELLED)

    remaining = stores.reservations.count_pending_elsewhere(10)

    assert sorted(remaining) == [2, 5]
    assert len(stores.reservations.count_pending_elsewhere(1)) == 1
    assert waiting.final_status is None


def test_what_a_user_has_in_flight_is_what_has_not_ended(stores: Stores) -> None:
    user = "carol"
    running = stores.accepted(5, user=user)
    stores.completed(running, 0)
    ended = stores.accepted(3, user=user)
    stores.executions.close(ended, ExecutionStatus.FAILED)
    stores.accepted(50, user="dave")
    reserved = stores.reserved(user=user, phase=RESERVED, prompt_count=7, accepting_until=START + timedelta(seconds=1))
    stores.reserved(user=user, phase=RESERVED, prompt_count=70, accepting_until=START)

    reservations = stores.reservations
    assert reservations.in_flight(user, "none", START) == InFlight(executions=2, prompts=4 + 7)
    assert reservations.in_flight(user, running.id, START) == InFlight(executions=1, prompts=7)
    assert reservations.in_flight(user, reserved.id, START) == InFlight(executions=1, prompts=4)
    assert reservations.in_flight("erin", "none", START) == InFlight()
