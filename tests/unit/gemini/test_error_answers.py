"""Every error of the Gemini API that is known, as it was seen, and what it means."""

from __future__ import annotations

from typing import Any

import pytest

from imagefactory.adapters.gemini.failures import failure_of_status
from imagefactory.adapters.gemini.values import MAX_TEXT
from imagefactory.domain.result import FailureCode

KEY = "AIzaSyTheKeyOfAlice_0123456789-abcdefghi"


def error(code: int, message: str, status: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def reason(word: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": word, "domain": "googleapis.com"}


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(*ids: str, **more: Any) -> dict[str, Any]:
    violations = [{"quotaMetric": "generativelanguage.googleapis.com/requests", "quotaId": one} | more for one in ids]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}


DENIED = "PERMISSION_DENIED"
HELP = {
    "@type": "type.googleapis.com/google.rpc.Help",
    "links": [
        {"description": "Google developers console API activation", "url": "https://console.developers.google.com"}
    ],
}
DISABLED = (
    "Generative Language API has not been used in project 1 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/generativelanguage.googleapis.com/overview?project=1 then retry."
)
UNKNOWN_FIELD = (
    "Invalid JSON payload received. Unknown name \"includeThoughts\" at 'generation_config': Cannot find field."
)
IMAGES_PER_MINUTE = "GenerateImagesRequestsPerMinutePerProjectPerModel"
PER_MINUTE, PER_DAY = "GenerateRequestsPerMinutePerProjectPerModel", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
EXCEEDED = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: "
    "https://ai.dev/rate-limit. \n* Quota exceeded for metric: "
    "generativelanguage.googleapis.com/generate_content_paid_tier_requests, limit: {limit}, model: an-image-model\n"
    "* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_paid_tier_input_token_count, "
    "limit: {limit}, model: an-image-model\nPlease retry in 35.84422229s."
)

