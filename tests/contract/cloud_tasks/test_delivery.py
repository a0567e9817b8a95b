from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import jwt
import pytest
import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.oauth2 import id_token

from tests.contract.cloud_tasks.support import LOCATION, Emulator, Target, Tasks, start_emulator, stop_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.cloud_tasks.support import Received

INVOKER = "tasks@demo.iam.gserviceaccount.com"
METHODS = tasks_v2.HttpMethod


def delivered(emulator: Emulator, tasks: Tasks, **request: Any) -> Received:
    """The request that the target receives for a task with this HTTP request."""
    tasks.create("t", http_request=request)
    emulator.settle()
    return tasks.target.received[-1]


def bearer(received: Received) -> str:
    scheme, _, token = received.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    return token


def test_a_first_request_carries_the_recorded_headers_and_no_others(emulator: Emulator, tasks: Tasks) -> None:
    got = delivered(emulator, tasks, body=b"payload")

    eta = got.headers.pop("X-CloudTasks-TaskETA")
    assert got.verb == "POST"
    assert got.body == b"payload"
    assert re.fullmatch(r"\d{10}\.\d{6}", eta)
    assert got.headers == {
        "Host": tasks.target.url.split("/")[2],
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": tasks.queue.rpartition("/")[2],
        "X-CloudTasks-TaskName": "t",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "Content-Length": "7",
    }


def test_the_eta_is_the_schedule_time(frozen: Emulator, tasks: Tasks) -> None:
    due = int(frozen.now()) + 10

    tasks.create(schedule_time={"seconds": due, "nanos": 250_000_000})
    frozen.advance(20)

    assert tasks.target.headers("X-CloudTasks-TaskETA") == [f"{due}.250000"]


def test_own_headers_arrive_as_written_and_reserved_ones_do_not(emulator: Emulator, tasks: Tasks) -> None:
    headers = {
        "X-Mixed-Case": "kept",
        "content-type": "application/json",
        "Authorization": "Basic mine",
        "User-Agent": "mine",
        "host": "mine",
        "Content-Length": "999",
        "X-Google-Secret": "mine",
        "X-AppEngine-Thing": "mine",
        "X-CloudTasks-TaskName": "mine",
        "x-cloudtasks-other": "mine",
        "Transfer-Encoding": "chunked",
    }

    got = delivered(emulator, tasks, headers=headers, body=b"{}")

    assert got.headers["X-Mixed-Case"] == "kept"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["Authorization"] == "Basic mine"
    assert got.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert got.headers["X-CloudTasks-TaskName"] == "t"
    assert "mine" not in got.headers.values()
    assert got.body == b"{}"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_task_is_sent_with_its_method(emulator: Emulator, tasks: Tasks, method: str) -> None:
    assert delivered(emulator, tasks, http_method=getattr(METHODS, method)).verb == method


def test_the_path_and_query_arrive_as_written_with_unsafe_characters_escaped(emulator: Emulator, tasks: Tasks) -> None:
    got = delivered(emulator, tasks, url=tasks.target.url + "/a b/%7Eü%zz?q=ä&r=%2F#fragment")

    assert got.path == "/work/a%20b/%7E%C3%BC%zz?q=%C3%A4&r=%2F"


@pytest.mark.parametrize("form", ["v1", "v3"])
def test_an_oidc_token_verifies_against_the_published_keys(emulator: Emulator, tasks: Tasks, form: str) -> None:
    got = delivered(
        emulator, tasks, oidc_token={"service_account_email": INVOKER, "audience": "https://service.example"}
    )

    with requests.Session() as session:
        claims = id_token.verify_token(
            bearer(got),
            Request(session),
            audience="https://service.example",
            certs_url=f"{emulator.rest_url}/oauth2/{form}/certs",
        )
    assert claims["iss"] == emulator.rest_url
    assert claims["email"] == INVOKER
    assert claims["email_verified"] is True
    assert claims["sub"].isdigit()
    assert claims["azp"] == claims["sub"]
    assert claims["exp"] - claims["iat"] == 3600
    assert abs(claims["iat"] - time.time()) < 60


