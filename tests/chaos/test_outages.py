"""Services that hang, and services that are away for seconds: bridged where it is short, else Unavailable."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import requests
from google.cloud import secretmanager
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport

from imagefactory.adapters import storage as storage_adapter
from imagefactory.adapters.firestore import FirestoreExecutions, FirestoreReservations, FirestoreWorkflows
from imagefactory.adapters.google_errors import CALL_OPTIONS, CALL_SECONDS, MAX_RETRY_SECONDS
from imagefactory.adapters.secret_manager import SecretManagerEncryption
from imagefactory.adapters.storage import CloudStorageImageStore
from imagefactory.domain.errors import Unavailable
from imagefactory.domain.image import Provenance
from imagefactory.domain.retry import RetryPolicy
from imagefactory.testing import FakeImageCodec, an_execution, the_bytes_of
from tests.chaos.chance import Chance
from tests.chaos.grpc_proxy import GrpcProxy
from tests.chaos.http_proxy import BEFORE, HttpProxy
from tests.chaos.loops import serve
from tests.chaos.runs import BUCKET
from tests.harness.servers import connect_firestore, connect_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FUNCTION_SECONDS = 540


@pytest.fixture
def hanging() -> Iterator[str]:
    """A server as a paused process leaves it: it accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the patience."""
    monkeypatch.setitem(CALL_OPTIONS, "timeout", 0.2)
    monkeypatch.setitem(CALL_OPTIONS, "retry", CALL_OPTIONS["retry"].with_timeout(0.4))
    monkeypatch.setattr(storage_adapter, "LIST_SECONDS", 0.2)
    monkeypatch.setattr(storage_adapter, "UPLOAD_SECONDS", 0.2)
    monkeypatch.setattr(storage_adapter, "_RETRY", storage_adapter._RETRY.with_timeout(0.4))  # noqa: SLF001 - the adapter's own patience


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda executions, _: executions.get("e"), id="get"),
        pytest.param(lambda executions, _: executions.load("e", 0), id="load"),
        pytest.param(lambda executions, _: executions.read_progress("e"), id="progress"),
        pytest.param(lambda executions, _: executions.results("e", 0, 5), id="results"),
        pytest.param(lambda executions, _: executions.apply(an_execution(), []), id="move"),
        pytest.param(lambda executions, _: executions.request_cancel("e"), id="request_cancel"),
        pytest.param(lambda _, reservations: reservations.reserve(an_execution()), id="reserve"),
        pytest.param(lambda _, reservations: reservations.mark_enqueued("e"), id="mark_enqueued"),
        pytest.param(lambda _, reservations: reservations.count_pending_elsewhere(3), id="count_pending_elsewhere"),
    ],
)
def test_no_call_of_a_hanging_firestore_outlasts_its_patience(hanging: str, call: Callable[[Any, Any], object]) -> None:
    with contextlib.closing(connect_firestore(hanging)) as database:
        began = time.monotonic()

        with pytest.raises(Unavailable):
            call(FirestoreExecutions(database), FirestoreReservations(database))

        assert time.monotonic() - began < 3


@pytest.mark.usefixtures("soon")
def test_no_call_of_a_hanging_bucket_outlasts_its_patience(hanging: str) -> None:
    with requests.Session() as session:
        images = CloudStorageImageStore(connect_storage(f"http://{hanging}", session), BUCKET)
        picture = FakeImageCodec().decode(the_bytes_of())
        began = time.monotonic()

        calls: list[Callable[[], object]] = [lambda: images.find("e", 0), lambda: images.reference("name")]
        calls.append(lambda: images.put("e", 0, picture, Provenance()))
        for call in calls:
            with pytest.raises(Unavailable):
                call()

        assert time.monotonic() - began < 10


@pytest.mark.usefixtures("soon")
def test_no_call_of_a_hanging_secret_manager_outlasts_its_patience(hanging: str) -> None:
    with grpc.insecure_channel(hanging) as channel:
        transport = SecretManagerServiceGrpcTransport(channel=channel)
        encryption = SecretManagerEncryption(
            secretmanager.SecretManagerServiceClient(transport=transport), "projects/p/secrets/s"
        )
        began = time.monotonic()

        with pytest.raises(Unavailable):
            encryption.encrypt("a secret", "e")

        assert time.monotonic() - began < 3


def test_all_waits_of_one_attempt_together_fit_into_the_function() -> None:
    longest_call = CALL_SECONDS + MAX_RETRY_SECONDS
    # Two reads before the claim, the claim and its second look, the prompt, the key, the finish and its second look.
    calls = 8

    assert calls * longest_call + RetryPolicy().timeout(3) < FUNCTION_SECONDS


@pytest.mark.parametrize("fault", ["unavailable", "aborted", "reply lost"])
def test_a_firestore_that_is_away_for_two_seconds_is_waited_for(firestore_host: str, fault: str) -> None:
    chance = Chance(1, {fault: 1.0})
    with (
        serve(GrpcProxy(firestore_host, chance)) as proxy,
        contextlib.closing(connect_firestore(proxy.address)) as database,
    ):
        back = threading.Timer(2, lambda: setattr(chance, "is_on", False))
        back.start()

        reservation = FirestoreReservations(database).reserve(an_execution())

        back.join()
        assert reservation.is_ours
        assert FirestoreWorkflows(database).get("none") is None


def test_a_bucket_that_is_away_for_two_seconds_is_waited_for(storage_url: str) -> None:
    chance = Chance(1, {BEFORE: 1.0})
    with requests.Session() as plain, requests.Session() as session, serve(HttpProxy(storage_url, chance)) as proxy:
        client = connect_storage(storage_url, plain)
        if client.lookup_bucket(BUCKET) is None:
            client.create_bucket(BUCKET)
        images = CloudStorageImageStore(connect_storage(proxy.url, session), BUCKET)
        back = threading.Timer(2, lambda: setattr(chance, "is_on", False))
        back.start()

        stored = images.put("away", 0, FakeImageCodec().decode(the_bytes_of()), Provenance())

        back.join()
        assert images.find("away", 0) == stored


def test_a_query_whose_stream_breaks_in_the_middle_is_read_anew(firestore_host: str) -> None:
    chance = Chance(1, {"reply lost": 1.0})
    with (
        serve(GrpcProxy(firestore_host, chance)) as proxy,
        contextlib.closing(connect_firestore(proxy.address)) as database,
    ):
        chance.is_on = False
        reservations = FirestoreReservations(database)
        for _ in range(4):
            reservations.accept(reservations.reserve(an_execution()).execution)
        chance.is_on = True
        back = threading.Timer(0.5, lambda: setattr(chance, "is_on", False))
        back.start()

        remaining = reservations.count_pending_elsewhere(3)

        back.join()
        assert len(remaining) == 3
        assert chance.struck["RunQuery reply lost"] > 0
