"""Calls of REST interfaces: Firestore's, for the little that gcloud has no command for, and the deployed functions'."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_SECONDS = 130


@dataclass(frozen=True)
class Answer:
    """What came back. `status` is 0 when nothing did, and `body` then says why."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; {} when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def message(self) -> str:
        """The error's message, or the beginning of the body."""
        error = self.json.get("error", {}) if isinstance(self.json, dict) else {}
        return str(error.get("message") or self.body[:300].decode(errors="replace"))


def call(method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send a request with a JSON body, if any; an error status is an answer like any other."""
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, sent, method=method)  # noqa: S310 - addresses come from gcloud and settings
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - the same
            return Answer(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())
    except OSError as error:
        return Answer(0, {}, str(error).encode())


class RestError(Exception):
    """A REST interface refused; the message says which and why."""


@dataclass(frozen=True)
class Firestore:
    """Firestore's documents interface, as whoever the access token belongs to; `base` ends without a slash."""

    base: str
    token: str = field(repr=False)

    def post(self, path: str, body: object) -> Any:
        """The JSON that is answered.

        Raises:
            RestError: it was refused.
        """
        answer = call("POST", f"{self.base}/v1/{path}", body, {"Authorization": f"Bearer {self.token}"})
        if answer.status != HTTPStatus.OK:
            raise RestError(f"Firestore answered {answer.status}: {answer.message}")
        return answer.json
