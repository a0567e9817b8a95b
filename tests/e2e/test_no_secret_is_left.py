"""After runs that fail, are cancelled, retried and refused, no secret stands anywhere it should not, in any form."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import requests
from google.cloud import secretmanager
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport

from tests.e2e import traces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.stack import Client, Stack

#: The key that the model's stand-in puts into its message on a suspended key: so here the caller's own comes back.
ECHOED = ("AIzaSy" + "StandIn" * 5)[:39]


class Watched:
    """A user whose every answer is kept."""

    def __init__(self, client: Client) -> None:
        self.token = client.token
        self.answers: list[traces.Trace] = []
        self._client = client

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self._client.call(method, path, **options)
        told = json.dumps(dict(answer.headers)).encode() + answer.content
        self.answers.append(traces.Trace(f"answer {answer.status_code} to {method} {path}", told))
        return answer

    def submit(self, stack: Stack, prompts: list[str], key: str) -> str:
        body = {"prompts": prompts, "api_key": key, "metadata": {"season": "autumn"}}
        answer = self.call("POST", f"/api/workflows/{stack.workflow_id}/execute", json=body)
        execution_id: str = answer.json()["data"]["execution_id"]
        return execution_id

    def wait(self, execution_id: str) -> dict[str, Any]:
        self._client.wait(execution_id)
        shown: dict[str, Any] = self.call("GET", f"/api/executions/{execution_id}").json()["data"]
        return shown


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def ada(stack: Stack) -> Watched:
    return Watched(stack.client("ada"))


@pytest.fixture
def encryption_key(stack: Stack) -> Iterator[bytes]:
    """The key under which the users' keys are encrypted."""
    with grpc.insecure_channel(stack.secret_manager) as channel:
        cloud = secretmanager.SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))
        name = f"projects/{stack.project}/secrets/encryption-key/versions/latest"
        yield cloud.access_secret_version(name=name).payload.data


def refused(stack: Stack, ada: Watched, key: str, mark: str) -> list[int]:
    """Send the key along with everything that is wrong with a request, and to where it does not belong."""
    execute = f"/api/workflows/{stack.workflow_id}/execute"
    whole = {"prompts": [f"a {mark} prompt"], "api_key": key}
    sent: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", execute, {"json": whole | {"prompts": ["x"]}}),
        ("POST", execute, {"json": whole | {"api_key": [key]}}),
        ("POST", execute, {"json": whole | {"model": "none"}, "headers": {"X-Request-Id": f"<{key}>"}}),
        ("POST", execute, {"data": json.dumps(whole)[:-1], "headers": {"Content-Type": "application/json"}}),
        ("POST", execute, {"data": json.dumps(whole), "headers": {"Content-Type": "text/plain"}}),
        ("POST", execute, {"files": {"prompts_text": b"\xff", "api_key": key.encode()}}),
        ("POST", execute, {"json": whole, "headers": {"Authorization": f"Bearer {key}"}}),
        ("POST", f"/api/executions/{uuid.uuid4()}/retry", {"json": {"api_key": key}}),
        ("DELETE", execute, {"json": whole}),
    ]
    return [ada.call(method, path, **more).status_code for method, path, more in sent]


def test_the_scan_would_find_a_secret_in_every_form(mark: str) -> None:
    secret = f"key-{mark}".encode()
    plain = [b"before %s after" % form for form in (secret, secret[:18], secret[18:], secret.hex().encode())]
    hidden = plain + [base64.b64encode(b"x" * shift + secret + b"yz") for shift in range(5)]

    places = [traces.found(secret, [traces.Trace("here", content)]) for content in hidden]

    assert places == [["here"]] * len(hidden)
    assert traces.found(secret, [traces.Trace("here", b"nothing but words, " * 100)]) == []


def test_no_secret_is_left_anywhere_it_should_not_be(
    stack: Stack, ada: Watched, encryption_key: bytes, mark: str
) -> None:
    keys = {name: f"key-{name}-{mark}-{uuid.uuid4().hex}" for name in ("good", "second", "cancelled", "refused")}
    keys |= {"invalid": f"invalid-{mark}-{uuid.uuid4().hex}", "echoed": ECHOED}
    stack.set_faults(match=f"{mark} suspended", outcomes=["suspended_key"])
    stack.set_faults(match=f"{mark} broken", outcomes=["server_error", "html_error", "bad_base64"])

    good = ada.submit(stack, [f"{mark} fine", f"{mark} broken"], keys["good"])
    echoed = ada.submit(stack, [f"{mark} suspended"], keys["echoed"])
    invalid = ada.submit(stack, [f"{mark} never"], keys["invalid"])
    ends = [ada.wait(one) for one in (good, echoed, invalid)]
    retried = ada.call("POST", f"/api/executions/{invalid}/retry", json={"api_key": keys["second"]})
    ends.append(ada.wait(invalid))
    stack.order("pause")
    try:
        stopped = ada.submit(stack, [f"{mark} waits {number}" for number in range(3)], keys["cancelled"])
        while_it_waits = traces.of(stack)
        ada.call("POST", f"/api/executions/{stopped}/cancel")
    finally:
        stack.order("resume")
    statuses = refused(stack, ada, keys["refused"], mark)
    afterwards = traces.of(stack)

    # The run was as it was meant to be, and what is looked through is all there.
    assert [end["status"] for end in ends] == ["partially_completed", "failed", "failed", "completed"]
    assert "[key]" in ends[1]["batch_results"][0]["error"]["message"]
    assert (retried.status_code, set(statuses)) == (202, {400, 401, 404, 405, 415})
    places = [trace.place for trace in while_it_waits]
    assert [place for place in places if place.startswith(f"{stack.queue}/tasks/")]
    for execution_id in (good, echoed, invalid, stopped):
        assert f"executions/{execution_id}" in places
        assert [place for place in places if place.startswith(f"executions/{execution_id}/prompts/")]
    assert f"executions/{good}/00000.png" in places
    assert [place for place in places if place == "logs/generate.log"]

    everything = [*while_it_waits, *afterwards, *ada.answers]
    for name, key in keys.items():
        assert traces.found(key.encode(), everything) == [], name
    for part in ada.token.split(".")[1:]:
        assert traces.found(part.encode(), everything) == [], "a part of the ID token"
    assert traces.found(encryption_key, everything) == [], "the encryption key"
    # Prompts are their owner's: stored and shown, but never logged.
    assert traces.found(mark.encode(), traces.logs(stack)) == []


def test_a_key_is_kept_encrypted_while_it_is_needed_and_not_at_all_afterwards(
    stack: Stack, ada: Watched, mark: str
) -> None:
    stack.order("pause")
    try:
        execution_id = ada.submit(stack, [f"{mark} one", f"{mark} two"], f"key-{mark}-{uuid.uuid4().hex}")
        waiting = sealed_key(stack, execution_id)
    finally:
        stack.order("resume")
    ada.wait(execution_id)

    assert "mapValue" in waiting
    assert sealed_key(stack, execution_id) == {"nullValue": None}


def sealed_key(stack: Stack, execution_id: str) -> dict[str, Any]:
    """The field of the execution's document that holds the encrypted key."""
    name = f"projects/{stack.project}/databases/(default)/documents/executions/{execution_id}"
    headers = {"Authorization": "Bearer owner"}
    answer = requests.get(f"http://{stack.firestore}/v1/{name}", headers=headers, timeout=10).json()
    field: dict[str, Any] = answer["fields"]["sealed_key"]
    return field
