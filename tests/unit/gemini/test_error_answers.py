"""Every error of the Gemini API that is known, as it was seen, and what it means."""

from __future__ import annotations

from typing import Any

import pytest

from imagefactory.adapters.gemini.answers import MAX_MESSAGE, failure_of_status, masked
from imagefactory.domain.result import FailureCode

KEY = "AIzaSyTheKeyOfAlice_0123456789-abcdefghi"


def error(code: int, message: str, status: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def reason(word: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": word, "domain": "googleapis.com"}


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(*ids: str, **more: str) -> dict[str, Any]:
    violations = [{"quotaMetric": "generativelanguage.googleapis.com/requests", "quotaId": one} | more for one in ids]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}


PER_MINUTE, PER_DAY = "GenerateRequestsPerMinutePerProjectPerModel", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
EXCEEDED = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: "
    "https://ai.dev/rate-limit. \n* Quota exceeded for metric: "
    "generativelanguage.googleapis.com/generate_content_paid_tier_requests, limit: {limit}, model: an-image-model\n"
    "* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_paid_tier_input_token_count, "
    "limit: {limit}, model: an-image-model\nPlease retry in 35.84422229s."
)

FAILURES = [
    pytest.param(
        400,
        error(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", reason("API_KEY_INVALID")),
        (FailureCode.INVALID_API_KEY, False, 0.0, "API_KEY_INVALID"),
        id="invalid key",
    ),
    pytest.param(
        400,
        error(
            400,
            "API key expired. Please renew the API key.",
            "INVALID_ARGUMENT",
            {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US"},
            reason("API_KEY_INVALID"),
        ),
        (FailureCode.INVALID_API_KEY, False, 0.0, "API_KEY_INVALID"),
        id="expired key",
    ),
    pytest.param(
        401,
        error(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED"),
        (FailureCode.INVALID_API_KEY, False, 0.0, "UNAUTHENTICATED"),
        id="unauthenticated",
    ),
    pytest.param(
        403,
        error(403, "Your API key was reported as leaked. Please use another API key.", "PERMISSION_DENIED"),
        (FailureCode.INVALID_API_KEY, False, 0.0, "PERMISSION_DENIED"),
        id="leaked key",
    ),
    pytest.param(
        403,
        error(403, "Generative Language API has not been used.", "PERMISSION_DENIED", reason("SERVICE_DISABLED")),
        (FailureCode.INVALID_API_KEY, False, 0.0, "SERVICE_DISABLED"),
        id="API disabled",
    ),
    pytest.param(
        400,
        error(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"),
        (FailureCode.INVALID_REQUEST, False, 0.0, "FAILED_PRECONDITION"),
        id="region",
    ),
    pytest.param(
        400,
        error(400, "* GenerateContentRequest.generation_config.image_config.aspect_ratio: …", "INVALID_ARGUMENT"),
        (FailureCode.INVALID_REQUEST, False, 0.0, "INVALID_ARGUMENT"),
        id="aspect ratio",
    ),
    pytest.param(
        404,
        error(404, "models/X is not found for API version v1beta", "NOT_FOUND"),
        (FailureCode.INVALID_REQUEST, False, 0.0, "NOT_FOUND"),
        id="unknown model",
    ),
    pytest.param(413, None, (FailureCode.INVALID_REQUEST, False, 0.0, None), id="too large, in HTML"),
    pytest.param(408, None, (FailureCode.SERVER_ERROR, True, 0.0, None), id="request timeout"),
    pytest.param(
        429,
        error(429, EXCEEDED.format(limit=10), "RESOURCE_EXHAUSTED", quota(PER_MINUTE), retry_info("35s")),
        (FailureCode.RATE_LIMIT_EXCEEDED, True, 35.0, "RESOURCE_EXHAUSTED"),
        id="per minute",
    ),
    pytest.param(
        429,
        error(429, EXCEEDED.format(limit=10), "RESOURCE_EXHAUSTED", retry_info("34.4s"), quota(PER_MINUTE)),
        (FailureCode.RATE_LIMIT_EXCEEDED, True, 34.4, "RESOURCE_EXHAUSTED"),
        id="parts of a second",
    ),
    pytest.param(
        429,
        error(429, EXCEEDED.format(limit=10), "RESOURCE_EXHAUSTED", quota(PER_MINUTE)),
        (FailureCode.RATE_LIMIT_EXCEEDED, True, 35.84422229, "RESOURCE_EXHAUSTED"),
        id="the delay in the sentence alone",
    ),
    pytest.param(
        429,
        error(429, EXCEEDED.format(limit=10), "RESOURCE_EXHAUSTED", quota(PER_MINUTE, PER_DAY), retry_info("35s")),
        (FailureCode.RATE_LIMIT_EXCEEDED, False, 35.0, "RESOURCE_EXHAUSTED"),
        id="per day",
    ),
    pytest.param(
        429,
        error(429, EXCEEDED.format(limit=0), "RESOURCE_EXHAUSTED", quota(PER_MINUTE), retry_info("35s")),
        (FailureCode.RATE_LIMIT_EXCEEDED, False, 35.0, "RESOURCE_EXHAUSTED"),
        id="a limit of nothing",
    ),
    pytest.param(
        429,
        error(429, "Quota exceeded.", "RESOURCE_EXHAUSTED", quota(PER_MINUTE, quotaValue="0"), retry_info("35s")),
        (FailureCode.RATE_LIMIT_EXCEEDED, False, 35.0, "RESOURCE_EXHAUSTED"),
        id="a limit of nothing in the details alone",
    ),
    pytest.param(
        429,
        error(429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED"),
        (FailureCode.RATE_LIMIT_EXCEEDED, True, 0.0, "RESOURCE_EXHAUSTED"),
        id="the short form",
    ),
    pytest.param(
        429,
        error(429, "m", "RESOURCE_EXHAUSTED", retry_info("soon"), {"retryDelay": 7}),
        (FailureCode.RATE_LIMIT_EXCEEDED, True, 0.0, "RESOURCE_EXHAUSTED"),
        id="a delay that is none",
    ),
    pytest.param(429, None, (FailureCode.RATE_LIMIT_EXCEEDED, True, 0.0, None), id="429 in HTML"),
    pytest.param(
        500,
        error(500, "An internal error has occurred.", "INTERNAL"),
        (FailureCode.SERVER_ERROR, True, 0.0, "INTERNAL"),
        id="internal",
    ),
    pytest.param(502, None, (FailureCode.SERVER_ERROR, True, 0.0, None), id="bad gateway, in HTML"),
    pytest.param(
        503,
        error(503, "The model is overloaded. Please try again later.", "UNAVAILABLE"),
        (FailureCode.SERVER_ERROR, True, 0.0, "UNAVAILABLE"),
        id="overloaded",
    ),
    pytest.param(
        504,
        error(504, "Deadline expired before operation could complete.", "DEADLINE_EXCEEDED"),
        (FailureCode.SERVER_ERROR, True, 0.0, "DEADLINE_EXCEEDED"),
        id="deadline",
    ),
    pytest.param(302, None, (FailureCode.SERVER_ERROR, True, 0.0, None), id="a redirect"),
    pytest.param(500, [error(500, "m", "INTERNAL")], (FailureCode.SERVER_ERROR, True, 0.0, None), id="a list"),
    pytest.param(500, {"error": "text"}, (FailureCode.SERVER_ERROR, True, 0.0, None), id="no object"),
    pytest.param(
        500, {"error": {"details": "text", "message": 7}}, (FailureCode.SERVER_ERROR, True, 0.0, None), id="odd types"
    ),
]


@pytest.mark.parametrize(("status", "answer", "expected"), FAILURES)
def test_every_error_becomes_a_failure(
    status: int, answer: Any, expected: tuple[FailureCode, bool, float, str | None]
) -> None:
    failure = failure_of_status(status, answer, KEY)

    assert (failure.code, failure.retryable, failure.retry_after, failure.provider_reason) == expected
    assert failure.provider_status == status
    assert 0 < len(failure.message) <= MAX_MESSAGE


def test_a_key_that_the_provider_repeats_is_masked() -> None:
    answer = error(403, f"Permission denied: Consumer 'api_key:{KEY}' has been suspended.", "PERMISSION_DENIED")

    failure = failure_of_status(403, answer, KEY)

    assert failure.message == "Permission denied: Consumer 'api_key:[key]' has been suspended."


@pytest.mark.parametrize("said", [f"key {KEY}", f"{KEY}{KEY}", f"another key AIza{'x' * 35}", "x" * 490 + KEY])
@pytest.mark.parametrize("api_key", [KEY, ""])
def test_no_message_holds_what_looks_like_a_key(said: str, api_key: str) -> None:
    message = masked(said, api_key)

    assert "AIza" not in message
    assert len(message) <= MAX_MESSAGE


def answer(*parts: dict[str, Any], **candidate: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "finishReason": "STOP"} | candidate]}
