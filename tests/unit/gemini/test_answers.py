"""Every answer of the Gemini API that is known, as it was seen, and what it means."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.adapters.gemini.answers import failure_of_status, image_of
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.provenance import Tokens
from imagefactory.domain.result import Failure, FailureCode

KEY = "AIzaSyTheKeyOfAlice_0123456789-abcdefghi"
IMAGE = b"\x89PNG and \xff\xfe bytes whose base64 has + and /: \xfb\xef\xbe"
DATA = base64.b64encode(IMAGE).decode()


def error(code: int, message: str, status: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def reason(word: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": word, "domain": "googleapis.com"}


def answer(*parts: dict[str, Any], **candidate: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "finishReason": "STOP"} | candidate]}


def blob(data: str = DATA, mime_type: str = "image/png", **part: Any) -> dict[str, Any]:
    return {"inlineData": {"data": data, "mimeType": mime_type}} | part


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
        pytest.param(answer("odd", blob(), {"inlineData": 7}, {"inlineData": {"data": ""}}), id="odd parts beside"),  # type: ignore[arg-type] # odd on purpose
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


def test_a_type_that_is_not_told_is_empty() -> None:
    assert image_of(answer({"inlineData": {"data": DATA}}), KEY).content_type == ""


def failed(whole: Any) -> Failure:
    with pytest.raises(AttemptFailed) as attempt:
        image_of(whole, KEY)
    return attempt.value.failure


UNABLE = "Unable to show the generated image. The model could not generate the image based on the prompt provided."


@pytest.mark.parametrize(
    ("whole", "code", "reason"),
    [
        pytest.param(
            {"candidates": [{"content": {}, "finishReason": "IMAGE_OTHER", "index": 0, "finishMessage": UNABLE}]},
            "NO_IMAGE",
            "IMAGE_OTHER",
            id="empty content",
        ),
        pytest.param(
            {"candidates": [{"finishReason": "IMAGE_OTHER"}], "usageMetadata": {"totalTokenCount": 70}},
            "NO_IMAGE",
            "IMAGE_OTHER",
            id="no content",
        ),
        pytest.param(
            {"candidates": [{"content": {"role": "model"}, "finishReason": "IMAGE_PROHIBITED_CONTENT"}]},
            "CONTENT_BLOCKED",
            "IMAGE_PROHIBITED_CONTENT",
            id="copyright filter",
        ),
        pytest.param(
            {"candidates": [{"content": {"parts": None}, "finishReason": "IMAGE_SAFETY"}]},
            "CONTENT_BLOCKED",
            "IMAGE_SAFETY",
            id="no parts",
        ),
        pytest.param(
            {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 271}},
            "CONTENT_BLOCKED",
            "PROHIBITED_CONTENT",
            id="blocked prompt",
        ),
        pytest.param(
            {"candidates": None, "promptFeedback": {"blockReason": "OTHER"}},
            "CONTENT_BLOCKED",
            "OTHER",
            id="a prompt blocked for another reason",
        ),
        pytest.param(answer({"text": "What colour shall it be?"}), "NO_IMAGE", "STOP", id="text alone"),
        pytest.param(answer(finishReason="MAX_TOKENS"), "NO_IMAGE", "MAX_TOKENS", id="cut short by the model"),
        pytest.param(answer(finishReason="NO_IMAGE"), "NO_IMAGE", "NO_IMAGE", id="NO_IMAGE"),
        pytest.param(answer(finishReason="SOMETHING_NEW"), "NO_IMAGE", "SOMETHING_NEW", id="a reason yet unknown"),
        pytest.param(answer(blob(thought=True)), "NO_IMAGE", "STOP", id="thoughts alone"),
        pytest.param({"candidates": []}, "NO_IMAGE", None, id="no candidate"),
        pytest.param({"candidates": ["odd"]}, "NO_IMAGE", None, id="an odd candidate"),
        pytest.param({}, "NO_IMAGE", None, id="nothing at all"),
        pytest.param({"candidates": [{"content": [], "finishReason": 7}]}, "NO_IMAGE", "7", id="odd types"),
        *(
            pytest.param(answer(finishReason=word), "CONTENT_BLOCKED", word, id=word)
            for word in (
                *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"),
                *("IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
            )
        ),
    ],
)
def test_an_answer_without_an_image_says_why(whole: Any, code: str, reason: str | None) -> None:
    failure = failed(whole)

    assert (failure.code, failure.provider_reason) == (code, reason)
    assert failure.retryable is (code == "NO_IMAGE")
    assert failure.message


def test_what_the_provider_says_is_handed_on_without_the_key() -> None:
    failure = failed(answer(finishReason="IMAGE_OTHER", finishMessage=f"{UNABLE} {KEY}"))

    assert failure.message == f"{UNABLE} [key]"


@pytest.mark.parametrize("whole", [None, [], "text", 7])
def test_what_is_no_object_is_unusable(whole: Any) -> None:
    assert (failed(whole).code, failed(whole).retryable) == (FailureCode.SERVER_ERROR, True)


@pytest.mark.parametrize("data", ["!" + DATA, DATA[:-3] + "é", "A"])
def test_an_image_that_cannot_be_decoded_is_unusable(data: str) -> None:
    assert (failed(answer(blob(data))).code, failed(answer(blob(data))).retryable) == (FailureCode.SERVER_ERROR, True)


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
