"""Calls of the real client, and what they ask for."""

from __future__ import annotations

import base64
import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest

from imagefactory.adapters.gemini import GeminiModel
from imagefactory.adapters.gemini.answers import image_of
from imagefactory.domain.errors import AttemptFailed
from imagefactory.ports import GenerationRequest
from imagefactory.testing import some_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagefactory.domain.result import Failure
    from imagefactory.ports import GeneratedImage
    from tests.unit.gemini.server import Server

KEY = "AIzaSyTheKeyOfAlice_0123456789-abcdefghi"
#: Bytes whose base64 has all 64 signs and padding.
IMAGE = b"\x89PNG and \xff\xfe bytes whose base64 has + and /: \xfb\xef\xbe"
DATA = base64.b64encode(IMAGE).decode()
REQUEST = GenerationRequest("a lighthouse in the fog", some_parameters(model="an-image-model"))


def blob(data: str = DATA, mime_type: str = "image/png", **part: Any) -> dict[str, Any]:
    """A part with an image."""
    return {"inlineData": {"data": data, "mimeType": mime_type}} | part


def answer(*parts: Any, **candidate: Any) -> dict[str, Any]:
    """An answer with status 200 whose only candidate has these parts."""
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "finishReason": "STOP"} | candidate]}


ANSWER = answer(blob())


@contextlib.contextmanager
def a_model(server: Server, max_decodes: int = 6, path: str = "") -> Iterator[GeminiModel]:
    """A model whose connections are closed at the end: a function's process keeps them for as long as it lives."""
    model = GeminiModel(server.url + path, max_decodes=max_decodes)
    try:
        yield model
    finally:
        model._session.close()  # noqa: SLF001 - nobody else needs to


def made(model: GeminiModel, timeout: float = 5.0, drawing: GenerationRequest = REQUEST) -> GeneratedImage:
    """The image of a call."""
    with model.generate(drawing, KEY, timeout) as generated:
        return generated


def failure_in(whole: Any) -> Failure:
    """The failure that this answer with status 200 means."""
    with pytest.raises(AttemptFailed) as attempt:
        image_of(whole, KEY)
    return attempt.value.failure


def failed(server: Server, timeout: float = 5.0) -> tuple[Failure, float]:
    """The failure of a call, and the seconds it took."""
    with a_model(server) as model:
        began = time.monotonic()
        with pytest.raises(AttemptFailed) as attempt:
            made(model, timeout)
        seconds = time.monotonic() - began
    assert KEY not in attempt.value.failure.message
    return attempt.value.failure, seconds
