"""One call of the Gemini API.

The key travels in a header, never in the URL, which proxies log. The whole call has one deadline, and the body a bound
on its size. The gate, from the first byte read until the image is stored, keeps a hundred answers that come at once
from standing in memory together.
"""

from __future__ import annotations

import contextlib
import math
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import requests

from imagefactory.adapters.gemini.answers import image_of
from imagefactory.adapters.gemini.deadline import DeadlineAdapter, TimedCall, deadline
from imagefactory.adapters.gemini.failures import failure_of_status
from imagefactory.adapters.gemini.request import GeminiRequest
from imagefactory.adapters.gemini.values import parse_json
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.result import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagefactory.ports import GeneratedImage, GenerationRequest

CONNECT_SECONDS = 10.0
PIECE_BYTES = 256 * 1024
#: A 4K image is about 20 MB of base64, with a signature of a few more.
MAX_ANSWER_BYTES = 100_000_000
#: Google's errors have a few kilobytes; of a longer one the status has to do.
MAX_ERROR_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status, the headers Retry-After and Date where there were some, and the body."""

    status: int
    retry_after: str | None
    date: str | None
    body: bytearray


class GeminiModel:
    """The port ImageModel: `max_decodes` answers are read and decoded at once, `pool` calls may be open."""

    def __init__(self, api_url: str, *, max_decodes: int, pool: int = 100) -> None:
        self._api_url = api_url.rstrip("/")
        self._decode_slots = threading.BoundedSemaphore(max_decodes)
        self._session = _Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, DeadlineAdapter(pool_maxsize=pool))

    @contextlib.contextmanager
    def generate(self, request: GenerationRequest, api_key: str, timeout: float) -> Iterator[GeneratedImage]:
        """POST the prompt, wait, and take the image out of the answer; keeps a place at the gate while it is in use."""
        with contextlib.ExitStack() as slot:
            answer = self._answer(request, api_key, timeout, slot)
            value = parse_json(answer.body)
            if answer.status != HTTPStatus.OK:
                failure = failure_of_status(answer.status, value, api_key, answer.retry_after, answer.date)
                raise AttemptFailed(failure)
            generated = image_of(value, api_key)
            # The image stands in the answer once more, as text.
            del value
            yield generated

    def _answer(self, request: GenerationRequest, api_key: str, timeout: float, slot: contextlib.ExitStack) -> Answer:
        with deadline(timeout) as call:
            try:
                answer = self._post(request, api_key, call, slot)
            except (requests.RequestException, OSError, ValueError) as broken:
                # The cause is cut off here: its text may hold the address and headers of the request.
                raise AttemptFailed(_timeout(timeout) if call.is_over else _describe_break(broken)) from None
            # Cut off among the headers, an answer looks whole and empty.
            if call.is_over:
                raise AttemptFailed(_timeout(timeout))
        return answer

    def _post(self, request: GenerationRequest, api_key: str, call: TimedCall, slot: contextlib.ExitStack) -> Answer:
        headers = {
            # Base64 hardly shrinks, and inflating it costs more than sending it.
            "Accept-Encoding": "identity",
            "x-goog-api-key": api_key,
            "Content-Type": "application/json",
            "X-Server-Timeout": str(math.ceil(call.seconds)),
        }
        response = self._session.post(
            f"{self._api_url}/v1beta/models/{request.parameters.model}:generateContent",
            data=GeminiRequest(request),
            headers=headers,
            timeout=(min(CONNECT_SECONDS, call.seconds), call.seconds),
            stream=True,
            allow_redirects=False,
        )
        with response:
            if not self._decode_slots.acquire(timeout=call.seconds_left):
                raise AttemptFailed(_timeout(call.seconds))
            slot.callback(self._decode_slots.release)
            body = _image_body(response) if response.status_code == HTTPStatus.OK else _error_body(response)
            retry_after, date = response.headers.get("Retry-After"), response.headers.get("Date")
            return Answer(response.status_code, retry_after, date, body)


class _Session(requests.Session):
    """A session that carries nothing from one caller's request to another's, and nothing but what it is told."""

    def __init__(self) -> None:
        super().__init__()
        # Neither proxies nor credentials from the environment: the caller's key goes to the provider alone.
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: requests would read the whole body of a redirect, of any size, even where it is not followed."""
        del resp


def _read(response: requests.Response, limit: int) -> bytearray | None:
    """The whole body, or None if it is over the limit."""
    body = bytearray()
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > limit:
        return None
    for piece in response.iter_content(PIECE_BYTES):
        body += piece
        if len(body) > limit:
            return None
    return body


def _image_body(response: requests.Response) -> bytearray:
    body = _read(response, MAX_ANSWER_BYTES)
    if body is None:
        message = f"The Gemini API's answer is over {MAX_ANSWER_BYTES} bytes."
        raise AttemptFailed(Failure(FailureCode.SERVER_ERROR, message, retryable=True, provider_status=200))
    return body


def _error_body(response: requests.Response) -> bytearray:
    """What an error says; nothing where that cannot be read, since its status tells the most important."""
    with contextlib.suppress(requests.RequestException, OSError):
        return _read(response, MAX_ERROR_BYTES) or bytearray()
    return bytearray()


def _describe_break(error: Exception) -> Failure:
    message = f"The connection to the Gemini API failed ({type(error).__name__})."
    return Failure(FailureCode.SERVER_ERROR, message, retryable=True)


def _timeout(seconds: float) -> Failure:
    return Failure(FailureCode.TIMEOUT, f"The model did not answer within {seconds:.0f} s.", retryable=True)
