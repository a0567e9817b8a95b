"""Tokens as Cloud Run hands them on: verified before, their signature replaced by a mark."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from imagefactory.api.auth.tokens import VERIFIED_BY_CLOUD_RUN, TokenVerifier
from imagefactory.api.errors import Unauthenticated
from tests.entrypoints.function import carrying
from tests.entrypoints.issuer import AUDIENCE, Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def handed_on(token: str) -> str:
    """The token as a private Cloud Run service sees it."""
    return token.rpartition(".")[0] + VERIFIED_BY_CLOUD_RUN


def tokens(issuer: Issuer, *, guarded: bool) -> TokenVerifier:
    return TokenVerifier.from_jwks_url(issuer.url, AUDIENCE, issuer.jwks_url, guarded=guarded)


def test_a_token_that_the_platform_verified_is_believed_where_iam_guards(issuer: Issuer) -> None:
    claims = tokens(issuer, guarded=True).verify(carrying(handed_on(issuer.token())))

    assert claims["sub"] == "ada"


def test_it_is_not_believed_where_nothing_guards(issuer: Issuer) -> None:
    with pytest.raises(Unauthenticated):
        tokens(issuer, guarded=False).verify(carrying(handed_on(issuer.token())))


def test_it_is_not_believed_where_the_platform_verified_another_header(issuer: Issuer) -> None:
    request = carrying(handed_on(issuer.token()))
    request.environ["HTTP_X_SERVERLESS_AUTHORIZATION"] = f"Bearer {handed_on(issuer.token())}"

    with pytest.raises(Unauthenticated):
        tokens(issuer, guarded=True).verify(request)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": [AUDIENCE, "another"]},
        {"iss": "https://another.example"},
        {"exp": int(time.time()) - 3600},
        {"iat": int(time.time()) + 3600},
        {"sub": None},
        {"exp": None},
    ],
)
def test_its_claims_are_checked_all_the_same(issuer: Issuer, changes: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        tokens(issuer, guarded=True).verify(carrying(handed_on(issuer.token(**changes))))


def test_any_other_signature_is_verified_as_ever(issuer: Issuer) -> None:
    guarded = tokens(issuer, guarded=True)
    token = issuer.token()

    assert guarded.verify(carrying(token))["sub"] == "ada"
    with pytest.raises(Unauthenticated):
        guarded.verify(carrying(token.rpartition(".")[0] + ".c2lnbmVk"))
    for ending in (".", VERIFIED_BY_CLOUD_RUN.lower(), f".x{VERIFIED_BY_CLOUD_RUN}", f"{VERIFIED_BY_CLOUD_RUN}x"):
        with pytest.raises(Unauthenticated):
            guarded.verify(carrying(token.rpartition(".")[0] + ending))
