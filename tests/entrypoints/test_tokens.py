"""Who may ask: every token that is not exactly right is refused, in the same way by every function."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, NOBODY_HAS, data_of, error_of
from tests.entrypoints.issuer import KEY_ID
from tests.entrypoints.world import WORKFLOW

if TYPE_CHECKING:
    from tests.entrypoints.function import Function, Load
    from tests.entrypoints.issuer import Issuer
    from tests.entrypoints.world import World

LIST = "/api/executions"


def refused(function: Function, authorization: str | None, path: str = LIST) -> str:
    """The message of the refusal."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = function.get(path, user=None, headers=headers)
    error = error_of(answer, 401, "UNAUTHENTICATED")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="image-factory"'
    return str(error["message"])


def part(value: object) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_valid_token_is_taken(status: Function) -> None:
    data_of(status.get(LIST))


def test_the_scheme_may_be_written_in_any_case(status: Function, issuer: Issuer) -> None:
    data_of(status.get(LIST, user=None, headers={"Authorization": f"bEARER {issuer.token()}"}))


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YWRhOnNlY3JldA==",
        "Bearer garbage",
        "Bearer a.b.c",
        "Bearer a.b.c.d",
        "Bearer ü.ü.ü",
        "Bearer " + "A" * 7000,
        f"Bearer {part([])}.{part({})}.AAAA",
        f"Bearer {part({'alg': 'RS256', 'kid': {}})}.{part({})}.AAAA",
        f"Bearer {part({'alg': 'RS256', 'kid': None})}.{part({})}.AAAA",
        f"Bearer {part({'alg': ['RS256'], 'kid': KEY_ID})}.{part({})}.AAAA",
        f"Bearer {part({'alg': 'RS256', 'kid': KEY_ID, 'crit': ['x'], 'x': 1})}.{part({})}.AAAA",
        f"Bearer {part({'alg': 'RS256', 'kid': KEY_ID})}.{part('text')}.AAAA",
    ],
)
def test_what_is_no_token_is_refused(status: Function, authorization: str | None) -> None:
    refused(status, authorization)


def test_a_header_of_deep_json_is_refused_like_any_other_garbage(status: Function) -> None:
    deep = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":' + b"[" * 4000).decode().rstrip("=")

    refused(status, f"Bearer {deep}.e30.AAAA")


def test_an_expired_token_is_told_from_others(status: Function, issuer: Issuer) -> None:
    now = int(time.time())

    message = refused(status, f"Bearer {issuer.token(iat=now - 7200, exp=now - 3600)}")

    assert "expired" in message


def test_clocks_may_differ_by_a_few_seconds(status: Function, issuer: Issuer) -> None:
    now = int(time.time())
    late = issuer.token(iat=now - 3600, exp=now - 5)
    early = issuer.token(iat=now + 5, nbf=now + 5)

    for token in (late, early):
        data_of(status.get(LIST, user=None, headers={"Authorization": f"Bearer {token}"}))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": "another-project"}, id="another audience"),
        pytest.param({"aud": ["another-project"]}, id="a list of other audiences"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"iss": "https://evil.test"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"sub": None}, id="no subject"),
        pytest.param({"sub": ""}, id="an empty subject"),
        pytest.param({"sub": 7}, id="a number for a subject"),
        pytest.param({"sub": "x" * 129}, id="a long subject"),
        pytest.param({"exp": None}, id="no expiry"),
        pytest.param({"exp": "soon"}, id="a word for an expiry"),
        pytest.param({"iat": None}, id="no time of issue"),
        pytest.param({"iat": 99_999_999_999}, id="issued in the future"),
        pytest.param({"nbf": 99_999_999_999}, id="not valid yet"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(status: Function, issuer: Issuer, changes: dict[str, object]) -> None:
    refused(status, f"Bearer {issuer.token(**changes)}")


def test_a_token_without_signature_is_refused(status: Function, issuer: Issuer) -> None:
    unsigned = jwt.encode(issuer.claims(), "", algorithm="none", headers={"kid": KEY_ID})

    refused(status, f"Bearer {unsigned}")


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(status: Function, issuer: Issuer) -> None:
    public = issuer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header, claims = part({"alg": "HS256", "typ": "JWT", "kid": KEY_ID}), part(issuer.claims())
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(hmac.sign(f"{header}.{claims}".encode(), public)).decode().rstrip("=")

    refused(status, f"Bearer {header}.{claims}.{signature}")


@pytest.mark.parametrize("key_id", [KEY_ID, "key-2", None])
def test_a_token_of_another_key_is_refused(status: Function, issuer: Issuer, key_id: str | None) -> None:
    another = rsa.generate_private_key(65537, 2048)
    token = jwt.encode(issuer.claims(), another, algorithm="RS256", headers={"kid": key_id} if key_id else {})

    refused(status, f"Bearer {token}")


def test_a_changed_token_is_refused(status: Function, issuer: Issuer) -> None:
    header, _, signature = issuer.token().split(".")

    refused(status, f"Bearer {header}.{part(issuer.claims(sub='bob'))}.{signature}")


def test_an_issuer_whose_keys_cannot_be_fetched_is_an_outage(
    load: Load, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Port 9 is "discard": nothing listens there.
    monkeypatch.setenv("ID_TOKEN_JWKS_URL", "http://127.0.0.1:9/jwks.json")
    status = load("status", world.status_api)

    answer = status.get(LIST)

    error_of(answer, 503, "UNAVAILABLE")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", EXECUTE),
        ("POST", f"/api/executions/{NOBODY_HAS}/cancel"),
        ("POST", f"/api/executions/{NOBODY_HAS}/retry"),
    ],
)
def test_every_route_of_submit_wants_a_token(submit: Function, method: str, path: str) -> None:
    error_of(submit.ask(method, path, user=None, json=LIGHTHOUSE), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "path",
    [
        LIST,
        f"/api/executions/{NOBODY_HAS}",
        f"/api/executions/{NOBODY_HAS}/results.jsonl",
        f"/api/workflows/{WORKFLOW['id']}",
    ],
)
def test_every_route_of_status_wants_a_token(status: Function, path: str) -> None:
    error_of(status.get(path, user=None), 401, "UNAUTHENTICATED")


def test_the_log_never_holds_a_token(status: Function, issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    token = issuer.token(aud="another-project")

    refused(status, f"Bearer {token}")

    assert token not in capsys.readouterr().out
