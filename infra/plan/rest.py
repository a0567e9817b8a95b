"""Calls of Google's REST interfaces, for the little that gcloud has no command for, and of the deployed functions."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
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


def firestore(path: str, body: object) -> Any:
    """Post to Firestore's documents interface, as whoever ACCESS_TOKEN belongs to; honours gcloud's endpoint override.

    Raises:
        RestError: it was refused.
    """
    base = os.environ.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE", "https://firestore.googleapis.com/")
    bearer = {"Authorization": f"Bearer {os.environ['ACCESS_TOKEN']}"}
    answer = call("POST", f"{base.rstrip('/')}/v1/{path}", body, bearer)
    if answer.status != 200:  # noqa: PLR2004 - HTTP's OK
        problem = answer.json.get("error", {}) if isinstance(answer.json, dict) else {}
        said = problem.get("message") or answer.body[:300].decode(errors="replace")
        raise RestError(f"Firestore answered {answer.status}: {said}")
    return answer.json
