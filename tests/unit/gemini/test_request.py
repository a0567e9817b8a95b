from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.adapters.gemini.request import STEP, GeminiRequest
from imagefactory.ports import GenerationRequest
from imagefactory.testing import some_parameters
from tests.unit.gemini.calling import ANSWER, KEY, REQUEST, a_model, made
from tests.unit.gemini.server import answering_json, serving


def sent(drawing: GenerationRequest) -> Any:
    """The JSON of the request; it is as long as it says."""
    body = GeminiRequest(drawing)
    whole = b"".join(body)
    assert len(body) == len(whole)
    return json.loads(whole)


def test_it_asks_for_one_image_of_this_shape() -> None:
    assert sent(REQUEST) == {
        "contents": [{"role": "user", "parts": [{"text": "a lighthouse in the fog"}]}],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "1:1"}},
    }


def test_it_names_a_size_only_for_a_model_that_has_sizes() -> None:
    drawing = GenerationRequest("p", some_parameters(image_size="4K", aspect_ratio="21:9"))

    assert sent(drawing)["generationConfig"]["imageConfig"] == {"aspectRatio": "21:9", "imageSize": "4K"}


def test_it_shows_the_references_first() -> None:
    drawing = GenerationRequest("p", some_parameters(), (("image/webp", b"one"), ("image/jpeg", b"two")))

    assert sent(drawing)["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/webp", "data": "b25l"}},
        {"inlineData": {"mimeType": "image/jpeg", "data": "dHdv"}},
        {"text": "p"},
    ]


@pytest.mark.parametrize("size", [0, 1, 2, 3, STEP - 1, STEP, STEP + 1, 2 * STEP + 2])
def test_a_reference_of_any_size_arrives_whole(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    drawing = GenerationRequest("REFERENCE", some_parameters(), (("image/png", data), ("image/png", b"x")))

    parts = sent(drawing)["contents"][0]["parts"]

    assert base64.b64decode(parts[0]["inlineData"]["data"]) == data
    assert base64.b64decode(parts[1]["inlineData"]["data"]) == b"x"
    assert parts[2] == {"text": "REFERENCE"}


@given(st.text(), st.lists(st.binary(max_size=30), max_size=3))
def test_it_carries_every_prompt_as_it_is(prompt: str, references: list[bytes]) -> None:
    drawing = GenerationRequest(prompt, some_parameters(), tuple(("image/png", data) for data in references))

    *images, text = sent(drawing)["contents"][0]["parts"]

    assert text == {"text": prompt}
    assert [base64.b64decode(image["inlineData"]["data"]) for image in images] == references


def test_it_keeps_no_more_of_the_references_than_they_are() -> None:
    body = GeminiRequest(GenerationRequest("p", some_parameters(), (("image/png", bytes(5_000_000)),)))

    assert max(map(len, body)) <= STEP * 4 // 3


class TestOnTheWire:
    def test_it_goes_to_the_model_with_the_key_in_a_header_alone(self) -> None:
        with serving(answering_json(ANSWER)) as server, a_model(server) as model:
            made(model, 119.2)

        [request] = server.requests
        assert request.first_line == "POST /v1beta/models/an-image-model:generateContent HTTP/1.1"
        assert request.headers["x-goog-api-key"] == KEY
        assert request.headers["x-server-timeout"] == "120"
        assert request.headers["content-type"] == "application/json"
        assert KEY.encode() not in request.body

    @pytest.mark.parametrize("end", ["", "/", "//"])
    def test_it_goes_below_the_path_of_the_api_however_that_ends(self, end: str) -> None:
        with serving(answering_json(ANSWER)) as server, a_model(server, path=f"/proxy/X{end}") as model:
            made(model)

        assert server.requests[0].first_line.startswith("POST /proxy/X/v1beta/models/")

    @pytest.mark.parametrize("prompt", ["café 日本語 👩‍👩‍👧", "a\x00b\u2028c", "\u202ertl", "e\u0301", '"\\'])
    def test_a_prompt_and_references_arrive_with_a_length(self, prompt: str) -> None:
        drawing = GenerationRequest(prompt, some_parameters(), (("image/png", bytes(300_000)),))
        with serving(answering_json(ANSWER)) as server, a_model(server) as model:
            made(model, drawing=drawing)

        [request] = server.requests
        assert "transfer-encoding" not in request.headers
        assert json.loads(request.body)["contents"][0]["parts"][1] == {"text": prompt}
