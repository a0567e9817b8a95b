"""Every answer of the Gemini API with an image that is known, as it was seen; and answers that make no sense."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.adapters.gemini.answers import image_of
from imagefactory.adapters.gemini.failures import failure_of_status
from imagefactory.adapters.gemini.values import parsed
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.provenance import Tokens
from imagefactory.domain.result import FailureCode
from tests.unit.gemini.calling import DATA, IMAGE, KEY, answer, blob, failure_in

OTHER = base64.b64encode(b"an interim image").decode()


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(answer(blob()), id="an image alone"),
        pytest.param(answer({"text": "Here it is:"}, blob()), id="text before"),
        pytest.param(answer(blob(), {"text": "There it was."}), id="text behind"),
        pytest.param(answer(blob(OTHER), blob()), id="the last of two"),
        pytest.param(answer(blob(), blob(OTHER, thought=True)), id="a thought is none"),
        pytest.param(answer(blob(thoughtSignature="x" * 1_000_000)), id="a huge signature"),
        pytest.param(answer({"inline_data": {"data": DATA, "mime_type": "image/png"}}), id="names of protocol buffers"),
        pytest.param(answer(blob(base64.urlsafe_b64encode(IMAGE).decode())), id="the alphabet of URLs"),
        pytest.param(answer(blob(DATA.rstrip("="))), id="no padding"),
        pytest.param(answer(blob(), finishReason="MAX_TOKENS"), id="whatever the finish reason"),
        pytest.param(answer("odd", blob(), {"inlineData": 7}, {"inlineData": {"data": ""}}), id="odd parts beside"),
        pytest.param(answer({"text": "Thinking…", "thought": True}, blob(), {}), id="a thought in words"),
        pytest.param(
            answer(blob(OTHER), {"text": "Better:"}, blob(OTHER), blob()), id="the last of many, text between"
        ),
        pytest.param(
            answer(blob(base64.urlsafe_b64encode(IMAGE).decode().rstrip("="))), id="that alphabet, no padding"
        ),
        pytest.param({"candidates": [{"content": {"parts": [blob()]}}]}, id="nothing else"),
        pytest.param(answer(blob()) | {"promptFeedback": {"safetyRatings": []}}, id="feedback without a block"),
        pytest.param(answer(blob()) | {"error": {"code": 500}}, id="an error beside"),
    ],
)
def test_the_image_is_found_wherever_it_is(whole: dict[str, Any]) -> None:
    generated = image_of(whole, KEY)

    assert (generated.data, generated.content_type) == (IMAGE, "image/png")


def test_usage_and_identity_are_kept() -> None:
    usage = {
        "promptTokenCount": 22,
        "candidatesTokenCount": 1216,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        "thoughtsTokenCount": 179,
    }

    generated = image_of(answer(blob()) | {"usageMetadata": usage, "modelVersion": "m", "responseId": "r"}, KEY)

    assert (generated.model_version, generated.response_id) == ("m", "r")
    assert generated.tokens == Tokens(image=1120, text=1216 - 1120 + 179, input=22)


@pytest.mark.parametrize(
    "usage", [None, [], {"promptTokenCount": "22"}, {"candidatesTokensDetails": [None, {}]}, {"thoughtsTokenCount": -1}]
)
def test_usage_that_makes_no_sense_counts_nothing(usage: object) -> None:
    assert image_of(answer(blob()) | {"usageMetadata": usage}, KEY).tokens == Tokens()


def test_interim_images_are_counted_and_thoughts_are_text() -> None:
    usage = {
        "candidatesTokenCount": 3 * 1120 + 88,
        "candidatesTokensDetails": [
            {"modality": "IMAGE", "tokenCount": 3 * 1120},
            {"modality": "TEXT", "tokenCount": 88},
        ],
    }

    generated = image_of(answer(blob(OTHER), blob(OTHER), blob()) | {"usageMetadata": usage}, KEY)

    assert generated.tokens == Tokens(image=3360, text=88, input=0)


def test_a_type_that_is_not_told_is_empty() -> None:
    assert image_of(answer({"inlineData": {"data": DATA}}), KEY).content_type == ""


@pytest.mark.parametrize("whole", [None, [], "text", 7])
def test_what_is_no_object_is_unusable(whole: Any) -> None:
    assert (failure_in(whole).code, failure_in(whole).retryable) == (FailureCode.SERVER_ERROR, True)


@pytest.mark.parametrize("data", ["!" + DATA, DATA[:-3] + "é", "A"])
def test_an_image_that_cannot_be_decoded_is_unusable(data: str) -> None:
    assert (failure_in(answer(blob(data))).code, failure_in(answer(blob(data))).retryable) == (
        FailureCode.SERVER_ERROR,
        True,
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["candidates", "content", "parts", "inlineData", "data", "promptFeedback", "error", "details"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.integers(201, 599), JSON)
def test_no_answer_at_all_breaks_the_reader(status: int, whole: Any) -> None:
    assert failure_of_status(status, whole, KEY).message

    try:
        image_of(whole, KEY)
    except AttemptFailed as attempt:
        assert attempt.failure.message  # noqa: PT017 - a few of these may hold an image


def test_what_was_parsed_leaves_its_body_empty() -> None:
    body = bytearray(b'\xef\xbb\xbf{"a": [1, 2]}')

    assert parsed(body) == {"a": [1, 2]}
    assert body == b""