BAD_REQUESTS = {
    "aspect ratio": "* GenerateContentRequest.generation_config.image_config.aspect_ratio: aspect_ratio must be one of "
    "'1:1', '1:4', '1:8', '2:3', '3:2', '3:4', '4:1', '4:3', '4:5', '5:4', '8:1', '9:16', '16:9', or '21:9'.\n",
    "image size": "* GenerateContentRequest.generation_config.image_config.image_size: image_size must be '1K'.\n",
    "missing signature": "Image part is missing a thought_signature in content position 2, part position 1. Please "
    "refer to https://ai.google.dev/gemini-api/docs/thought-signatures#model-behavior for more details.",
    "system instruction": "Developer instruction is not enabled for models/gemini-2.5-flash-image",
    "payload": "Request payload size exceeds the limit: 104857600 bytes.",
    "input image": "Unable to process input image. Please retry or report in https://developers.generativeai.google/…",
    "plain": "Request contains an invalid argument.",
}
#: What a 429 without details says, and whether waiting is of use.
QUOTAS_IN_WORDS = {
    "Resource has been exhausted (e.g. check quota).": True,
    "Resource exhausted. Please try again later. Please refer to "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.": True,
    "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage your project "
    "and billing.": False,
    "Your project has exceeded its spending cap.": False,
    "Quota exceeded for metric: requests, limit: 0.5, model: m": True,
}
SERVER_ERRORS = (
    (500, "INTERNAL", "An internal error has occurred. Please retry or report in https://developers.generativeai.…"),
    (500, "INTERNAL", "Internal error encountered."),
    (503, "UNAVAILABLE", "This model is currently experiencing high demand. Spikes in demand are usually temporary. …"),
    (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    (503, "UNAVAILABLE", "Deadline expired before operation could complete."),
    (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
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
        403,
        error(403, "Method doesn't allow unregistered callers (callers without established identity).", DENIED),
        (FailureCode.INVALID_API_KEY, False, 0.0, "PERMISSION_DENIED"),
        id="no key at all",
    ),
    pytest.param(
        403,
        error(
            403,
            f"Permission denied: Consumer 'api_key:{KEY}' has been suspended.",
            DENIED,
            reason("CONSUMER_SUSPENDED"),
        ),
        (FailureCode.INVALID_API_KEY, False, 0.0, "CONSUMER_SUSPENDED"),
        id="suspended key",
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
        error(403, DISABLED, DENIED, HELP, reason("SERVICE_DISABLED")),
        (FailureCode.INVALID_API_KEY, False, 0.0, "SERVICE_DISABLED"),
        id="API disabled",
    ),
    pytest.param(
        403,
        error(403, DISABLED, DENIED, reason("SERVICE_DISABLED"), HELP, {"locale": "en-US", "message": DISABLED}),
        (FailureCode.INVALID_API_KEY, False, 0.0, "SERVICE_DISABLED"),
        id="API disabled, as it is said today",
    ),
    pytest.param(
        400,
        error(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"),
        (FailureCode.INVALID_REQUEST, False, 0.0, "FAILED_PRECONDITION"),
        id="region",
    ),
    *(
        pytest.param(
            400,
            error(400, said, "INVALID_ARGUMENT"),
            (FailureCode.INVALID_REQUEST, False, 0.0, "INVALID_ARGUMENT"),
            id=name,
        )
        for name, said in BAD_REQUESTS.items()
    ),
    pytest.param(
        400,
        error(400, UNKNOWN_FIELD, "INVALID_ARGUMENT", {"fieldViolations": [{"field": "generation_config"}]}),
        (FailureCode.INVALID_REQUEST, False, 0.0, "INVALID_ARGUMENT"),
        id="unknown field",
    ),
    *(
        pytest.param(
            404,
            error(
                404,
                f"models/X is not found for API version v1beta, or is not supported for generateContent. {said}",
                "NOT_FOUND",
            ),
            (FailureCode.INVALID_REQUEST, False, 0.0, "NOT_FOUND"),
            id=f"unknown model: {said}",
        )
        for said in (
            "Call ModelService.ListModels to see the list of available models and their supported methods.",
            "Call ListModels to see the list of available models and their supported methods.",
        )
    ),
    pytest.param(413, None, (FailureCode.INVALID_REQUEST, False, 0.0, None), id="too large, in HTML"),
    pytest.param(408, None, (FailureCode.SERVER_ERROR, True, 0.0, None), id="request timeout"),
    pytest.param(
        429,
        error(429, EXCEEDED.format(limit=10), "RESOURCE_EXHAUSTED", quota(PER_MINUTE), retry_info("35s")),
        (FailureCode.RATE_LIMIT_EXCEEDED, True, 35.84422229, "RESOURCE_EXHAUSTED"),
        id="per minute",
    ),
    pytest.param(
        429,
        error(429, "Quota exceeded.", "RESOURCE_EXHAUSTED", retry_info("34.4s"), quota(PER_MINUTE)),
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
        (FailureCode.RATE_LIMIT_EXCEEDED, False, 35.84422229, "RESOURCE_EXHAUSTED"),
        id="per day",
    ),
    pytest.param(
        429,
        error(429, EXCEEDED.format(limit=0), "RESOURCE_EXHAUSTED", quota(PER_MINUTE), retry_info("35s")),
        (FailureCode.RATE_LIMIT_EXCEEDED, False, 35.84422229, "RESOURCE_EXHAUSTED"),
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
        error(
            429, EXCEEDED.format(limit=10), "RESOURCE_EXHAUSTED", quota(PER_MINUTE, IMAGES_PER_MINUTE), retry_info("7s")
        ),
        (FailureCode.RATE_LIMIT_EXCEEDED, True, 35.84422229, "RESOURCE_EXHAUSTED"),
        id="images per minute",
    ),
    *(
        pytest.param(
            429,
            error(429, said, "RESOURCE_EXHAUSTED"),
            (FailureCode.RATE_LIMIT_EXCEEDED, retryable, 0.0, "RESOURCE_EXHAUSTED"),
            id=said[:30],
        )
        for said, retryable in QUOTAS_IN_WORDS.items()
    ),
    pytest.param(
        429,
        error(429, "m", "RESOURCE_EXHAUSTED", retry_info("soon"), {"retryDelay": [7]}),
        (FailureCode.RATE_LIMIT_EXCEEDED, True, 0.0, "RESOURCE_EXHAUSTED"),
        id="a delay that is none",
    ),
    pytest.param(429, None, (FailureCode.RATE_LIMIT_EXCEEDED, True, 0.0, None), id="429 in HTML"),
    *(
        pytest.param(
            code, error(code, said, status), (FailureCode.SERVER_ERROR, True, 0.0, status), id=f"{code}: {said[:20]}"
        )
        for code, status, said in SERVER_ERRORS
    ),
    pytest.param(502, None, (FailureCode.SERVER_ERROR, True, 0.0, None), id="bad gateway, in HTML"),
    pytest.param(302, None, (FailureCode.SERVER_ERROR, True, 0.0, None), id="a redirect"),
    pytest.param(
        400,
        [error(400, "API key not valid.", "INVALID_ARGUMENT", reason("API_KEY_INVALID"))],
        (FailureCode.INVALID_API_KEY, False, 0.0, "API_KEY_INVALID"),
        id="in a list of one",
    ),
    pytest.param(500, [], (FailureCode.SERVER_ERROR, True, 0.0, None), id="an empty list"),
    pytest.param(500, [7], (FailureCode.SERVER_ERROR, True, 0.0, None), id="an odd list"),
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
    assert 0 < len(failure.message) <= MAX_TEXT
