"""What the token issuer hands out is what a verifier of Firebase's ID tokens expects."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests


def _get(url: str, **params: str) -> requests.Response:
    return requests.get(url, params=params, timeout=5)


def _verified(issuer: str, token: str, audience: str = "demo-project") -> dict[str, Any]:
    """The claims of a token that a real verifier accepts: key by kid, RS256, issuer, audience, expiry."""
    key = jwt.PyJWKClient(_get(f"{issuer}/.well-known/openid-configuration").json()["jwks_uri"])
    return jwt.decode(
        token,
        key.get_signing_key_from_jwt(token),
        algorithms=["RS256"],
        audience=audience,
        issuer=issuer,
        options={"require": ["exp", "iat", "sub", "auth_time"]},
    )


def test_a_verifier_that_knows_only_the_discovery_document_accepts_the_token(issuer: str) -> None:
    token = _get(f"{issuer}/token", user="ada").json()["id_token"]

    claims = _verified(issuer, token)

    assert claims["sub"] == claims["user_id"] == "ada"
    assert claims["email"] == "ada@example.test"
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["auth_time"] <= time.time()


def test_the_discovery_document_names_the_issuer_itself(issuer: str) -> None:
    discovery = _get(f"{issuer}/.well-known/openid-configuration").json()

    assert discovery["issuer"] == issuer
    assert discovery["jwks_uri"] == f"{issuer}/jwks.json"


def test_the_public_key_carries_no_private_part(issuer: str) -> None:
    (key,) = _get(f"{issuer}/jwks.json").json()["keys"]

    assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}


def test_an_expired_token_can_be_asked_for(issuer: str) -> None:
    token = _get(f"{issuer}/token", user="ada", expires_in="-60").json()["id_token"]

    with pytest.raises(jwt.ExpiredSignatureError):
        _verified(issuer, token)


def test_a_token_for_another_audience_can_be_asked_for(issuer: str) -> None:
    token = _get(f"{issuer}/token", user="ada", audience="someone-else").json()["id_token"]

    assert _verified(issuer, token, "someone-else")["aud"] == "someone-else"
    with pytest.raises(jwt.InvalidAudienceError):
        _verified(issuer, token)


def test_an_address_as_name_is_the_email_itself(issuer: str) -> None:
    token = _get(f"{issuer}/token", user="ada@lovelace.test").json()["id_token"]

    assert _verified(issuer, token)["email"] == "ada@lovelace.test"


@pytest.mark.parametrize("user", ["", "a b", "a/b", "ä", "x" * 129, "a\n"])
def test_an_odd_user_is_refused_in_a_sentence(issuer: str, user: str) -> None:
    answer = _get(f"{issuer}/token", user=user)

    assert answer.status_code == 400
    assert "?user=NAME" in answer.json()["error"]


def test_a_missing_user_is_refused(issuer: str) -> None:
    assert _get(f"{issuer}/token").status_code == 400


@pytest.mark.parametrize("query", [{"expires_in": "soon"}, {"expires_in": "999999999"}, {"audience": "a b"}])
def test_an_odd_lifetime_or_audience_is_refused(issuer: str, query: dict[str, str]) -> None:
    answer = _get(f"{issuer}/token", user="ada", **query)

    assert answer.status_code == 400
    assert next(iter(query)) in answer.json()["error"]


@pytest.mark.parametrize("path", ["/token?user=ada", "/token", "/jwks.json"])
def test_a_page_of_any_origin_may_read_the_answer(issuer: str, path: str) -> None:
    answer = requests.get(issuer + path, headers={"Origin": "http://127.0.0.1:9"}, timeout=5)

    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_busy_port_ends_the_program_with_one_sentence(issuer: str) -> None:
    port = str(urlsplit(issuer).port)

    second = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "emulators.identity", "--port", port, "--audience", "demo"],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )

    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr.count("\n") == 1
    assert port in second.stderr
