"""`python -m emulators.identity --port N --audience A`: serve the token issuer on loopback until a signal.

- `GET /token?user=NAME` answers `{"id_token": "…"}`: an RS256 token in the form of Firebase's ID tokens, valid for an
  hour. `&expires_in=SECONDS` (negative: expired) and `&audience=…` make other tokens for tests.
- `GET /jwks.json` answers the public key, `GET /.well-known/openid-configuration` the discovery document.

The key lives as long as the process. Pages of any origin may read every answer: the page is on another port.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

USER = re.compile(r"[A-Za-z0-9._@-]{1,128}")
AUDIENCE = re.compile(r"[!-~]{1,256}")
DEFAULT_LIFETIME_SECONDS = 3600
MAX_LIFETIME_SECONDS = 10 * 366 * 24 * 3600


class InvalidQueryError(ValueError):
    """An invalid query; the message says why, in a sentence for people."""


@dataclass(frozen=True)
class Issuer:
    """A signing key with its issuer: `url` becomes `iss`, `audience` is the default `aud`."""

    url: str
    audience: str
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False)

    def public_jwk(self) -> dict[str, Any]:
        """The public key as a JSON Web Key, named by a hash of itself."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(json.dumps({part: jwk[part] for part in ("e", "kty", "n")}).encode())
        kid = base64.urlsafe_b64encode(digest.finalize()).rstrip(b"=").decode()
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": jwk["n"], "e": jwk["e"]}

    def token(self, user: str, *, expires_in: int = DEFAULT_LIFETIME_SECONDS, audience: str | None = None) -> str:
        """Sign an ID token for `user` that expires in `expires_in` seconds; a negative number makes an expired one."""
        expires = int(time.time()) + expires_in
        # An expired token was issued early, too: a verifier must refuse it because of `exp`, not of `iat`.
        issued = min(int(time.time()), expires - DEFAULT_LIFETIME_SECONDS)
        email = user if "@" in user else f"{user}@example.test"
        claims = {
            "iss": self.url,
            "aud": audience or self.audience,
            "sub": user,
            "user_id": user,
            "email": email,
            "email_verified": True,
            "auth_time": issued,
            "iat": issued,
            "exp": expires,
            "firebase": {"identities": {"email": [email]}, "sign_in_provider": "password"},
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.public_jwk()["kid"]})

    def discovery(self) -> dict[str, Any]:
        """The OpenID Connect discovery document."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks.json",
            "token_endpoint": f"{self.url}/token",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }


def issue_token(issuer: Issuer, query: Mapping[str, str]) -> str:
    """Issue the token that a query string describes; raises `InvalidQueryError`."""
    user = query.get("user", "")
    if not USER.fullmatch(user):
        raise InvalidQueryError(
            "Give the user's name as ?user=NAME: 1 to 128 letters, digits, dots, underscores, hyphens or @."
        )
    audience = query.get("audience", issuer.audience)
    if not AUDIENCE.fullmatch(audience):
        raise InvalidQueryError("audience must be 1 to 256 printable ASCII characters without spaces.")
    lifetime = query.get("expires_in", str(DEFAULT_LIFETIME_SECONDS))
    if not re.fullmatch(r"-?[0-9]{1,9}", lifetime) or abs(int(lifetime)) > MAX_LIFETIME_SECONDS:
        raise InvalidQueryError("expires_in must be a whole number of seconds, at most ten years either way.")
    return issuer.token(user, expires_in=int(lifetime), audience=audience)


async def _allow_every_origin(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Access-Control-Allow-Origin"] = "*"


def _json_handler(body: Callable[[], dict[str, Any]]) -> Callable[[web.Request], Any]:
    async def handler(_request: web.Request) -> web.Response:
        return web.json_response(body())

    return handler


def application(issuer: Issuer) -> web.Application:
    """Build the HTTP application of an issuer."""

    async def token(request: web.Request) -> web.Response:
        try:
            answer = {"id_token": issue_token(issuer, request.query)}
        except InvalidQueryError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    app = web.Application()
    app.on_response_prepare.append(_allow_every_origin)
    app.router.add_get("/token", token)
    app.router.add_get("/jwks.json", _json_handler(lambda: {"keys": [issuer.public_jwk()]}))
    app.router.add_get("/.well-known/openid-configuration", _json_handler(issuer.discovery))
    app.router.add_get("/_local/health", _json_handler(lambda: {"status": "ok"}))
    return app


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Serve until a signal; return 0, or 1 if the port cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m emulators.identity", description="Issues ID tokens to local users."
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--audience", required=True, help="the aud of every token, as Firebase puts the project id")
    options = parser.parse_args()
    issuer = Issuer(f"http://127.0.0.1:{options.port}", options.audience)
    try:
        web.run_app(
            application(issuer),
            host="127.0.0.1",
            port=options.port,
            # aiohttp calls this once the port is open.
            print=lambda _banner: _say(f"identity: {issuer.url}"),
            access_log=None,
            shutdown_timeout=0.2,
        )
    except (OSError, OverflowError) as error:
        sys.stderr.write(f"identity: cannot listen on 127.0.0.1:{options.port}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
