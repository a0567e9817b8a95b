"""What is tried again and how soon, whose token is sent, and what an error carries."""

from __future__ import annotations

import pickle
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from imagefactory_client import (
    ApiError,
    Client,
    Detail,
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
    NothingToRetry,
    TooManyInFlight,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from tests.unit.client.answers import ID, page
from tests.unit.client.server import NO_ANSWER, REQUEST_ID, Reply, failure, success

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.client.server import Clock, Server

UNAVAILABLE = failure(503, "UNAVAILABLE")


@pytest.mark.parametrize(
    "trouble",
    [
        UNAVAILABLE,
        failure(429, "TOO_MANY_IN_FLIGHT"),
        Reply(502),
        Reply(504, b"<html>"),
        NO_ANSWER,
        Reply(missing_bytes=9),
    ],
)
def test_what_may_pass_is_tried_again(client: Client, server: Server, clock: Clock, trouble: Reply) -> None:
    server.answer(trouble, trouble, success(page(1)))

    assert client.execution(ID).percent == 50
    assert len(clock.slept) == 2


def test_after_five_more_tries_the_error_is_the_caller_s(client: Client, server: Server, clock: Clock) -> None:
    server.answer(UNAVAILABLE)

    with pytest.raises(Unavailable):
        client.execution(ID)

    assert len(server.received) == 6
    assert all(0 <= slept <= 0.5 * 2**number for number, slept in enumerate(clock.slept))
    assert len(set(clock.slept)) == 5


def test_a_wait_that_the_api_asks_for_is_kept(client: Client, server: Server, clock: Clock) -> None:
    server.answer(failure(503, "UNAVAILABLE", Retry_After="7"), success(page()))

    client.execution(ID)

    assert clock.slept == [7.0]


def test_a_wait_may_be_given_as_a_date(client: Client, server: Server, clock: Clock) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    server.answer(Reply(503, headers={"Retry-After": later}), success(page()))

    client.execution(ID)

    assert 50 < clock.slept[0] <= 60


def test_a_wait_of_more_than_five_minutes_is_the_caller_s(client: Client, server: Server, clock: Clock) -> None:
    server.answer(failure(429, "TOO_MANY_IN_FLIGHT", Retry_After="301"))

    with pytest.raises(TooManyInFlight) as raised:
        client.execution(ID)

    assert (raised.value.retry_after, raised.value.is_temporary) == (301, True)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failure(400, "VALIDATION_FAILED"), InvalidRequest),
        (failure(404, "NOT_FOUND"), NotFound),
        (failure(409, "NOTHING_TO_RETRY"), NothingToRetry),
        (failure(422, "IDEMPOTENCY_KEY_REUSED"), IdempotencyKeyReused),
        (failure(500, "INTERNAL"), ApiError),
        (Reply(403, b"<html>Forbidden</html>"), ApiError),
        (Reply(302, headers={"Location": "https://elsewhere.example/"}), UnexpectedAnswer),
        (Reply(200, b"<html>Welcome to the hotel</html>"), UnexpectedAnswer),
        (success({"id": ID}), UnexpectedAnswer),
    ],
)
def test_what_will_not_pass_is_told_at_once(
    client: Client, server: Server, clock: Clock, reply: Reply, kind: type[Exception]
) -> None:
    server.answer(reply)

    with pytest.raises(kind) as raised:
        client.execution(ID)

    assert type(raised.value) is kind
    assert (len(server.received), clock.slept) == (1, [])


def test_an_error_carries_what_the_api_said(client: Client, server: Server) -> None:
    faults: list[dict[str, Any]] = [
        {"field": "prompts", "index": 17, "message": "is too short"},
        {"field": "modle", "message": "is unknown"},
    ]
    server.answer(failure(400, "VALIDATION_FAILED", *faults))

    with pytest.raises(ApiError) as raised:
        client.execution(ID)

    error = raised.value
    assert (error.status, error.code, error.message) == (400, "VALIDATION_FAILED", "It went wrong.")
    assert error.details == (Detail("prompts", "is too short", 17), Detail("modle", "is unknown"))
    assert error.request_id == REQUEST_ID
    said = "It went wrong. (prompts[17]: is too short) and 1 more"
    assert str(error) == f"GET /api/executions/{ID} answered 400 VALIDATION_FAILED: {said}"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own


def test_an_error_of_something_in_front_of_the_api_has_its_words(client: Client, server: Server) -> None:
    server.answer(Reply(403, b"<h1>Your client\n  may not</h1>"))

    with pytest.raises(ApiError, match=r"answered 403: <h1>Your client may not</h1>"):
        client.execution(ID)


def test_where_nobody_listens_there_is_no_answer(clock: Clock) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        with Client(url, "a-token", sleep=clock.sleep) as client, pytest.raises(Unreachable, match=url):
            client.execution(ID)

    assert len(clock.slept) == 5


@pytest.mark.parametrize("url", ["", "factory.example", "ftp://factory.example", "http://"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(url, "a-token")


def test_a_token_that_ran_out_is_renewed_once(server: Server) -> None:
    tokens = iter(["old", "new", "newest"])
    server.answer(success(page()), failure(401, "UNAUTHENTICATED"), success(page(1)), success(page(2)))

    with Client(server.url, lambda: next(tokens)) as client:
        shown = [client.execution(ID).percent for _ in range(3)]

    assert shown == [0, 50, 100]
    sent = [received.headers["authorization"] for received in server.received]
    assert sent == ["Bearer old", "Bearer old", "Bearer new", "Bearer new"]


def test_a_new_token_that_is_refused_too_is_an_error(server: Server) -> None:
    server.answer(failure(401, "UNAUTHENTICATED"))

    with Client(server.url, lambda: "a-token") as client, pytest.raises(Unauthenticated):
        client.execution(ID)

    assert len(server.received) == 2


def test_a_token_that_cannot_be_renewed_is_not_sent_again(client: Client, server: Server) -> None:
    server.answer(failure(401, "UNAUTHENTICATED"))

    with pytest.raises(Unauthenticated):
        client.execution(ID)

    assert len(server.received) == 1


def test_the_user_s_netrc_does_not_replace_the_token(
    client: Client, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.answer(success(page()))

    client.execution(ID)

    assert server.received[0].headers["authorization"] == "Bearer a-token"
