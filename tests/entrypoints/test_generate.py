"""The queue delivers a task: who may, what it may hold, and how it is answered."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from imagefactory.api.auth.tokens import VERIFIED_BY_CLOUD_RUN
from imagefactory.domain.errors import Unavailable
from imagefactory.domain.result import FailureCode, ResultStatus
from imagefactory.testing import Crash, Moment, a_failure
from tests.entrypoints.apps import GENERATE_URL, SERVICE_ACCOUNT
from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, NOBODY_HAS, data_of, error_of, execution_of
from tests.entrypoints.issuer import AUDIENCE, KEY_ID, Issuer

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory

NOW = int(time.time())
WHOLE = {"aud": GENERATE_URL, "sub": "1234567890", "email": SERVICE_ACCOUNT, "email_verified": True}

ROUND = {"since": "2026-11-22T12:00:00+00:00", "round": 1, "seen": "", "idle": 0}
WATCH = {"execution_id": NOBODY_HAS, "watch": ROUND}
GOOD = {"execution_id": NOBODY_HAS, "batch_index": 0, "attempt": 1}


@pytest.fixture
def queue(issuer: Issuer) -> dict[str, str]:
    """The headers that the queue sends."""
    return {"Authorization": f"Bearer {issuer.token(**WHOLE)}"}


def deliver(
    generate: Function, headers: dict[str, str], execution_id: str, index: int = 0, attempt: int = 1
) -> TestResponse:
    body = {"execution_id": execution_id, "batch_index": index, "attempt": attempt}
    return generate.post("/", user=None, headers=headers, json=body)


def test_a_task_makes_its_image(submit: Function, generate: Function, factory: Factory, queue: dict[str, str]) -> None:
    execution_id = execution_of(submit)

    answer = deliver(generate, queue, execution_id)

    assert data_of(answer) == {"outcome": "COMPLETED"}
    assert factory.images.of(execution_id, 0) == [f"executions/{execution_id}/00000.png"]


def test_a_task_delivered_twice_is_done_without_paying_again(
    submit: Function, generate: Function, factory: Factory, queue: dict[str, str]
) -> None:
    execution_id = execution_of(submit)
    deliver(generate, queue, execution_id)

    again = deliver(generate, queue, execution_id)

    assert data_of(again) == {"outcome": "ALREADY_ENDED"}
    assert len(factory.model.calls) == 1


def test_a_failure_of_the_model_is_a_success_to_the_queue(
    submit: Function, generate: Function, factory: Factory, queue: dict[str, str]
) -> None:
    limited = a_failure(FailureCode.RATE_LIMIT_EXCEEDED, provider_status=429)
    factory.model.script = {"a lighthouse": [limited] * 3}
    execution_id = execution_of(submit)

    answers = [data_of(deliver(generate, queue, execution_id, attempt=attempt)) for attempt in (1, 2, 3)]

    assert [answer["outcome"] for answer in answers] == ["POSTPONED", "POSTPONED", "ENDED"]


def test_a_result_that_another_attempt_holds_is_asked_for_later_without_slowing_the_queue(
    submit: Function, generate: Function, factory: Factory, queue: dict[str, str]
) -> None:
    execution_id = execution_of(submit)
    factory.faults.fail("executions.prompts", Moment.BEFORE, Crash())
    with pytest.raises(Crash):
        deliver(generate, queue, execution_id)

    answer = deliver(generate, queue, execution_id)

    error_of(answer, 409, "HELD_ELSEWHERE")
    assert factory.store.results[execution_id][0][1].status is ResultStatus.PROCESSING


@pytest.mark.parametrize(("execution_id", "index"), [(NOBODY_HAS, 0), ("own", 3), ("own", -1)])
def test_a_task_for_nothing_is_done_with(
    submit: Function, generate: Function, queue: dict[str, str], execution_id: str, index: int
) -> None:
    own = execution_of(submit)

    answer = deliver(generate, queue, own if execution_id == "own" else execution_id, index)

    assert data_of(answer) == {"outcome": "UNKNOWN"}


def test_a_store_that_is_down_lets_the_queue_come_again(
    submit: Function, generate: Function, factory: Factory, queue: dict[str, str]
) -> None:
    execution_id = execution_of(submit)
    factory.faults.fail("executions.load", Moment.BEFORE, Unavailable("down"))

    answer = deliver(generate, queue, execution_id)

    error_of(answer, 500, "UNAVAILABLE")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"email": "someone@else.test"}, id="another account"),
        pytest.param({"email": SERVICE_ACCOUNT.upper()}, id="the account in capitals"),
        pytest.param({"email": None}, id="no account"),
        pytest.param({"email_verified": False}, id="an account nobody verified"),
        pytest.param({"email_verified": "true"}, id="a word for verified"),
        pytest.param({"email_verified": None}, id="nothing about verification"),
        pytest.param({"email": [SERVICE_ACCOUNT]}, id="a list with the account"),
        pytest.param({"email": f"{SERVICE_ACCOUNT} "}, id="the account and a space"),
        pytest.param({"email": f"{SERVICE_ACCOUNT}.evil.test"}, id="an account that begins so"),
        pytest.param({"email": None, "azp": SERVICE_ACCOUNT, "sub": SERVICE_ACCOUNT}, id="the account in other claims"),
        pytest.param({"email_verified": 1}, id="a number for verified"),
        pytest.param({"aud": AUDIENCE}, id="a user's audience"),
        pytest.param({"aud": f"{GENERATE_URL}/"}, id="our address and a slash"),
        pytest.param({"aud": GENERATE_URL.replace("https", "http")}, id="our address without TLS"),
        pytest.param({"aud": [GENERATE_URL, AUDIENCE]}, id="another audience beside ours"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"iss": "https://accounts.google.com.evil.test"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"iat": NOW - 7200, "exp": NOW - 3600}, id="a task of two hours ago"),
        pytest.param({"iat": NOW + 3600, "exp": NOW + 7200}, id="a task of tomorrow"),
        pytest.param({"exp": None}, id="a task for ever"),
    ],
)
def test_only_the_queues_own_account_may_deliver(
    submit: Function, generate: Function, factory: Factory, issuer: Issuer, changes: dict[str, Any]
) -> None:
    execution_id = execution_of(submit)
    headers = {"Authorization": f"Bearer {issuer.token(**WHOLE | changes)}"}

    answer = deliver(generate, headers, execution_id)

    error_of(answer, 401, "UNAUTHENTICATED")
    assert factory.model.calls == []


def test_a_user_may_not_deliver(submit: Function, generate: Function, factory: Factory, issuer: Issuer) -> None:
    execution_id = execution_of(submit)
    posing = issuer.token(sub="ada", email=SERVICE_ACCOUNT, email_verified=True)

    for user, headers in (("ada", {}), (None, {}), (None, {"Authorization": f"Bearer {posing}"})):
        for more in ({"batch_index": 0, "attempt": 1}, {"watch": ROUND}):
            answer = generate.post("/", user=user, headers=headers, json={"execution_id": execution_id} | more)
            error_of(answer, 401, "UNAUTHENTICATED")
    assert factory.model.calls == []


def test_headers_that_only_the_queue_sends_open_nothing(submit: Function, generate: Function) -> None:
    sent = {
        "X-CloudTasks-QueueName": "images",
        "X-CloudTasks-TaskName": "task",
        "X-Serverless-Authorization": "Bearer a.b.c",
        "X-Goog-Authenticated-User-Email": f"accounts.google.com:{SERVICE_ACCOUNT}",
        "User-Agent": "Google-Cloud-Tasks",
    }

    answer = generate.post("/", user=None, headers=sent, json=GOOD | {"execution_id": execution_of(submit)})

    error_of(answer, 401, "UNAUTHENTICATED")


def test_a_forged_signature_delivers_nothing(
    submit: Function, generate: Function, factory: Factory, issuer: Issuer
) -> None:
    execution_id = execution_of(submit)
    header, claims, _ = issuer.token(**WHOLE).split(".")
    with Issuer() as forger:
        forged = forger.signed(issuer.claims(**WHOLE))
    unsigned = jwt.encode(issuer.claims(**WHOLE), "", algorithm="none", headers={"kid": KEY_ID})

    # Nobody has said that IAM guards this generate, so the platform's mark counts for nothing.
    for token in (forged, unsigned, f"{header}.{claims}.AAAA", f"{header}.{claims}{VERIFIED_BY_CLOUD_RUN}"):
        answer = deliver(generate, {"Authorization": f"Bearer {token}"}, execution_id)
        error_of(answer, 401, "UNAUTHENTICATED")
    assert factory.model.calls == []


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("submit", "POST", EXECUTE),
        ("submit", "POST", f"/api/executions/{NOBODY_HAS}/cancel"),
        ("submit", "POST", f"/api/executions/{NOBODY_HAS}/retry"),
        ("status", "GET", "/api/executions"),
        ("status", "GET", f"/api/executions/{NOBODY_HAS}"),
        ("status", "GET", f"/api/executions/{NOBODY_HAS}/results.jsonl"),
    ],
)
def test_a_tasks_token_makes_nobody_a_user(
    request: pytest.FixtureRequest, queue: dict[str, str], name: str, method: str, path: str
) -> None:
    function: Function = request.getfixturevalue(name)

    answer = function.ask(method, path, user=None, headers=queue, json=LIGHTHOUSE)

    error_of(answer, 401, "UNAUTHENTICATED")


def test_a_task_that_is_replayed_while_its_token_lives_does_nothing_again(
    submit: Function, generate: Function, factory: Factory, queue: dict[str, str]
) -> None:
    execution_id = execution_of(submit)
    deliver(generate, queue, execution_id)
    before = dict(factory.store.results[execution_id])

    outcomes = {data_of(deliver(generate, queue, execution_id, attempt=attempt))["outcome"] for attempt in range(-1, 9)}

    assert outcomes == {"ALREADY_ENDED"}
    assert len(factory.model.calls) == 1
    assert factory.store.results[execution_id] == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"execution_id":' * 50_000,
        json.dumps(GOOD | {"execution_id": 7}).encode(),
        json.dumps(GOOD | {"execution_id": ""}).encode(),
        json.dumps(GOOD | {"execution_id": f"{NOBODY_HAS}/results/00000"}).encode(),
        json.dumps(GOOD | {"execution_id": f"../{NOBODY_HAS}"}).encode(),
        json.dumps(GOOD | {"execution_id": f"{NOBODY_HAS}\n"}).encode(),
        json.dumps(GOOD | {"batch_index": "0"}).encode(),
        json.dumps(GOOD | {"batch_index": True}).encode(),
        json.dumps(GOOD | {"batch_index": 0.0}).encode(),
        json.dumps(GOOD | {"batch_index": float("nan")}).encode(),
        json.dumps(GOOD | {"attempt": None}).encode(),
        json.dumps({"execution_id": NOBODY_HAS}).encode(),
        b'{"execution_id":"x","batch_index":1' + b"0" * 5000 + b',"attempt":1}',
    ],
)
def test_a_body_that_is_no_task_is_malformed(generate: Function, queue: dict[str, str], body: bytes) -> None:
    answer = generate.post("/", user=None, headers=queue, data=body, content_type="application/json")

    error_of(answer, 400, "MALFORMED_REQUEST")


def test_a_watchdogs_round_comes_back_until_the_execution_has_ended(
    submit: Function, generate: Function, factory: Factory, queue: dict[str, str]
) -> None:
    execution_id = execution_of(submit)
    (first,) = factory.tasks.watches.values()
    factory.clock.move_to(first.schedule_at)

    moving = generate.post("/", user=None, headers=queue, json=WATCH | {"execution_id": execution_id})
    factory.work()
    factory.clock.advance(600)
    ended = generate.post("/", user=None, headers=queue, json=WATCH | {"execution_id": execution_id})
    nowhere = generate.post("/", user=None, headers=queue, json=WATCH)

    assert [data_of(answer)["outcome"] for answer in (moving, ended, nowhere)] == ["MOVING", "ENDED", "GONE"]
    assert sorted(check.round for check in factory.tasks.watches.values()) == [1, 2]


@pytest.mark.parametrize(
    "changes",
    [
        {"watch": None},
        {"watch": []},
        {"watch": "x"},
        {"watch": {}},
        {"watch": ROUND | {"since": "yesterday"}},
        {"watch": ROUND | {"since": "2026-11-22T12:00:00"}},
        {"watch": ROUND | {"since": 7}},
        {"watch": ROUND | {"round": "1"}},
        {"watch": ROUND | {"seen": None}},
        {"watch": ROUND | {"idle": True}},
        {"execution_id": "../x"},
        {"execution_id": None},
    ],
)
def test_a_body_that_is_no_round_is_malformed(
    generate: Function, queue: dict[str, str], changes: dict[str, object]
) -> None:
    answer = generate.post("/", user=None, headers=queue, json=WATCH | changes)

    error_of(answer, 400, "MALFORMED_REQUEST")


def test_a_task_far_beyond_any_index_is_unknown(generate: Function, queue: dict[str, str]) -> None:
    answer = deliver(generate, queue, NOBODY_HAS, index=10**30, attempt=-(10**30))

    assert data_of(answer) == {"outcome": "UNKNOWN"}


def test_pages_have_no_business_here(generate: Function, queue: dict[str, str]) -> None:
    answer = generate.ask("OPTIONS", "/", user=None, headers=queue | {"Origin": "https://page.test"})

    assert answer.status_code == 204
    assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]


def test_the_log_names_execution_index_and_attempt_but_neither_prompt_nor_key(
    submit: Function, generate: Function, factory: Factory, queue: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    factory.model.script = {"a lighthouse": [a_failure()]}
    execution_id = execution_of(submit, api_key="AIza-very-secret")
    capsys.readouterr()

    deliver(generate, queue, execution_id)

    logged = capsys.readouterr().out
    failed = json.loads(logged.splitlines()[0])
    assert (failed["execution_id"], failed["batch_index"], failed["attempt"]) == (execution_id, 0, 1)
    assert failed["code"] == "SERVER_ERROR"
    assert "lighthouse" not in logged
    assert "AIza-very-secret" not in logged
