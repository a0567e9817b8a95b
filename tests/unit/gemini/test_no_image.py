"""Every answer of the Gemini API with status 200 and without an image, as it was seen, and what it means."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import types

from imagefactory.adapters.gemini.values import MAX_TEXT
from tests.unit.gemini.calling import KEY, answer, blob, failure_in

UNABLE = "Unable to show the generated image. The model could not generate the image based on the prompt provided."
COPYRIGHT = (
    "Unable to show the generated image due to interests of third-party content providers. Please edit your prompt and "
    "try again. If you think this was an error, send feedback. Support code: 35561575."
)
#: What Google's own list of finish reasons means to us: whether the content was refused.
FINISH_REASONS = {
    "FINISH_REASON_UNSPECIFIED": False,
    "STOP": False,
    "MAX_TOKENS": False,
    "SAFETY": True,
    "RECITATION": True,
    "LANGUAGE": True,
    "OTHER": False,
    "BLOCKLIST": True,
    "PROHIBITED_CONTENT": True,
    "SPII": True,
    "MALFORMED_FUNCTION_CALL": False,
    "IMAGE_SAFETY": True,
    "IMAGE_PROHIBITED_CONTENT": True,
    "IMAGE_OTHER": False,
    "NO_IMAGE": False,
    "IMAGE_RECITATION": True,
    "UNEXPECTED_TOOL_CALL": False,
    "TOO_MANY_TOOL_CALLS": False,
    "MISSING_THOUGHT_SIGNATURE": False,
    "MALFORMED_RESPONSE": False,
    "ESCALATION": True,
    "PUP_LIMITED_DISABLED": True,
    "CONTINUATION": False,
    "MODEL_ARMOR": True,
}
#: Reasons of tomorrow: they mean what reasons of today mean that are made of the same words.
UNKNOWN = {
    "IMAGE_BLOCKLIST": True,
    "VIDEO_SAFETY": True,
    "IMAGE_SPII": True,
    "IMAGE_JAILBREAK": True,
    "SOMETHING_NEW": False,
    "IMAGE_LATE": False,
}
#: Base64 of what is no image.
NOTE = "UklGRiBvciBub3Q="
BLOCK_REASONS = (
    *("BLOCKED_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"),
    *("MODEL_ARMOR", "JAILBREAK", "BLOCK_REASON_UNSPECIFIED", "A_REASON_OF_TOMORROW"),
)


@pytest.mark.parametrize(
    ("whole", "code", "reason"),
    [
        pytest.param(
            {"candidates": [{"content": {}, "finishReason": "IMAGE_OTHER", "index": 0, "finishMessage": UNABLE}]},
            "NO_IMAGE",
            "IMAGE_OTHER",
            id="A: empty content",
        ),
        pytest.param(
            {"candidates": [{"finishReason": "IMAGE_OTHER"}], "usageMetadata": {"totalTokenCount": 70}},
            "NO_IMAGE",
            "IMAGE_OTHER",
            id="B: no content",
        ),
        pytest.param(
            {
                "candidates": [
                    {
                        "content": {"role": "model"},
                        "finishReason": "IMAGE_PROHIBITED_CONTENT",
                        "finishMessage": COPYRIGHT,
                    }
                ]
            },
            "CONTENT_BLOCKED",
            "IMAGE_PROHIBITED_CONTENT",
            id="C: copyright filter",
        ),
        pytest.param(
            {"candidates": [{"content": {"parts": None}, "finishReason": "IMAGE_SAFETY"}]},
            "CONTENT_BLOCKED",
            "IMAGE_SAFETY",
            id="D: no parts",
        ),
        pytest.param(
            {"candidates": [{"content": None, "finishReason": "PROHIBITED_CONTENT"}]},
            "CONTENT_BLOCKED",
            "PROHIBITED_CONTENT",
            id="D: content null",
        ),
        pytest.param(
            {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 271}},
            "CONTENT_BLOCKED",
            "PROHIBITED_CONTENT",
            id="E: blocked prompt",
        ),
        pytest.param(
            {"candidates": None, "promptFeedback": {"blockReason": "OTHER"}},
            "CONTENT_BLOCKED",
            "OTHER",
            id="E: a prompt blocked for another reason, candidates null",
        ),
        pytest.param(answer({"text": "What colour shall it be?"}), "NO_IMAGE", "STOP", id="F: text alone"),
        pytest.param(answer(finishReason="MAX_TOKENS"), "NO_IMAGE", "MAX_TOKENS", id="G: cut short by the model"),
        pytest.param(
            answer({"text": "half a"}, finishReason="MAX_TOKENS"), "NO_IMAGE", "MAX_TOKENS", id="G: with text"
        ),
        pytest.param(
            answer(blob(thought=True), finishReason="IMAGE_SAFETY"),
            "CONTENT_BLOCKED",
            "IMAGE_SAFETY",
            id="thoughts alone, refused",
        ),
        pytest.param(
            answer(blob(thought=True), finishReason="IMAGE_OTHER"),
            "NO_IMAGE",
            "IMAGE_OTHER",
            id="thoughts alone, not finished",
        ),
        pytest.param(
            answer(blob(thought=True)) | {"promptFeedback": {"blockReason": "SAFETY"}},
            "CONTENT_BLOCKED",
            "SAFETY",
            id="thoughts alone, the prompt blocked",
        ),
        pytest.param(answer(blob("!", thought=True)), "NO_IMAGE", "STOP", id="a broken thought alone"),
        pytest.param(answer(blob(NOTE, "text/plain")), "NO_IMAGE", "STOP", id="a note alone"),
        pytest.param(answer(blob(NOTE, "audio/wav")), "NO_IMAGE", "STOP", id="a sound alone"),
        pytest.param(answer({"inlineData": {"data": NOTE}}), "NO_IMAGE", "STOP", id="bytes of no kind"),
        pytest.param({"candidates": [{"index": 0}]}, "NO_IMAGE", None, id="a candidate that says nothing"),
        pytest.param({"candidates": []}, "NO_IMAGE", None, id="no candidate"),
        pytest.param({"candidates": ["odd"]}, "NO_IMAGE", None, id="an odd candidate"),
        pytest.param({}, "NO_IMAGE", None, id="nothing at all"),
        pytest.param({"candidates": [{"content": [], "finishReason": 7}]}, "NO_IMAGE", "7", id="odd types"),
        pytest.param({"error": "odd"}, "NO_IMAGE", None, id="an odd error"),
        *(
            pytest.param(answer(finishReason=word), "CONTENT_BLOCKED" if refused else "NO_IMAGE", word, id=word)
            for word, refused in (FINISH_REASONS | UNKNOWN).items()
        ),
        *(
            pytest.param({"promptFeedback": {"blockReason": word}}, "CONTENT_BLOCKED", word, id=f"blocked: {word}")
            for word in BLOCK_REASONS
        ),
    ],
)
def test_an_answer_without_an_image_says_why(whole: Any, code: str, reason: str | None) -> None:
    failure = failure_in(whole)

    assert (failure.code, failure.provider_reason, failure.provider_status) == (code, reason, 200)
    assert failure.retryable is (code == "NO_IMAGE")
    assert failure.message


def test_every_reason_that_google_names_has_its_case() -> None:
    assert set(FINISH_REASONS) == {reason.value for reason in types.FinishReason}
    assert set(BLOCK_REASONS) >= {reason.value for reason in types.BlockedReason}


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        ({"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}, "RATE_LIMIT_EXCEEDED", True),
        ({"code": 403, "message": "No.", "status": "PERMISSION_DENIED"}, "INVALID_API_KEY", False),
        ({"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}, "SERVER_ERROR", True),
        ({"message": "Who knows?"}, "SERVER_ERROR", True),
        ({"code": 200}, "SERVER_ERROR", True),
    ],
)
def test_an_error_that_came_too_late_for_the_status_line_is_that_error(error: Any, code: str, retryable: bool) -> None:  # noqa: FBT001 - part of the table
    failure = failure_in({"error": error})

    assert (failure.code, failure.retryable) == (code, retryable)
    assert failure.message == error.get("message", "The Gemini API answered 200.")


def test_what_the_model_wrote_instead_of_drawing_is_told() -> None:
    failure = failure_in(
        answer({"text": "So I think", "thought": True}, {"text": f"{KEY}? I'd rather"}, {"text": "not."})
    )

    assert failure.message == "[key]? I'd rather not."


def test_a_reason_is_masked_and_cut() -> None:
    failure = failure_in(answer(finishReason=f"{KEY} {'x' * 10_000}"))

    assert failure.provider_reason is not None
    assert failure.provider_reason.startswith("[key] xxx")
    assert len(failure.provider_reason) <= MAX_TEXT


def test_what_the_provider_says_is_handed_on_without_the_key() -> None:
    failure = failure_in(answer(finishReason="IMAGE_OTHER", finishMessage=f"{UNABLE} {KEY}"))

    assert failure.message == f"{UNABLE} [key]"


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ({"promptFeedback": {"blockReason": "OTHER"}}, "The prompt was refused: OTHER."),
        (answer(finishReason="IMAGE_SAFETY"), "The image was refused: IMAGE_SAFETY."),
        (answer(finishReason="IMAGE_OTHER"), "The model answered without an image: IMAGE_OTHER."),
        ({}, "The model answered without an image."),
        (answer({"text": "Which one?"}, finishReason="SAFETY"), "Which one?"),
        (answer({"text": "Which one?"}, finishMessage="Not this one."), "Not this one."),
        (answer({"text": "One"}, {"text": None}, blob("!", thought=True), {"text": "two"}), "One  two"),
        (None, "The Gemini API's answer is no JSON object, or was cut short."),
        (answer(blob("!")), "The image in the Gemini API's answer is not valid base64."),
    ],
)
def test_the_caller_is_told_the_models_words_or_else_its_reason(whole: Any, message: str) -> None:
    assert failure_in(whole).message == message
