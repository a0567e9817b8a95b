"""Every answer, refusal and error on request."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
import requests

from tests.contract.gemini_standin.client import FLASH, PRO, Gemini, parts

# By outcome: HTTP status, canonical status, part of the message.
ERRORS = {
    "bad_request": (400, "INVALID_ARGUMENT", "invalid argument"),
    "unknown_field": (400, "INVALID_ARGUMENT", "Unknown name \"includeThoughts\" at 'generation_config'"),
    "bad_ratio": (400, "INVALID_ARGUMENT", "aspect_ratio must be one of '1:1', '2:3'"),
    "bad_size": (400, "INVALID_ARGUMENT", "image_size must be '1K'"),
    "missing_signature": (400, "INVALID_ARGUMENT", "Image part is missing a thought_signature"),
    "no_instructions": (400, "INVALID_ARGUMENT", f"Developer instruction is not enabled for models/{FLASH}"),
    "payload_too_large": (400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 104857600 bytes."),
    "invalid_key": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "expired_key": (400, "INVALID_ARGUMENT", "API key expired"),
    "invalid_key_words": (400, "INVALID_ARGUMENT", "API key not valid."),
    "expired_key_words": (400, "INVALID_ARGUMENT", "API Key expired."),
    "prompt_about_keys": (400, "INVALID_ARGUMENT", "Invalid value at"),
    "region_blocked": (400, "FAILED_PRECONDITION", "not available in your country"),
    "unauthenticated": (401, "UNAUTHENTICATED", "authentication credentials"),
    "missing_key": (403, "PERMISSION_DENIED", "unregistered callers"),
    "permission_denied": (403, "PERMISSION_DENIED", "does not have permission"),
    "leaked_key": (403, "PERMISSION_DENIED", "reported as leaked"),
    "suspended_key": (403, "PERMISSION_DENIED", "Consumer 'api_key:AIza"),
    "api_disabled": (403, "PERMISSION_DENIED", "has not been used in project"),
    "api_disabled_new": (403, "PERMISSION_DENIED", "has not been used in project"),
    "not_found": (404, "NOT_FOUND", f"models/{FLASH} is not found"),
    "not_found_old": (404, "NOT_FOUND", "Call ListModels to see"),
    "rate_limited": (429, "RESOURCE_EXHAUSTED", "Please retry in 3.84422229s."),
    "rate_limited_short": (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted"),
    "rate_limited_vertex": (429, "RESOURCE_EXHAUSTED", "error-code-429"),
    "rate_limited_images": (429, "RESOURCE_EXHAUSTED", "Please retry in 4.4s."),
    "rate_limited_minutes": (429, "RESOURCE_EXHAUSTED", "Quota exceeded."),
    "rate_limited_object": (429, "RESOURCE_EXHAUSTED", "Quota exceeded."),
    "rate_limited_number": (429, "RESOURCE_EXHAUSTED", "Quota exceeded."),
    "rate_limited_sentence": (429, "RESOURCE_EXHAUSTED", "Please try again in 20 seconds."),
    "rate_limited_hours": (429, "RESOURCE_EXHAUSTED", "will reset after 13h27m1.2s."),
    "rate_limited_nonsense": (429, "RESOURCE_EXHAUSTED", "Quota exceeded."),
    "credits_depleted": (429, "RESOURCE_EXHAUSTED", "prepayment credits are depleted"),
    "spending_cap": (429, "RESOURCE_EXHAUSTED", "exceeded its spending cap"),
    "quota_exhausted": (429, "RESOURCE_EXHAUSTED", "limit: 1000"),
    "quota_exhausted_words": (429, "RESOURCE_EXHAUSTED", "limit 'Generate requests per day'"),
    "limit_zero_value": (429, "RESOURCE_EXHAUSTED", f"Quota exceeded for {FLASH}."),
    "limit_zero": (429, "RESOURCE_EXHAUSTED", "limit: 0"),
    "server_error": (500, "INTERNAL", "internal error"),
    "server_error_short": (500, "INTERNAL", "Internal error encountered."),
    "overloaded": (503, "UNAVAILABLE", "high demand"),
    "overloaded_old": (503, "UNAVAILABLE", "overloaded"),
    "overloaded_retry": (503, "UNAVAILABLE", "overloaded"),
    "deadline_unavailable": (503, "UNAVAILABLE", "Deadline expired"),
    "deadline_exceeded": (504, "DEADLINE_EXCEEDED", "Deadline expired"),
}
# By outcome: the finish reason, and whether there is a content.
NO_IMAGE_CANDIDATES = {
    "image_blocked": ("IMAGE_SAFETY", {}),
    "parts_null": ("IMAGE_SAFETY", {"parts": None, "role": "model"}),
    "image_prohibited": ("IMAGE_PROHIBITED_CONTENT", {"role": "model"}),
    "image_recitation": ("IMAGE_RECITATION", {}),
    "safety": ("SAFETY", None),
    "prohibited_content": ("PROHIBITED_CONTENT", None),
    "image_other": ("IMAGE_OTHER", {}),
    "content_missing": ("IMAGE_OTHER", None),
    "no_image": ("NO_IMAGE", {"role": "model"}),
    "unknown_finish": ("A_REASON_OF_TOMORROW", {"role": "model"}),
    "finish_unspecified": ("FINISH_REASON_UNSPECIFIED", {"role": "model"}),
    **{
        reason.lower(): (reason, {"role": "model"})
        for reason in (
            *("MAX_TOKENS", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "SPII", "MALFORMED_FUNCTION_CALL"),
            *("UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"),
            *("ESCALATION", "PUP_LIMITED_DISABLED", "CONTINUATION", "MODEL_ARMOR"),
        )
    },
}
# By outcome: why the prompt is refused.
BLOCKS = {
    "blocked": "PROHIBITED_CONTENT",
    "blocked_safety": "SAFETY",
    "blocked_blocklist": "BLOCKLIST",
    "blocked_image_safety": "IMAGE_SAFETY",
    "blocked_unspecified": "BLOCKED_REASON_UNSPECIFIED",
    "blocked_model_armor": "MODEL_ARMOR",
    "blocked_jailbreak": "JAILBREAK",
}
# By outcome: a page's HTTP status.
PAGES = {
    "html_error": 502,
    "html_timeout": 408,
    "html_too_large": 413,
    "html_rate_limited": 429,
    "html_overloaded": 503,
    "redirect": 302,
}
TRANSPORT = {
    *("timeout", "drip", "truncated", "cut_json", "empty_body", "connection_reset", "gzip", "gzip_bomb", "huge"),
    *PAGES,
}
PICTURES = {
    *("ok", "slow", "text_before", "text_after", "interim_images", "thought_image", "wrong_size", "wrong_mime"),
    *("full_size", "snake_case", "url_safe", "bare", "other_model", "bad_base64", "not_an_image"),
    *("data_url", "wrapped", "excess_padding", "odd_mime", "sound_after", "note_after", "empty_after", "thought_after"),
    *("broken_after", "empty_first", "refused_first", "refused_with_picture", "listed", "byte_order_mark"),
    *("bad_letter", "bad_number"),
}
OTHER = {
    "blocked_other",
    "text_only",
    "thoughts_only",
    "thoughts_refused",
    "empty_candidate",
    "no_candidates",
    "late_error",
    "listed_error",
}


def test_every_outcome_has_a_test_and_a_sentence(gemini: Gemini) -> None:
    listed = requests.get(f"{gemini.url}/_local/outcomes", timeout=5).json()

    assert set(listed) == {*ERRORS, *NO_IMAGE_CANDIDATES, *BLOCKS} | TRANSPORT | PICTURES | OTHER
    assert all(listed.values())


@pytest.mark.parametrize("outcome", ERRORS)
def test_an_error_has_googles_envelope(gemini: Gemini, outcome: str) -> None:
    status, name, said = ERRORS[outcome]

    answer = gemini.meet(outcome)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (status, status, name)
    assert said in error["message"]
    (call,) = gemini.calls()
    assert (call["outcome"], call["status"]) == (outcome, status)


@pytest.mark.parametrize(
    ("outcome", "quota", "delay"),
    [
        ("rate_limited", "GenerateRequestsPerMinutePerProjectPerModel-PaidTier", "3s"),
        ("rate_limited_images", "GenerateImagesRequestsPerMinutePerProjectPerModel", "4.4s"),
        ("quota_exhausted", "GenerateRequestsPerDayPerProjectPerModel-PaidTier", "35s"),
        ("limit_zero", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "35s"),
    ],
)
def test_a_quota_error_names_the_quota_and_a_delay(gemini: Gemini, outcome: str, quota: str, delay: str) -> None:
    details = gemini.meet(outcome).json()["error"]["details"]

    by_type = {detail["@type"].rpartition(".")[2]: detail for detail in details}
    assert by_type["QuotaFailure"]["violations"][0]["quotaId"] == quota
    assert by_type["RetryInfo"]["retryDelay"] == delay


def test_errors_about_a_key_carry_their_reason(gemini: Gemini) -> None:
    reasons = {}
    for outcome in ("invalid_key", "expired_key", "suspended_key", "api_disabled"):
        gemini.reset()
        details = gemini.meet(outcome).json()["error"]["details"]
        reasons[outcome] = next(detail["reason"] for detail in details if "reason" in detail)

    assert reasons == {
        "invalid_key": "API_KEY_INVALID",
        "expired_key": "API_KEY_INVALID",
        "suspended_key": "CONSUMER_SUSPENDED",
        "api_disabled": "SERVICE_DISABLED",
    }


@pytest.mark.parametrize("model", [FLASH, PRO])
@pytest.mark.parametrize("outcome", NO_IMAGE_CANDIDATES)
def test_an_answer_without_a_picture_has_its_finish_reason(gemini: Gemini, outcome: str, model: str) -> None:
    answer = gemini.meet(outcome, model)

    assert answer.status_code == 200
    (candidate,) = answer.json()["candidates"]
    assert (candidate["finishReason"], candidate.get("content")) == NO_IMAGE_CANDIDATES[outcome]
    usage = answer.json()["usageMetadata"]
    assert "candidatesTokensDetails" not in usage
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage.get("thoughtsTokenCount", 0)


@pytest.mark.parametrize(("outcome", "reason"), BLOCKS.items())
def test_a_refused_prompt_has_feedback_and_no_candidates(gemini: Gemini, outcome: str, reason: str) -> None:
    answer = gemini.meet(outcome).json()

    assert answer["promptFeedback"] == {"blockReason": reason}
    assert "candidates" not in answer
    assert {"usageMetadata", "modelVersion", "responseId"} <= set(answer)


def test_a_refused_prompt_can_have_candidates_that_are_null(gemini: Gemini) -> None:
    answer = gemini.meet("blocked_other").json()

    assert (answer["promptFeedback"], answer["candidates"]) == ({"blockReason": "OTHER"}, None)


def test_a_candidate_can_say_nothing_at_all(gemini: Gemini) -> None:
    assert gemini.meet("empty_candidate").json()["candidates"] == [{"index": 0}]


@pytest.mark.parametrize(("outcome", "reason"), [("thoughts_only", "STOP"), ("thoughts_refused", "IMAGE_SAFETY")])
def test_an_answer_can_be_a_thought_alone(gemini: Gemini, outcome: str, reason: str) -> None:
    answer = gemini.meet(outcome)

    assert [part.get("thought") for part in parts(answer)] == [True]
    assert answer.json()["candidates"][0]["finishReason"] == reason


@pytest.mark.parametrize(
    ("outcome", "delay"),
    [
        ("rate_limited_minutes", "1m30.5s"),
        ("rate_limited_object", {"seconds": "35", "nanos": 500_000_000}),
        ("rate_limited_number", 35),
        ("rate_limited_sentence", "0s"),
        ("overloaded_retry", "40s"),
    ],
)
def test_a_delay_can_be_spelt_in_many_ways(gemini: Gemini, outcome: str, delay: object) -> None:
    (detail,) = gemini.meet(outcome).json()["error"]["details"]

    assert detail["retryDelay"] == delay


def test_a_page_can_name_a_date_to_come_back(gemini: Gemini) -> None:
    headers = gemini.meet("html_overloaded").headers

    wait = parsedate_to_datetime(headers["Retry-After"]) - parsedate_to_datetime(headers["Date"])
    assert wait.total_seconds() == 30


def test_a_quota_can_be_the_number_0(gemini: Gemini) -> None:
    (detail,) = gemini.meet("limit_zero_value").json()["error"]["details"]

    assert detail["violations"][0]["quotaValue"] == 0


def test_an_error_can_come_with_200(gemini: Gemini) -> None:
    answer = gemini.meet("late_error")

    assert (answer.status_code, answer.json()["error"]["code"]) == (200, 503)


def test_an_error_can_come_in_a_list(gemini: Gemini) -> None:
    answer = gemini.meet("listed_error")

    assert (answer.status_code, answer.json()[0]["error"]["status"]) == (500, "INTERNAL")


def test_an_answer_can_have_neither_candidates_nor_feedback(gemini: Gemini) -> None:
    assert set(gemini.meet("no_candidates").json()) == {"usageMetadata", "modelVersion", "responseId"}


def test_an_answer_can_be_text_only(gemini: Gemini) -> None:
    answer = gemini.meet("text_only")

    assert [list(part) for part in parts(answer)] == [["text"]]
    assert answer.json()["candidates"][0]["finishReason"] == "STOP"
