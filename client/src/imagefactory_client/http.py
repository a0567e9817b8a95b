"""Requests with a token, and the tries that follow a temporary failure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import requests
from requests.exceptions import ChunkedEncodingError, ContentDecodingError

from imagefactory_client.errors import ImageFactoryError, Unauthenticated, UnexpectedAnswer, Unreachable, build_error

T = TypeVar("T")
Token: TypeAlias = str | Callable[[], str]
Sleep: TypeAlias = Callable[[float], None]

CONNECT_SECONDS, READ_SECONDS, SUBMIT_SECONDS = 10, 90, 300
MAX_RETRIES = 5
FIRST_PAUSE_SECONDS = 0.5
#: A longer Retry-After is the caller's to wait for.
MAX_PAUSE_SECONDS = 300
CONNECTION_ERRORS = (requests.ConnectionError, requests.Timeout, ChunkedEncodingError, ContentDecodingError)


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the API: `path` begins with a slash, `body` is JSON, `read_seconds` the longest silence."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    read_seconds: float = READ_SECONDS

    def __str__(self) -> str:
        """The method and the path."""
        return f"{self.method} {self.path}"


class Http:
    """Sends requests to the API at `url` with the user's token."""

    def __init__(self, url: str, token: Token, sleep: Sleep) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"the API's address begins with http:// or https://, unlike {url!r}")
        self.session = requests.Session()
        self.sleep = sleep
        self._url = url.rstrip("/")
        self._source = token
        self._token = token if isinstance(token, str) else ""

    def send(self, request: Request) -> requests.Response:
        """The answer, whose status is below 300 or 304; temporary failures are tried again.

        Raises:
            ApiError: the API refuses.
            Unreachable: no answer comes.
            UnexpectedAnswer: it leads elsewhere.
        """
        return try_repeatedly(partial(self._send_with_token, request), self.sleep)

    def _send_with_token(self, request: Request) -> requests.Response:
        """One try; after a 401 once more with a new token, if there is a source of tokens."""
        if isinstance(self._source, str):
            return self._send_once(request)
        self._token = self._token or self._source()
        try:
            return self._send_once(request)
        except Unauthenticated:
            self._token = self._source()
            return self._send_once(request)

    def _send_once(self, request: Request) -> requests.Response:
        content = {} if request.body is None else {"Content-Type": "application/json"}
        try:
            answer = self.session.request(
                request.method,
                self._url + request.path,
                params=dict(request.query),
                data=request.body,
                headers={"Accept": "application/json", **content, **request.headers},
                # A header alone would give way to the user's .netrc.
                auth=partial(_authorize, self._token.strip()),
                timeout=(CONNECT_SECONDS, request.read_seconds),
                allow_redirects=False,
            )
        except CONNECTION_ERRORS as error:
            raise Unreachable(f"{request} got no answer from {self._url}: {error}") from error
        _raise_for_status(answer, str(request))
        return answer

    def read(self, request: Request, parse: Callable[[Mapping[str, Any]], T]) -> T:
        """The record that `parse` makes of the answer's data. Raises as `send` does."""
        return parse_data(self.send(request), parse)


def _authorize(token: str, request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def _raise_for_status(answer: requests.Response, request: str) -> None:
    status = answer.status_code
    if status >= HTTPStatus.BAD_REQUEST:
        text = answer.text.strip() or answer.reason or ""
        error = build_error(status, read_json(answer), text, answer.headers.get("X-Request-Id", ""), request)
        error.retry_after = read_retry_after(answer.headers.get("Retry-After"))
        raise error
    if status >= HTTPStatus.MULTIPLE_CHOICES and status != HTTPStatus.NOT_MODIFIED:
        raise UnexpectedAnswer(
            f"{request} answered {status} to {answer.headers.get('Location')}: is the address right?"
        )


def read_json(answer: requests.Response) -> Any:
    """The answer's JSON; None if it has none."""
    try:
        return answer.json()
    except ValueError:
        return None


def parse_data(answer: requests.Response, parse: Callable[[Mapping[str, Any]], T]) -> T:
    """The record that `parse` makes of the answer's data; raises UnexpectedAnswer if it cannot."""
    try:
        return parse(answer.json()["data"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        begin = " ".join(answer.text[:200].split())
        raise UnexpectedAnswer(f"the answer of {answer.url} is not the API's ({error!r}): {begin}") from error


def read_retry_after(text: str | None) -> float | None:
    """The seconds of a Retry-After header, which has them or a date; None if there is none that can be read."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((moment.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def try_repeatedly(attempt: Callable[[], T], sleep: Sleep) -> T:
    """The value of `attempt`, which is tried again up to five times after a temporary ImageFactoryError."""
    retries = 0
    while True:
        try:
            return attempt()
        except ImageFactoryError as error:
            pause = choose_pause(retries, error.retry_after)
            if not error.is_temporary or retries == MAX_RETRIES or pause > MAX_PAUSE_SECONDS:
                raise
        retries += 1
        sleep(pause)


def choose_pause(retries: int, retry_after: float | None) -> float:
    """Seconds before the next try: what the API asks for, or up to 0.5 s, 1 s, 2 s, 4 s, 8 s by chance."""
    if retry_after is not None:
        return retry_after
    return random.uniform(0, FIRST_PAUSE_SECONDS * 2**retries)  # noqa: S311 - spreads tries, keeps no secret
