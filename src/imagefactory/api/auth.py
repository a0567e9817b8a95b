"""Who calls: signed tokens (RS256 JWT) of a configured issuer, for users and for Cloud Tasks alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from imagefactory.domain.errors import Unauthenticated, Unavailable

if TYPE_CHECKING:
    from flask import Request

#: Seconds by which clocks may differ, and for which the issuer's keys are remembered.
LEEWAY_SECONDS = 60
KEYS_SECONDS = 3600
FETCH_SECONDS = 10
MAX_SUBJECT = 128
#: What Cloud Run puts in the place of a signature that it has verified.
VERIFIED_BY_CLOUD_RUN = ".SIGNATURE_REMOVED_BY_GOOGLE"


@dataclass(frozen=True)
class Tokens:
    """Verifies bearer tokens of one issuer for one audience; its public keys are fetched from `jwks_url`.

    `guarded` says that IAM lets nobody but permitted callers through: Cloud Run then verifies each token itself and
    hands it on with a mark in the place of its signature. Such a token is believed, and its claims are still checked;
    without `guarded`, and for any other signature, nothing is believed.
    """

    issuer: str
    audience: str
    keys: jwt.PyJWKClient
    guarded: bool = False

    @classmethod
    def of(cls, issuer: str, audience: str, jwks_url: str, *, guarded: bool = False) -> Tokens:
        """A verifier that fetches the keys when the first token comes."""
        keys = jwt.PyJWKClient(jwks_url, lifespan=KEYS_SECONDS, timeout=FETCH_SECONDS)
        return cls(issuer, audience, keys, guarded)

    def claims(self, request: Request) -> dict[str, Any]:
        """The verified claims of the request's token.

        Raises:
            Unauthenticated: there is none, or its signature, issuer, audience or expiry is not as it must be.
            Unavailable: the issuer's keys cannot be fetched.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        try:
            return self._decoded(token)
        except jwt.PyJWKClientConnectionError as down:
            raise Unavailable("the issuer's keys cannot be fetched") from down
        except jwt.ExpiredSignatureError as late:
            raise Unauthenticated("The ID token has expired; get a new one.") from late
        except (jwt.PyJWTError, ValueError) as wrong:
            raise Unauthenticated("The ID token is not valid here.") from wrong

    def _decoded(self, token: str) -> dict[str, Any]:
        verified_before = self.guarded and token.endswith(VERIFIED_BY_CLOUD_RUN)
        return jwt.decode(
            token,
            "" if verified_before else self.keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            audience=self.audience,
            issuer=self.issuer,
            leeway=LEEWAY_SECONDS,
            options={
                "require": ["exp", "iat", "aud", "iss", "sub"],
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
        raise Unauthenticated("The ID token has no usable subject.")
    return subject
