"""Who calls: signed tokens (RS256 JWT) of a configured issuer, for users and for Cloud Tasks alike."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from imagefactory.api.auth.jwks import ALGORITHM, JwksCache
from imagefactory.api.errors import Unauthenticated

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Request

#: Seconds by which clocks may differ.
LEEWAY_SECONDS = 60
MAX_TOKEN = 8192
MAX_SUBJECT = 128
#: What Cloud Run puts in the place of a signature that it has verified.
VERIFIED_BY_CLOUD_RUN = ".SIGNATURE_REMOVED_BY_GOOGLE"
#: Where this header is sent, Cloud Run verifies it instead, and passes Authorization on as it came.
VERIFIED_INSTEAD = "X-Serverless-Authorization"
#: How the issuers of Firebase's projects begin; their tokens always say when the user signed in.
FIREBASE = "https://securetoken.google.com/"
_CLAIMS = ["exp", "iat", "aud", "iss", "sub"]

_TOKEN = re.compile(r" *([\w-]+\.[\w-]+\.[\w-]+)", re.ASCII)


class InvalidToken(Unauthenticated):
    """The ID token is not valid here."""

    @property
    def headers(self) -> dict[str, str]:
        """The challenge says what is wrong with the token, which RFC 6750 keeps for requests that sent one."""
        (name, challenge), *_ = super().headers.items()
        return {name: f'{challenge}, error="invalid_token", error_description="{self}"'}


@dataclass(frozen=True)
class TokenVerifier:
    """Verifies bearer tokens of one issuer for one audience.

    `guarded` says that IAM lets nobody but permitted callers through: Cloud Run then verifies each token itself and
    hands it on with a mark in the place of its signature. Such a token is believed, and its claims are still checked;
    without `guarded`, and for any other signature, nothing is believed. Tokens issued before `not_before` are refused.
    """

    issuer: str
    audience: str
    keys: JwksCache
    guarded: bool = False
    not_before: datetime | None = None

    @classmethod
    def from_jwks_url(
        cls, issuer: str, audience: str, jwks_url: str, *, guarded: bool = False, not_before: datetime | None = None
    ) -> TokenVerifier:
        """A verifier that fetches the keys from `jwks_url` when the first token comes."""
        return cls(issuer, audience, JwksCache(jwks_url), guarded, not_before)

    def verify(self, request: Request) -> dict[str, Any]:
        """The verified claims of the request's token.

        Raises:
            Unauthenticated: there is none, or its signature, issuer, audience or expiry is not as it must be.
            Unavailable: the issuer's keys cannot be fetched.
        """
        # A header that was sent twice comes as one, joined by a comma, and is no token.
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not rest.strip():
            raise Unauthenticated
        match = _TOKEN.fullmatch(rest) if len(rest) <= MAX_TOKEN else None
        if match is None:
            raise InvalidToken
        is_verified = self.guarded and rest.endswith(VERIFIED_BY_CLOUD_RUN) and VERIFIED_INSTEAD not in request.headers
        try:
            claims = self._decode(match[1], verified_before=is_verified)
        except jwt.ExpiredSignatureError as late:
            raise InvalidToken("The ID token has expired; get a new one.") from late
        except (jwt.PyJWTError, ValueError) as wrong:
            raise InvalidToken from wrong
        # What the library does not ask: whether it is for us alone, and its user has signed in already.
        signed_in = claims.get("auth_time", 0)
        has_signed_in = type(signed_in) in (int, float) and signed_in <= time.time() + LEEWAY_SECONDS
        if claims["aud"] not in (self.audience, [self.audience]) or not has_signed_in:
            raise InvalidToken
        if self.not_before and int(claims["iat"]) < self.not_before.timestamp():
            raise InvalidToken("The ID token was issued before tokens were withdrawn; get a new one.")
        return claims

    def _decode(self, token: str, *, verified_before: bool) -> dict[str, Any]:
        key: jwt.PyJWK | str = ""
        if not verified_before:
            header = jwt.get_unverified_header(token)
            # An issuer signs more than ID tokens (logouts, access tokens), and tells them apart by their type.
            is_plain = str(header.get("typ", "JWT")).casefold() == "jwt" and "crit" not in header
            if header.get("alg") != ALGORITHM or "kid" not in header or not is_plain:
                raise InvalidToken
            # By `kid` only: `jku`, `x5u` and `jwk` are chosen by whoever wrote the token.
            key = self.keys.key(header["kid"]) or ""
            if not key:
                raise InvalidToken
        return jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=self.audience,
            issuer=self.issuer,
            leeway=LEEWAY_SECONDS,
            options={
                "require": [*_CLAIMS, "auth_time"] if self.issuer.startswith(FIREBASE) else _CLAIMS,
                "verify_signature": not verified_before,
                # Without the signature, the library would leave the claims unchecked too.
                "verify_exp": True,
                "verify_nbf": True,
                "verify_iat": True,
                "verify_aud": True,
                "verify_iss": True,
            },
        )


def user_of(claims: dict[str, Any]) -> str:
    """The user's id: the token's subject.

    Raises:
        Unauthenticated: the subject is none.
    """
    subject = claims["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT:
        raise InvalidToken("The ID token has no usable subject.")
    return subject