def test_a_token_with_a_changed_claim_or_another_audience_does_not_verify(emulator: Emulator, tasks: Tasks) -> None:
    got = delivered(emulator, tasks, oidc_token={"service_account_email": INVOKER, "audience": "https://a.example"})
    header, payload, signature = bearer(got).split(".")
    forged = ".".join([header, payload[:-4] + ("AAAA" if payload[-4:] != "AAAA" else "BBBB"), signature])

    with requests.Session() as session:
        for token, audience in ((forged, "https://a.example"), (bearer(got), "https://b.example")):
            with pytest.raises((GoogleAuthError, ValueError)):
                id_token.verify_token(
                    token,
                    Request(session),
                    audience=audience,
                    certs_url=f"{emulator.rest_url}/oauth2/v1/certs",
                )


def test_the_keys_are_found_by_discovery(emulator: Emulator, tasks: Tasks) -> None:
    got = delivered(emulator, tasks, oidc_token={"service_account_email": INVOKER})

    document = emulator.call("GET", "/.well-known/openid-configuration")
    key = jwt.PyJWKClient(document["jwks_uri"]).get_signing_key_from_jwt(bearer(got))
    claims = jwt.decode(bearer(got), key, ["RS256"], audience=tasks.target.url, issuer=document["issuer"])

    # Without an audience of its own, a token is for the target's URL.
    assert claims["aud"] == tasks.target.url


def test_an_oauth_token_is_an_opaque_bearer_token(emulator: Emulator, tasks: Tasks) -> None:
    got = delivered(
        emulator, tasks, oauth_token={"service_account_email": INVOKER}, headers={"authorization": "Basic mine"}
    )

    assert bearer(got).startswith("ya29.")
    assert "authorization" not in got.headers


