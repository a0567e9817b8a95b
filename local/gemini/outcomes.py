"""What can become of a call: every answer, refusal, error and broken connection that can be ordered."""

from __future__ import annotations

from enum import Enum
from typing import Self


class Outcome(Enum):
    """The names a fault rule may use, each with a sentence that explains it; `ok` is what happens without a rule."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """An outcome's value is its name in the controls."""
        member = object.__new__(cls)
        member._value_ = value
        member.meaning = meaning
        return member

    # Pictures
    OK = "ok", "the picture, after the usual latency"
    SLOW = "slow", "the picture, after three times the latency"
    TEXT_BEFORE = "text_before", "a text part, then the picture"
    TEXT_AFTER = "text_after", "the picture, then a text part"
    INTERIM_IMAGES = "interim_images", "two interim pictures without a mark, then the final one; all three are billed"
    THOUGHT_IMAGE = "thought_image", "a picture marked as thought, after it the final one"
    WRONG_SIZE = "wrong_size", "a picture of half the width that was asked for"
    WRONG_MIME = "wrong_mime", "a picture whose declared type is not that of its bytes"
    OTHER_MODEL = "other_model", "the picture, but modelVersion names another model than the one asked"

    # 200 without a picture
    BLOCKED = "blocked", "prompt refused: promptFeedback PROHIBITED_CONTENT and no candidates"
    BLOCKED_SAFETY = "blocked_safety", "prompt refused: promptFeedback SAFETY and no candidates"
    IMAGE_BLOCKED = "image_blocked", "picture refused: finishReason IMAGE_SAFETY"
    IMAGE_PROHIBITED = "image_prohibited", "picture refused: finishReason IMAGE_PROHIBITED_CONTENT with a support code"
    IMAGE_RECITATION = "image_recitation", "picture refused: finishReason IMAGE_RECITATION"
    SAFETY = "safety", "answer refused: finishReason SAFETY with ratings"
    PROHIBITED_CONTENT = "prohibited_content", "answer refused: finishReason PROHIBITED_CONTENT"
    IMAGE_OTHER = "image_other", "finishReason IMAGE_OTHER with an empty content"
    CONTENT_MISSING = "content_missing", "finishReason IMAGE_OTHER without any content, tokens counted"
    NO_IMAGE = "no_image", "finishReason NO_IMAGE"
    TEXT_ONLY = "text_only", "finishReason STOP with nothing but a text part"
    MAX_TOKENS = "max_tokens", "finishReason MAX_TOKENS before there was a picture"
    UNKNOWN_FINISH = "unknown_finish", "a finishReason that no list has"
    NO_CANDIDATES = "no_candidates", "neither candidates nor promptFeedback"

    # Errors in Google's envelope
    BAD_REQUEST = "bad_request", "400 INVALID_ARGUMENT"
    INVALID_KEY = "invalid_key", "400 with reason API_KEY_INVALID"
    EXPIRED_KEY = "expired_key", "400 with reason API_KEY_INVALID: the key has expired"
    REGION_BLOCKED = "region_blocked", "400 FAILED_PRECONDITION: not offered in this country without billing"
    UNAUTHENTICATED = "unauthenticated", "401 UNAUTHENTICATED"
    PERMISSION_DENIED = "permission_denied", "403 PERMISSION_DENIED"
    LEAKED_KEY = "leaked_key", "403: the key was reported as leaked"
    SUSPENDED_KEY = "suspended_key", "403 CONSUMER_SUSPENDED, with a key inside the message"
    API_DISABLED = "api_disabled", "403 SERVICE_DISABLED"
    NOT_FOUND = "not_found", "404: no such model"
    RATE_LIMITED = "rate_limited", "429 of the minute's quota with RetryInfo"
    RATE_LIMITED_SHORT = "rate_limited_short", "429 without details"
    QUOTA_EXHAUSTED = "quota_exhausted", "429 of the day's quota, with a RetryInfo that is of no use"
    LIMIT_ZERO = "limit_zero", "429 with limit: 0: there is no quota at all without billing"
    SERVER_ERROR = "server_error", "500 INTERNAL"
    OVERLOADED = "overloaded", "503 UNAVAILABLE: high demand"
    OVERLOADED_OLD = "overloaded_old", "503 UNAVAILABLE in the words of 2025"
    DEADLINE_UNAVAILABLE = "deadline_unavailable", "503 UNAVAILABLE: deadline expired"
    DEADLINE_EXCEEDED = "deadline_exceeded", "504 DEADLINE_EXCEEDED"

    # Answers that are no answers
    TIMEOUT = "timeout", "nothing at all until the client goes away, at most 30 minutes"
    DRIP = "drip", "the right answer, but a few bytes a second"
    TRUNCATED = "truncated", "the connection ends before the announced length"
    CUT_JSON = "cut_json", "a complete answer whose JSON ends in the middle"
    EMPTY_BODY = "empty_body", "200 with no body"
    BAD_BASE64 = "bad_base64", "picture data that is not base64"
    NOT_AN_IMAGE = "not_an_image", "picture data that decodes to something else"
    HTML_ERROR = "html_error", "502 with an HTML page"
    CONNECTION_RESET = "connection_reset", "the connection is reset before the answer"


BY_NAME = {outcome.value: outcome for outcome in Outcome}
