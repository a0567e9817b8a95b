"""What stands in Authorization and is no valid token of the issuer, made of one that is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_RSA = rsa.generate_private_key(65537, 2048)
_EC = ec.generate_private_key(ec.SECP256R1())


def headers_of(good: str, public_jwk: dict[str, Any], others: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """The Authorization headers by the name of what is wrong with them; `good` is the right one's.

    `public_jwk` is the issuer's key; `others` are tokens that it signed, and that are still not the right ones.
    """
    found: dict[str, tuple[str, ...]] = {name: (f"Bearer {token}",) for name, token in (_forged(good) | others).items()}
    found |= {f"signed with {name}": (f"Bearer {token}",) for name, token in _confused(good, public_jwk).items()}
    found |= {
        "good": (f"Bearer {good}",),
        "no header": (),
        "an empty header": ("",),
        "the scheme alone": ("Bearer",),
        "the scheme and a space": ("Bearer ",),
        "no scheme": (good,),
        "another scheme": (f"Token {good}",),
        "basic": ("Basic YWRhOnNlY3JldA==",),
        "a word behind it": (f"Bearer {good} x",),
        "a comma behind it": (f"Bearer {good},",),
        "two of them": (f"Bearer {good}", f"Bearer {good}"),
        "quotes around it": (f'Bearer "{good}"',),
        "a character beyond ASCII behind it": (f"Bearer {good}\xff",),
        "the word null": ("Bearer null",),
        "eight thousand letters": (f"Bearer {'x' * 8000}",),
        "four thousand dots": (f"Bearer {'.' * 4000}",),
    }
    return found


def _forged(good: str) -> dict[str, str]:
    head, claims, signature = good.split(".")
    told = _read(claims)
    kid = _read(head)["kid"]
    return {
        "garbage": "garbage",
        "one dot": f"{head}.{claims}",
        "three dots": f"{good}.{signature}",
        "no signature": f"{head}.{claims}.",
        "the mark of a verified signature": f"{head}.{claims}.SIGNATURE_REMOVED_BY_GOOGLE",
        "half a signature": f"{head}.{claims}.{signature[:100]}",
        "another's claims": f"{head}.{_part(told | {'sub': 'mallory'})}.{signature}",
        "no claims": f"{head}..{signature}",
        "claims that are a list": f"{head}.{_part([])}.{signature}",
        "claims that are no JSON": f"{head}.{_bytes(b'{')}.{signature}",
        "claims that are deep": f"{head}.{_bytes(b'[' * 4000)}.{signature}",
        "a header that is no JSON": f"{_bytes(b'{')}.{claims}.{signature}",
        "a header that is a list": f"{_part([])}.{claims}.{signature}",
        "a header that is deep": f"{_bytes(b'[' * 4000)}.{claims}.{signature}",
        "no key id": jwt.encode(told, _RSA, "RS256"),
        "an unknown key id": jwt.encode(told, _RSA, "RS256", {"kid": "another"}),
        "a key id that is a path": jwt.encode(told, _RSA, "RS256", {"kid": "../../../dev/null"}),
        "a key id that is a query": jwt.encode(told, _RSA, "RS256", {"kid": "' OR 1=1 --"}),
        "a key id that is a number": f"{_part({'alg': 'RS256', 'kid': 7})}.{claims}.{signature}",
        "a key id that is a list": f"{_part({'alg': 'RS256', 'kid': [kid]})}.{claims}.{signature}",
        "no algorithm": f"{_part({'kid': kid})}.{claims}.{signature}",
        "an algorithm that is a list": f"{_part({'alg': ['RS256'], 'kid': kid})}.{claims}.{signature}",
        "the algorithm none": f"{_part({'alg': 'none', 'kid': kid})}.{claims}.",
        "the algorithm nOnE": f"{_part({'alg': 'nOnE', 'kid': kid})}.{claims}.",
        "the algorithm none, signed": f"{_part({'alg': 'none', 'kid': kid})}.{claims}.{signature}",
        "what must be understood": f"{_part({'alg': 'RS256', 'kid': kid, 'crit': ['exp']})}.{claims}.{signature}",
        "five parts, as encrypted ones have": f"{head}.{claims}.{signature}.{claims}.{signature}",
    }


def _confused(good: str, public_jwk: dict[str, Any]) -> dict[str, str]:
    """Signatures that are right by the token's own word."""
    head, claims, _ = good.split(".")
    kid = _read(head)["kid"]
    told = _read(claims)
    public = jwt.PyJWK(public_jwk).key.public_numbers()
    modulus = public.n.to_bytes(256)
    own = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_RSA.public_key()))
    return {
        "the issuer's public key as a password": _hs256(kid, claims, modulus),
        "the issuer's key set as a password": _hs256(kid, claims, json.dumps(public_jwk).encode()),
        "nothing as a password": _hs256(kid, claims, b""),
        "another key": jwt.encode(told, _RSA, "RS256", {"kid": kid}),
        "a key that it brings along": jwt.encode(told, _RSA, "RS256", {"kid": kid, "jwk": own}),
        "a key from elsewhere": jwt.encode(told, _RSA, "RS256", {"kid": kid, "jku": "https://evil.test/jwks.json"}),
        "a certificate from elsewhere": jwt.encode(told, _RSA, "RS256", {"kid": kid, "x5u": "https://evil.test/x.pem"}),
        "RS512": jwt.encode(told, _RSA, "RS512", {"kid": kid}),
        "PS256": jwt.encode(told, _RSA, "PS256", {"kid": kid}),
        "an elliptic curve": jwt.encode(told, _EC, "ES256", {"kid": kid}),
    }


def _hs256(kid: str, claims: str, password: bytes) -> str:
    signed = f"{_part({'alg': 'HS256', 'kid': kid})}.{claims}"
    return f"{signed}.{_bytes(hmac.new(password, signed.encode(), hashlib.sha256).digest())}"


def _read(part: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


def _part(value: object) -> str:
    return _bytes(json.dumps(value).encode())


def _bytes(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
