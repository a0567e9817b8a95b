"""Who may ask: every token that is not exactly right is refused, in the same way by every function."""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from imagefactory.api.auth.tokens import FIREBASE, InvalidToken, TokenVerifier
from tests.entrypoints.apps import WORKFLOW
from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, NOBODY_HAS, carrying, data_of, error_of
from tests.entrypoints.issuer import AUDIENCE, KEY_ID, Issuer, public_jwk

if TYPE_CHECKING:
    from tests.entrypoints.apps import HttpFactory
    from tests.entrypoints.function import Function, Load

LIST = "/api/executions"


def refused(function: Function, authorization: str | None, path: str = LIST, method: str = "GET") -> str:
    """The message of the refusal of what was sent as a token."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = function.ask(method, path, user=None, headers=headers)
    message = str(error_of(answer, 401, "UNAUTHENTICATED")["message"])
    assert answer.headers.getlist("WWW-Authenticate") == [
        f'Bearer realm="image-factory", error="invalid_token", error_description="{message}"'
    ]
    return message


def part(value: object) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_valid_token_is_taken(status: Function) -> None:
    data_of(status.get(LIST))


@pytest.mark.parametrize("scheme", ["bEARER ", "bearer ", "BEARER    "])
def test_the_scheme_may_be_written_in_any_case_and_set_apart_by_spaces(
    status: Function, issuer: Issuer, scheme: str
) -> None:
    data_of(status.get(LIST, user=None, headers={"Authorization": f"{scheme}{issuer.token()}"}))


@pytest.mark.parametrize(
    "authorization", [None, "", " ", "Bearer", "Bearer ", "Basic YWRhOnNlY3JldA==", "Negotiate", "Bearer\ta.b.c", "ü"]
)
def test_without_a_token_the_answer_says_what_to_send_and_nothing_of_errors(
    status: Function, authorization: str | None
) -> None:
    answer = status.get(LIST, user=None, headers={} if authorization is None else {"Authorization": authorization})

    assert "Authorization: Bearer" in error_of(answer, 401, "UNAUTHENTICATED")["message"]
    assert answer.headers.getlist("WWW-Authenticate") == ['Bearer realm="image-factory"']


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer garbage",
        "Bearer a.b.c",
        "Bearer a.b.c.d",
        "Bearer ü.ü.ü",
        "Bearer \ta.b.c",
        "Bearer .a.b",
        "Bearer a..b",
        "Bearer a.b.",
        'Bearer "a.b.c"',
        "Bearer a.b.c\x00",
        "Bearer " + "A" * 7000,
        f"Bearer {part([])}.{part({})}.AAAA",
        f"Bearer {part({'alg': 'RS256', 'kid': {}})}.{part({})}.AAAA",
        f"Bearer {part({'alg': 'RS256', 'kid': None})}.{part({})}.AAAA",
        f"Bearer {part({'alg': 'RS256'})}.{part({})}.AAAA",
        f"Bearer {part({'alg': ['RS256'], 'kid': KEY_ID})}.{part({})}.AAAA",
        f"Bearer {part({'alg': 'RS256', 'kid': KEY_ID, 'crit': ['x'], 'x': 1})}.{part({})}.AAAA",
        f"Bearer {part({'alg': 'RS256', 'kid': KEY_ID})}.{part('text')}.AAAA",
    ],
)
def test_what_is_no_token_is_refused(status: Function, authorization: str) -> None:
    refused(status, authorization)


def test_a_token_is_taken_alone_or_not_at_all(status: Function, issuer: Issuer) -> None:
    token, other = issuer.token(), issuer.token(sub="bob")

    # A proxy joins a header that was sent twice by a comma.
    for header in (f"Bearer {token},Bearer {other}", f"Bearer {token}, {other}", f"Bearer {token} {other}"):
        refused(status, header)
    refused(status, f"Bearer Bearer {token}")
    refused(status, f"Bearer {token}==")


def test_a_token_is_taken_from_its_header_only(status: Function, submit: Function, issuer: Issuer) -> None:
    token = issuer.token()

    in_query = status.get(f"{LIST}?access_token={token}", user=None)
    in_cookie = status.get(LIST, user=None, headers={"Cookie": f"token={token}; __session={token}"})
    in_form = submit.post(EXECUTE, user=None, data={"access_token": token, "prompts_text": "a gull"})

    for answer in (in_query, in_cookie, in_form):
        error_of(answer, 401, "UNAUTHENTICATED")


def test_a_token_longer_than_any_is_refused_unread(status: Function, issuer: Issuer) -> None:
    long, longer = issuer.token(more="x" * 4000), issuer.token(more="x" * 6000)

    data_of(status.get(LIST, user=None, headers={"Authorization": f"Bearer {long}"}))
    refused(status, f"Bearer {longer}")


def test_a_header_of_deep_json_is_refused_like_any_other_garbage(status: Function) -> None:
    deep = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":' + b"[" * 4000).decode().rstrip("=")

    refused(status, f"Bearer {deep}.e30.AAAA")


def test_an_expired_token_is_told_from_others(status: Function, issuer: Issuer) -> None:
    now = int(time.time())

    message = refused(status, f"Bearer {issuer.token(iat=now - 7200, exp=now - 3600)}")

    assert "expired" in message


def test_clocks_may_differ_by_a_minute_and_no_more(status: Function, issuer: Issuer) -> None:
    now = int(time.time())
    late, too_late = ({"iat": now - 3600, "exp": now - by} for by in (50, 61))
    early, too_early = ({"iat": now + by, "nbf": now + by, "auth_time": now + by} for by in (50, 70))

    for claims in (late, early):
        data_of(status.get(LIST, user=None, headers={"Authorization": f"Bearer {issuer.token(**claims)}"}))
    for claims in (too_late, too_early):
        refused(status, f"Bearer {issuer.token(**claims)}")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": "another-project"}, id="another audience"),
        pytest.param({"aud": ["another-project"]}, id="a list of other audiences"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"aud": ""}, id="an empty audience"),
        pytest.param({"aud": []}, id="an empty list of audiences"),
        pytest.param({"aud": [AUDIENCE, "another-project"]}, id="another audience beside ours"),
        pytest.param({"aud": {AUDIENCE: 1}}, id="an audience that is an object"),
        pytest.param({"aud": AUDIENCE.upper()}, id="our audience in capitals"),
        pytest.param({"iss": "https://evil.test"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"sub": None}, id="no subject"),
        pytest.param({"sub": ""}, id="an empty subject"),
        pytest.param({"sub": 7}, id="a number for a subject"),
        pytest.param({"sub": "x" * 129}, id="a long subject"),
        pytest.param({"exp": None}, id="no expiry"),
        pytest.param({"exp": "soon"}, id="a word for an expiry"),
        pytest.param({"exp": True}, id="a truth for an expiry"),
        pytest.param({"exp": float("nan")}, id="an expiry that is no number"),
        pytest.param({"exp": float("inf")}, id="an expiry beyond all time"),
        pytest.param({"iat": "then"}, id="a word for the time of issue"),
        pytest.param({"auth_time": 99_999_999_999}, id="a sign-in in the future"),
        pytest.param({"auth_time": "then"}, id="a word for the sign-in"),
        pytest.param({"auth_time": True}, id="a truth for the sign-in"),
        pytest.param({"auth_time": float("nan")}, id="a sign-in that is no number"),
        pytest.param({"iat": None}, id="no time of issue"),
        pytest.param({"iat": 99_999_999_999}, id="issued in the future"),
        pytest.param({"nbf": 99_999_999_999}, id="not valid yet"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(status: Function, issuer: Issuer, changes: dict[str, object]) -> None:
    refused(status, f"Bearer {issuer.token(**changes)}")


def test_an_audience_may_be_a_list_of_ours_alone(status: Function, issuer: Issuer) -> None:
    data_of(status.get(LIST, user=None, headers={"Authorization": f"Bearer {issuer.token(aud=[AUDIENCE])}"}))


def test_a_token_without_signature_is_refused(status: Function, issuer: Issuer) -> None:
    unsigned = jwt.encode(issuer.claims(), "", algorithm="none", headers={"kid": KEY_ID})

    refused(status, f"Bearer {unsigned}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "RS256"])
def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(
    status: Function, issuer: Issuer, algorithm: str
) -> None:
    public = issuer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header, claims = part({"alg": algorithm, "typ": "JWT", "kid": KEY_ID}), part(issuer.claims())
    for secret in (public, json.dumps(public_jwk(issuer.key)).encode(), b""):
        signed = hmac.digest(secret, f"{header}.{claims}".encode(), "sha256")
        signature = base64.urlsafe_b64encode(signed).decode().rstrip("=")

        refused(status, f"Bearer {header}.{claims}.{signature}")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS512"])
def test_a_token_of_the_right_key_under_another_algorithm_is_refused(
    status: Function, issuer: Issuer, algorithm: str
) -> None:
    token = jwt.encode(issuer.claims(), issuer.key, algorithm=algorithm, headers={"kid": KEY_ID})

    refused(status, f"Bearer {token}")


@pytest.mark.parametrize("algorithm", ["none", "NONE", "nOnE", "rs256", "RS256 ", "", None, 256])
def test_an_algorithm_is_ours_to_the_letter(status: Function, issuer: Issuer, algorithm: object) -> None:
    header, (_, claims, signature) = part({"alg": algorithm, "kid": KEY_ID}), issuer.token().split(".")

    for signed in (signature, "AAAA"):
        refused(status, f"Bearer {header}.{claims}.{signed}")


@pytest.mark.parametrize("header", [{"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"typ": 7}, {"crit": ["exp"], "exp": 1}])
def test_what_else_an_issuer_signs_is_no_id_token(status: Function, issuer: Issuer, header: dict[str, object]) -> None:
    refused(status, f"Bearer {issuer.signed(issuer.claims(), **header)}")


def test_a_token_that_brings_its_payload_apart_is_refused(status: Function, issuer: Issuer) -> None:
    header, claims = part({"alg": "RS256", "kid": KEY_ID, "b64": False, "crit": ["b64"]}), part(issuer.claims())

    refused(status, f"Bearer {header}.{claims}.AAAA")


@pytest.mark.parametrize("typ", ["JWT", "jwt", ""])
def test_a_token_may_name_its_type_or_leave_it_out(status: Function, issuer: Issuer, typ: str) -> None:
    token = issuer.signed(issuer.claims(), typ=typ)

    data_of(status.get(LIST, user=None, headers={"Authorization": f"Bearer {token}"}))


@pytest.mark.parametrize("own", ["jku", "x5u", "jwk", "x5c"])
def test_where_a_token_says_its_key_is_nobody_looks(status: Function, issuer: Issuer, own: str) -> None:
    with Issuer() as forger:
        header = {
            "jku": forger.jwks_url,
            "x5u": forger.jwks_url,
            "jwk": public_jwk(forger.key),
            "x5c": ["MIIB"],
        }

        for key_id in (KEY_ID, "key-2"):
            refused(status, f"Bearer {forger.signed(issuer.claims(), kid=key_id, **{own: header[own]})}")

        assert forger.asked == []


def test_only_a_token_that_could_be_good_makes_the_function_ask_for_keys(
    load: Load, factory: HttpFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Issuer() as fresh:
        monkeypatch.setenv("ID_TOKEN_ISSUER", fresh.url)
        monkeypatch.setenv("ID_TOKEN_JWKS_URL", fresh.jwks_url)
        status = load("status", factory.status_app)
        for header in ({"alg": "none"}, {"alg": "HS256", "kid": KEY_ID}, {"alg": "RS256"}):
            refused(status, f"Bearer {part(header)}.{part(fresh.claims())}.AAAA")
        asked_before = [*fresh.asked]

        refused(status, f"Bearer {part({'alg': 'RS256', 'kid': KEY_ID})}.{part(fresh.claims())}.AAAA")

        assert (asked_before, fresh.asked) == ([], ["/jwks.json"])


@pytest.mark.parametrize("key_id", [KEY_ID, "key-2", None])
def test_a_token_of_another_key_is_refused(status: Function, issuer: Issuer, key_id: str | None) -> None:
    another = rsa.generate_private_key(65537, 2048)
    token = jwt.encode(issuer.claims(), another, algorithm="RS256", headers={"kid": key_id} if key_id else {})

    refused(status, f"Bearer {token}")


def test_a_changed_token_is_refused(status: Function, issuer: Issuer) -> None:
    header, _, signature = issuer.token().split(".")

    refused(status, f"Bearer {header}.{part(issuer.claims(sub='bob'))}.{signature}")


def test_a_firebase_token_says_when_its_user_signed_in(issuer: Issuer) -> None:
    project = f"{FIREBASE}image-factory-test"
    firebase = TokenVerifier.from_jwks_url(project, AUDIENCE, issuer.jwks_url)
    now = int(time.time())

    claims = firebase.verify(carrying(issuer.token(iss=project, auth_time=now - 86_400)))

    assert claims["sub"] == "ada"
    for auth_time in (None, now + 3600):
        with pytest.raises(InvalidToken):
            firebase.verify(carrying(issuer.token(iss=project, auth_time=auth_time)))


def test_tokens_from_before_they_were_withdrawn_are_refused_and_new_ones_taken(
    load: Load, factory: HttpFactory, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdrawn = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    monkeypatch.setenv("ID_TOKENS_NOT_BEFORE", withdrawn.isoformat())
    status, submit = load("status", factory.status_app), load("submit", factory.submit_app)
    moment = int(withdrawn.timestamp())
    old = issuer.token(iat=moment - 1)
    refused(status, f"Bearer {issuer.token(iat=-(10**400))}")

    message = refused(status, f"Bearer {old}")

    assert "withdrawn" in message
    assert refused(submit, f"Bearer {old}", EXECUTE, "POST") == message
    data_of(status.get(LIST, user=None, headers={"Authorization": f"Bearer {issuer.token(iat=moment)}"}))


def test_an_issuer_whose_keys_cannot_be_fetched_is_an_outage(
    load: Load, factory: HttpFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Port 9 is "discard": nothing listens there.
    monkeypatch.setenv("ID_TOKEN_JWKS_URL", "http://127.0.0.1:9/jwks.json")
    status = load("status", factory.status_app)

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
