"""One call of the Gemini API.

The key travels in a header, never in the URL, which proxies log. The whole call has one deadline, and the body a bound
on its size. The gate, from the first byte read until the image is stored, keeps a hundred answers that come at once
from standing in memory together.
"""

from __future__ import annotations

import base64
import contextlib
import json
import math
import threading
import time
from typing import TYPE_CHECKING, Any

import requests

from imagefactory.adapters.gemini.answers import failure_of_status, image_of
from imagefactory.adapters.gemini.deadline import DeadlineAdapter, deadline
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.result import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagefactory.ports import Drawing, Generated

CONNECT_SECONDS = 10.0
PIECE_BYTES = 256 * 1024
#: A 4K image is about 20 MB of base64, with a signature of a few more.
MAX_ANSWER_BYTES = 100_000_000


class GeminiModel:
    """The port Model. `gate` is how many answers are read and decoded at once, `pool` how many calls may be open."""

    def __init__(self, api_url: str, *, gate: int, pool: int = 100) -> None:
        self._api_url = api_url.rstrip("/")
        self._gate = threading.BoundedSemaphore(gate)
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, DeadlineAdapter(pool_maxsize=pool))
        # Neither proxies nor credentials from the environment: the caller's key goes to the provider alone.
        self._session.trust_env = False

    @contextlib.contextmanager
    def generate(self, drawing: Drawing, api_key: str, timeout: float) -> Iterator[Generated]:
        """POST the prompt, wait, and take the image out of the answer; keeps a place at the gate while it is in use."""
        with contextlib.ExitStack() as place:
            status, answer = self._answer(drawing, api_key, timeout, place)
            if status != requests.codes.ok:
                raise AttemptFailed(failure_of_status(status, answer, api_key))
            generated = image_of(answer, api_key)
            # The image stands in the answer once more, as text.
            del answer
            yield generated

    def _answer(self, drawing: Drawing, api_key: str, timeout: float, place: contextlib.ExitStack) -> tuple[int, Any]:
        with deadline(timeout) as call:
            try:
                status, body = self._post(drawing, api_key, timeout, place)
            except (requests.RequestException, OSError, ValueError) as broken:
                # The cause is cut off here: its text may hold the address and headers of the request.
                late = call.passed or isinstance(broken, requests.Timeout)
                raise AttemptFailed(_timeout(timeout) if late else _broken(broken)) from None
            # Cut off among the headers, an answer looks whole and empty.
            if call.passed:
                raise AttemptFailed(_timeout(timeout))
        return status, _json(body)

    def _post(
        self, drawing: Drawing, api_key: str, timeout: float, place: contextlib.ExitStack
    ) -> tuple[int, bytearray]:
        headers = {
            # Base64 hardly shrinks, and inflating it costs more than sending it.
            "Accept-Encoding": "identity",
            "x-goog-api-key": api_key,
            "Content-Type": "application/json",
            "X-Server-Timeout": str(math.ceil(timeout)),
        }
        ends = time.monotonic() + timeout
        response = self._session.post(
            f"{self._api_url}/v1beta/models/{drawing.recipe.model}:generateContent",
            data=json.dumps(request_body(drawing)).encode(),
            headers=headers,
            timeout=(min(CONNECT_SECONDS, timeout), timeout),
            stream=True,
            allow_redirects=False,
        )
        with response:
            self._enter(place, ends)
            return response.status_code, _read(response)

    def _enter(self, place: contextlib.ExitStack, ends: float) -> None:
        """Take a place at the gate, before the deadline."""
        if not self._gate.acquire(timeout=max(0.0, ends - time.monotonic())):
            raise requests.Timeout
        place.callback(self._gate.release)


def request_body(drawing: Drawing) -> dict[str, Any]:
    """The request as the API takes it: reference images first, then the prompt.

    `imageSize` is left out for models that have none: they refuse or ignore it.
    """
    parts: list[dict[str, Any]] = [
        {"inlineData": {"mimeType": content_type, "data": base64.b64encode(data).decode()}}
        for content_type, data in drawing.references
    ]
    recipe = drawing.recipe
    image_config = {"aspectRatio": recipe.aspect_ratio}
    if recipe.image_size:
        image_config["imageSize"] = recipe.image_size
    return {
        "contents": [{"role": "user", "parts": [*parts, {"text": drawing.prompt}]}],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": image_config},
    }


def _read(response: requests.Response) -> bytearray:
    """The whole body, within the bound."""
    body = bytearray()
    for piece in response.iter_content(PIECE_BYTES):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            message = f"The answer is over {MAX_ANSWER_BYTES} bytes."
            raise AttemptFailed(Failure(FailureCode.SERVER_ERROR, message, retryable=True))
    return body


def _json(body: bytearray) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _broken(error: Exception) -> Failure:
    message = f"The connection to the Gemini API failed ({type(error).__name__})."
    return Failure(FailureCode.SERVER_ERROR, message, retryable=True)


def _timeout(seconds: float) -> Failure:
    return Failure(FailureCode.TIMEOUT, f"The model did not answer within {seconds:.0f} s.", retryable=True)
