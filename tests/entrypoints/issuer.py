"""A token issuer in a thread: signs with a key of its own, and serves the public part over HTTP."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from types import TracebackType

AUDIENCE = "image-factory-test"
KEY_ID = "key-1"


def public_jwk(key: rsa.RSAPrivateKey, key_id: str = KEY_ID) -> dict[str, Any]:
    """The public half of a key, as a JWK set has it."""
    public: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return public | {"kid": key_id, "alg": "RS256", "use": "sig"}


@dataclass
class Answer:
    """What the issuer answers to whoever asks for its keys; `open` may hold the answer back."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    open: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, *keys: dict[str, Any], **headers: str) -> Self:
        """An answer with these keys, given at once; an underscore in a header's name is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = cls(json.dumps({"keys": keys}).encode(), headers=named)
        answer.open.set()
        return answer


class Issuer:
    """Use it as a context manager: its server runs as long as the block. `asked` are the paths of all requests."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.answer = Answer.of(public_jwk(self.key))
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.jwks_url = f"{self.url}/jwks.json"

    def __enter__(self) -> Self:
        # The short interval is how long the end of the test run may have to wait for the thread.
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.answer.open.set()
        self._server.shutdown()
        self._server.server_close()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What an ID token of ada says; a change to None leaves the claim out."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 3600} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, **changes: Any) -> str:
        """A token that is signed as it should be."""
        return self.signed(self.claims(**changes))

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        """A token of these claims, with more in its header."""
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KEY_ID} | header)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                answer = issuer.answer
                answer.open.wait(30)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        return Handler