def test_a_redirect_without_a_location_is_a_failure(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.answers.append(302)

    tasks.create("moved")
    frozen.settle()

    assert tasks.exists("moved")


@pytest.mark.parametrize(
    ("status", "verb", "body"), [(302, "GET", b""), (307, "POST", b"data"), (308, "POST", b"data")]
)
def test_a_redirect_is_followed_within_the_same_attempt(
    emulator: Emulator, tasks: Tasks, status: int, verb: str, body: bytes
) -> None:
    tasks.target.answers.append(status)
    tasks.target.answer_headers["Location"] = "/elsewhere"

    tasks.create("moved", http_request={"body": b"data"})
    emulator.settle()

    first, second = tasks.target.received
    assert (second.path, second.verb, second.body) == ("/elsewhere", verb, body)
    assert second.headers["X-CloudTasks-TaskRetryCount"] == first.headers["X-CloudTasks-TaskRetryCount"] == "0"
    assert not tasks.exists("moved")


def test_a_redirect_in_circles_is_one_failed_attempt(frozen: Emulator, tasks: Tasks) -> None:
    tasks.target.answers.extend([307] * 50)
    tasks.target.answer_headers["Location"] = "/again"

    tasks.create("lost")
    frozen.settle()

    task = tasks.client.get_task(name=tasks.path("lost"))
    assert task.dispatch_count == 1
    assert task.last_attempt.response_status.message.endswith("HTTP status code 307")


def test_a_queue_may_override_where_and_how_its_tasks_are_sent(emulator: Emulator, tasks: Tasks) -> None:
    host, port = tasks.target.url.split("/")[2].split(":")
    tasks.configure(
        http_target={
            "uri_override": {
                "scheme": "HTTP",
                "host": host,
                "port": int(port),
                "path_override": {"path": "/from-queue"},
                "query_override": {"query_params": "a=1"},
            },
            "http_method": METHODS.PUT,
            "header_overrides": [
                {"header": {"key": "X-Mine", "value": "queue"}},
                {"header": {"key": "X-CloudTasks-QueueName", "value": "no"}},
                {"header": {"key": "Host", "value": "no"}},
            ],
            "oidc_token": {"service_account_email": INVOKER, "audience": "queue-audience"},
        }
    )

    got = delivered(emulator, tasks, url="https://nowhere.example/task?b=2", headers={"x-mine": "task"}, body=b"kept")

    assert (got.verb, got.path, got.body) == ("PUT", "/from-queue?a=1", b"kept")
    assert got.headers["X-Mine"] == "queue"
    assert got.headers["X-CloudTasks-QueueName"] == tasks.queue.rpartition("/")[2]
    assert jwt.decode(bearer(got), options={"verify_signature": False})["aud"] == "queue-audience"


def test_an_override_for_want_of_a_url_leaves_complete_urls_alone(emulator: Emulator, tasks: Tasks) -> None:
    tasks.configure(http_target={"uri_override": {"host": "nowhere.example", "uri_override_enforce_mode": 1}})

    assert delivered(emulator, tasks).path == "/work"


def test_a_method_without_a_body_drops_the_tasks_body(emulator: Emulator, tasks: Tasks) -> None:
    tasks.configure(http_target={"http_method": METHODS.GET})

    assert delivered(emulator, tasks, body=b"unsent").body == b""


@dataclass(frozen=True)
class AppEngine(Tasks):
    """A queue of an emulator that sends App Engine tasks to the target; its clock stands still."""

    emulator: Emulator


@pytest.fixture
def app_engine(target: Target) -> Iterator[AppEngine]:
    queue = f"{LOCATION}/queues/app"
    emulator = start_emulator("--queue", queue, "--app-engine-url", target.url.removesuffix("/work"))
    emulator.freeze()
    with grpc.insecure_channel(emulator.grpc_address) as channel:
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        yield AppEngine(client, queue, target, emulator)
    stop_emulator(emulator)


def test_app_engine_handlers_get_their_own_family_of_headers(app_engine: AppEngine) -> None:
    app_engine.target.answers.extend([503, 404, 429, 500, 302, 200])

    app_engine.create("t", app_engine_http_request={"relative_uri": "/handler?x=1", "body": b"data"})
    app_engine.emulator.settle()
    for _ in range(5):
        app_engine.emulator.advance(60)

    headers = app_engine.target.headers
    first = app_engine.target.received[0]
    assert (first.verb, first.path, first.body) == ("POST", "/handler?x=1", b"data")
    assert first.headers["User-Agent"] == "AppEngine-Google; (+http://code.google.com/appengine)"
    assert first.headers["Content-Type"] == "application/octet-stream"
    assert headers("X-AppEngine-QueueName") == ["app"] * 6
    assert headers("X-AppEngine-TaskName") == ["t"] * 6
    assert headers("X-AppEngine-TaskRetryCount") == ["0", "1", "2", "3", "4", "5"]
    assert headers("X-AppEngine-TaskExecutionCount") == ["0", "1", "2", "3", "4", "5"]
    assert headers("X-AppEngine-TaskPreviousResponse") == [None, "503", "404", "429", "500", "302"]
    assert headers("X-AppEngine-TaskRetryReason") == [None, *["App Error"] * 5]
    assert headers("X-CloudTasks-TaskName") == [None] * 6


def test_an_app_engine_deadline_is_reported_as_an_unavailable_instance(app_engine: AppEngine) -> None:
    app_engine.target.gate.clear()

    app_engine.create("t", app_engine_http_request={}, dispatch_deadline={"seconds": 15})
    app_engine.target.wait_for(1)
    app_engine.emulator.advance(15.1)
    app_engine.target.gate.set()
    app_engine.emulator.advance(1)

    assert app_engine.target.headers("X-AppEngine-TaskPreviousResponse") == [None, "0"]
    assert app_engine.target.headers("X-AppEngine-TaskRetryReason") == [None, "Instance Unavailable"]


def test_an_app_engine_redirect_is_not_followed(app_engine: AppEngine) -> None:
    app_engine.target.answers.append(307)
    app_engine.target.answer_headers["Location"] = "/elsewhere"

    app_engine.create("t", app_engine_http_request={})
    app_engine.emulator.settle()

    assert len(app_engine.target.received) == 1
    assert app_engine.exists("t")
