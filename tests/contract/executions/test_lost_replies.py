"""A commit that was applied and whose reply was lost: the client's own retry then fails on our own write.

The connection is the real one, to the emulator; only the reply is withheld, once, as a broken connection would.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from imagefactory.adapters.firestore import FirestoreExecutions, FirestoreReservations
from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import ExecutionStatus, Phase
from imagefactory.domain.result import Result
from imagefactory.ports import Transition
from imagefactory.testing import a_lease, a_stored_image, an_execution
from tests.contract.executions.stores import Stores
from tests.harness.servers import connect_firestore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class LostReply(grpc.RpcError):
    """What a client sees when the connection breaks."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "the connection broke"

    def trailing_metadata(self) -> tuple[()]:
        return ()

    def result(self) -> None:
        raise self


class Connection(grpc.UnaryUnaryClientInterceptor):
    """Loses the replies of the next `lose` commits; between a commit and its retry, `meanwhile` happens once."""

    def __init__(self) -> None:
        self.lose = 0
        self.commits = 0
        self.meanwhile: Callable[[], object] | None = None

    def intercept_unary_unary(self, continuation: Any, call_details: Any, request: Any) -> Any:
        answer = continuation(call_details, request)
        if not call_details.method.endswith("/Commit"):
            return answer
        self.commits += 1
        if self.lose:
            self.lose -= 1
            if self.meanwhile:
                happen, self.meanwhile = self.meanwhile, None
                happen()
            raise LostReply
        return answer


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.fixture
def stores(firestore_host: str, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    client = connect_firestore(firestore_host)
    plain: Any = client._emulator_channel  # noqa: SLF001 - the place where the emulator's channel is made

    def watched(transport: Any) -> Any:
        intercept: Any = grpc.intercept_channel
        return intercept(plain(transport), connection)

    monkeypatch.setattr(client, "_emulator_channel", watched)
    yield Stores(FirestoreExecutions(client), FirestoreReservations(client), tick=lambda: None)
    client.close()


def test_a_claim_whose_reply_is_lost_is_ours(stores: Stores, connection: Connection) -> None:
    execution = stores.accepted()
    connection.lose = 1

    claimed = stores.claimed(execution)

    assert stores.executions.load(execution.id, 0)[1] == claimed
    assert stores.progress(execution).processing == 1


def test_a_result_moved_under_a_lost_reply_can_be_moved_on(stores: Stores, connection: Connection) -> None:
    execution = stores.accepted()
    connection.lose = 1
    claimed = stores.claimed(execution)
    connection.lose = 1

    moved = stores.executions.apply(execution, [Transition(claimed, claimed.completed(a_stored_image(), 39_000, 1))])

    progress = stores.progress(execution)
    assert (progress.processing, progress.completed, progress.cost_microusd, moved.ended) == (0, 1, 39_000, 1)
    stores.moved(execution, moved.results[0], moved.results[0].reopened())
    assert stores.progress(execution).pending == 3


def test_a_reopening_under_a_lost_reply_can_be_gone_on_from(stores: Stores, connection: Connection) -> None:
    execution = stores.accepted()
    ended = [stores.moved(execution, None, Result(index).cancelled()) for index in range(2)]
    connection.lose = 1

    first = stores.executions.reopen(execution, None, [Transition(ended[0], ended[0].reopened())])
    second = stores.executions.reopen(first.execution, None, [Transition(ended[1], ended[1].reopened())])

    assert stores.now(execution) == second.execution
    assert (stores.progress(execution).pending, stores.progress(execution).cancelled) == (3, 0)


def test_a_reply_that_is_lost_twice_counts_once(stores: Stores, connection: Connection) -> None:
    execution = stores.accepted()
    connection.lose = 2

    moved = stores.executions.apply(execution, [Transition(None, Result(index).cancelled()) for index in range(3)])

    assert moved.ended == 3
    assert stores.progress(execution).cancelled == 3


def test_the_last_one_learns_that_it_was_the_last_in_spite_of_a_lost_reply(
    stores: Stores, connection: Connection
) -> None:
    execution = stores.accepted(2)
    stores.completed(execution, 0)
    claimed = stores.claimed(execution, 1)
    connection.lose = 1

    moved = stores.executions.apply(execution, [Transition(claimed, claimed.completed(a_stored_image(), 39_000, 1))])

    assert moved.ended == 2


def test_a_result_that_somebody_else_moved_meanwhile_conflicts(stores: Stores, connection: Connection) -> None:
    execution = stores.accepted()
    taken = Result(0).claimed(a_lease())
    connection.meanwhile = lambda: stores.moved(execution, stores.executions.load(execution.id, 0)[1], taken)
    connection.lose = 1

    with pytest.raises(Conflict):
        stores.claimed(execution)

    assert stores.executions.load(execution.id, 0)[1] == taken


def test_a_reservation_whose_reply_is_lost_is_ours(stores: Stores, connection: Connection) -> None:
    connection.lose = 1

    reservation = stores.reservations.reserve(an_execution(phase=Phase.RESERVED))

    assert reservation.is_ours
    stores.reservations.accept(replace(reservation.execution, phase=Phase.ACCEPTED))


def test_a_reservation_that_was_released_meanwhile_conflicts(stores: Stores) -> None:
    holder = stores.reserved(phase=Phase.RESERVED)
    reads: list[str] = []
    get = stores.reservations._layout.execution  # type: ignore[attr-defined] # noqa: SLF001 - to slip in before the read

    def released_in_between(execution_id: str) -> Any:
        reads.append(execution_id)
        return _Released(get(execution_id), lambda: stores.reservations.release(holder))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores.reservations._layout, "execution", released_in_between)  # type: ignore[attr-defined] # noqa: SLF001 - as above
        with pytest.raises(Conflict):
            stores.reservations.reserve(holder)

    assert reads


