"""Tokens that authenticate requests to targets, and the public keys that verify them."""

from __future__ import annotations

import base64
import secrets
import time
import zlib
from datetime import UTC, datetime, timedelta

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_LIFETIME_S = 3600
# Signing costs a millisecond: like Google's own token service, use one token for minutes.
_REUSE_S = 300
_MAX_CACHED = 1000
_SUBJECT_DIGITS = 21


class TokenIssuer:
    """Signs OIDC tokens with a key of this run, and invents opaque OAuth tokens.

    Times are the wall clock's, not the emulated clock's: targets compare them with their own.
    """

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = secrets.token_hex(20)
        self._cache: dict[tuple[str, str], tuple[float, str]] = {}

    def oidc_token(self, email: str, audience: str) -> str:
        """Sign an ID token of the service account for the audience, or return a recent one."""
        now = time.time()
        issued, token = self._cache.get((email, audience), (0.0, ""))
        if now - issued < _REUSE_S:
            return token
        if len(self._cache) >= _MAX_CACHED:
            self._cache.clear()
        token = jwt.encode(self._claims(email, audience, int(now)), self._key, "RS256", {"kid": self._key_id})
        self._cache[email, audience] = (now, token)
        return token

    def oauth_token(self, email: str, scope: str) -> str:
        """Invent an opaque access token: it only looks like one, nobody can verify it."""
        return f"ya29.local-{zlib.crc32(f'{email} {scope}'.encode()):08x}-{secrets.token_urlsafe(32)}"

    def discovery(self) -> dict[str, object]:
        """The OpenID discovery document."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/oauth2/v3/certs",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "claims_supported": ["aud", "azp", "email", "email_verified", "exp", "iat", "iss", "sub"],
        }

    def jwks(self) -> dict[str, object]:
        """The public key as a JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self._key_id}
        return {"keys": [key | {"n": _base64_integer(numbers.n), "e": _base64_integer(numbers.e)}]}

    def certificates(self) -> dict[str, str]:
        """The public key as a self-signed certificate by key id: the older form that google-auth reads."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cloud-tasks-emulator")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, self._key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=365))
        certificate = builder.sign(self._key, hashes.SHA256())
        return {self._key_id: certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def _claims(self, email: str, audience: str, now: int) -> dict[str, object]:
        # Google's subjects are numeric account ids: the same account always gets the same one.
        subject = str(zlib.crc32(email.encode()) + 10**9).rjust(_SUBJECT_DIGITS, "1")
        return {
            "iss": self.issuer,
            "aud": audience,
            "azp": subject,
            "email": email,
            "email_verified": True,
            "exp": now + _LIFETIME_S,
            "iat": now,
            "sub": subject,
        }


def _base64_integer(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