class _Released:
    """A reference to a document that is gone when it is read."""

    def __init__(self, reference: Any, release: Callable[[], None]) -> None:
        self._reference, self._release = reference, release

    def create(self, document: Any, **options: Any) -> Any:
        return self._reference.create(document, **options)

    def delete(self, **options: Any) -> Any:
        return self._reference.delete(**options)

    def get(self, **options: Any) -> Any:
        self._release()
        return self._reference.get(**options)


def test_a_takeover_whose_reply_is_lost_is_ours(stores: Stores, connection: Connection) -> None:
    dead = stores.reserved(phase=Phase.RESERVED)
    connection.lose = 1

    taken = stores.reservations.take_over(dead, replace(dead, fingerprint="ours"))

    assert taken.is_ours
    stores.reservations.accept(replace(taken.execution, phase=Phase.ACCEPTED))
    assert stores.executions.get(dead.id) is not None


def test_an_accept_whose_reply_is_lost_is_done(stores: Stores, connection: Connection) -> None:
    reserved = stores.reserved(phase=Phase.RESERVED)
    connection.lose = 1

    stores.reservations.accept(replace(reserved, phase=Phase.ACCEPTED))

    assert stores.executions.get(reserved.id) is not None
    assert stores.progress(reserved).pending == 3


def test_a_release_whose_reply_is_lost_is_done(stores: Stores, connection: Connection) -> None:
    reserved = stores.reserved(phase=Phase.RESERVED)
    connection.lose = 1

    stores.reservations.release(reserved)

    assert stores.reservations.reserve(reserved).is_ours


def test_a_close_whose_reply_is_lost_conflicts_and_is_found_done(stores: Stores, connection: Connection) -> None:
    execution = stores.accepted()
    connection.lose = 1

    with pytest.raises(Conflict):
        stores.executions.close(execution, ExecutionStatus.FAILED)

    closed = stores.executions.get(execution.id)
    assert closed is not None
    assert closed.final_status is ExecutionStatus.FAILED


@pytest.mark.parametrize("change", ["request_cancel", "mark_enqueued"])
def test_a_plain_update_is_written_again(stores: Stores, connection: Connection, change: str) -> None:
    execution = stores.accepted()
    connection.lose = 1
    before = connection.commits

    getattr(stores.executions if change == "request_cancel" else stores.reservations, change)(execution.id)

    assert connection.commits == before + 2
