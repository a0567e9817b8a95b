"""The outcomes of a call: every answer, refusal, error and broken connection that a rule can choose."""

from __future__ import annotations

from enum import Enum
from typing import Self


class Outcome(Enum):
    """The outcomes by their names in fault rules, each with a sentence about it; without a rule it is `ok`."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Make a member: its value is the name in fault rules, `meaning` the sentence."""
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
    FULL_SIZE = "full_size", "the picture with film grain, so that its file is as large as Google's"
    SNAKE_CASE = "snake_case", "the picture, its part in the names of protocol buffers: inline_data, mime_type"
    URL_SAFE = "url_safe", "the picture in the base64 alphabet of URLs, without padding"
    BARE = "bare", "the picture and nothing else: no declared type, usage, version or id"
    DATA_URL = "data_url", "the picture as a data URL with a parameter"
    WRAPPED = "wrapped", "the picture in base64 of lines with 76 letters"
    EXCESS_PADDING = "excess_padding", "the picture in base64 with two signs of padding too many"
    ODD_MIME = "odd_mime", "the picture, its type in odd letters, by an unregistered name and with a parameter"
    SOUND_AFTER = "sound_after", "the picture, then a blob of sound"
    NOTE_AFTER = "note_after", "the picture, then a blob of plain text"
    EMPTY_AFTER = "empty_after", "the picture, then a blob without data"
    THOUGHT_AFTER = "thought_after", "the picture, then another one marked as thought"
    BROKEN_AFTER = "broken_after", "the picture, then another one that is not base64"
    EMPTY_FIRST = "empty_first", "an empty candidate, then one with the picture"
    REFUSED_FIRST = "refused_first", "a refused candidate, then one with the picture"
    REFUSED_WITH_PICTURE = "refused_with_picture", "the picture, although the finishReason is IMAGE_SAFETY"
    THOUGHTS_ONLY = "thoughts_only", "finishReason STOP with nothing but a picture marked as thought"
    LISTED = "listed", "the right answer, in a list of one"
    BYTE_ORDER_MARK = "byte_order_mark", "the right answer behind a byte order mark"
    BAD_LETTER = "bad_letter", "text with a byte that is not UTF-8, then the picture"
    BAD_NUMBER = "bad_number", "the right answer, with an index of 10,000 digits"
    OTHER_MODEL = "other_model", "the picture, but modelVersion names another model than the one asked"

    # 200 without a picture
    BLOCKED = "blocked", "prompt refused: promptFeedback PROHIBITED_CONTENT and no candidates"
    BLOCKED_SAFETY = "blocked_safety", "prompt refused: promptFeedback SAFETY and no candidates"
    BLOCKED_OTHER = "blocked_other", "prompt refused: promptFeedback OTHER, and candidates: null"
    BLOCKED_BLOCKLIST = "blocked_blocklist", "prompt refused: promptFeedback BLOCKLIST"
    BLOCKED_IMAGE_SAFETY = "blocked_image_safety", "prompt refused: promptFeedback IMAGE_SAFETY"
    BLOCKED_UNSPECIFIED = "blocked_unspecified", "prompt refused: promptFeedback BLOCKED_REASON_UNSPECIFIED"
    BLOCKED_MODEL_ARMOR = "blocked_model_armor", "prompt refused: promptFeedback MODEL_ARMOR"
    BLOCKED_JAILBREAK = "blocked_jailbreak", "prompt refused: promptFeedback JAILBREAK"
    IMAGE_BLOCKED = "image_blocked", "picture refused: finishReason IMAGE_SAFETY"
    PARTS_NULL = "parts_null", "picture refused: finishReason IMAGE_SAFETY with parts: null and no message"
    IMAGE_PROHIBITED = "image_prohibited", "picture refused: finishReason IMAGE_PROHIBITED_CONTENT with a support code"
    IMAGE_RECITATION = "image_recitation", "picture refused: finishReason IMAGE_RECITATION"
    SAFETY = "safety", "answer refused: finishReason SAFETY with ratings"
    PROHIBITED_CONTENT = "prohibited_content", "answer refused: finishReason PROHIBITED_CONTENT"
    RECITATION = "recitation", "answer refused: finishReason RECITATION"
    LANGUAGE = "language", "answer refused: finishReason LANGUAGE"
    BLOCKLIST = "blocklist", "answer refused: finishReason BLOCKLIST"
    SPII = "spii", "answer refused: finishReason SPII"
    ESCALATION = "escalation", "answer refused: finishReason ESCALATION"
    PUP_LIMITED_DISABLED = "pup_limited_disabled", "answer refused to this account: finishReason PUP_LIMITED_DISABLED"
    MODEL_ARMOR = "model_armor", "answer refused: finishReason MODEL_ARMOR"
    IMAGE_OTHER = "image_other", "finishReason IMAGE_OTHER with an empty content"
    CONTENT_MISSING = "content_missing", "finishReason IMAGE_OTHER without any content, tokens counted"
    NO_IMAGE = "no_image", "finishReason NO_IMAGE"
    TEXT_ONLY = "text_only", "finishReason STOP with nothing but a text part"
    THOUGHTS_REFUSED = "thoughts_refused", "finishReason IMAGE_SAFETY with nothing but a picture marked as thought"
    OTHER = "other", "finishReason OTHER"
    MALFORMED_RESPONSE = "malformed_response", "finishReason MALFORMED_RESPONSE"
    MALFORMED_FUNCTION_CALL = "malformed_function_call", "finishReason MALFORMED_FUNCTION_CALL"
    UNEXPECTED_TOOL_CALL = "unexpected_tool_call", "finishReason UNEXPECTED_TOOL_CALL"
    TOO_MANY_TOOL_CALLS = "too_many_tool_calls", "finishReason TOO_MANY_TOOL_CALLS"
    MISSING_THOUGHT_SIGNATURE = "missing_thought_signature", "finishReason MISSING_THOUGHT_SIGNATURE"
    CONTINUATION = "continuation", "finishReason CONTINUATION"
    FINISH_UNSPECIFIED = "finish_unspecified", "finishReason FINISH_REASON_UNSPECIFIED"
    MAX_TOKENS = "max_tokens", "finishReason MAX_TOKENS before there was a picture"
    UNKNOWN_FINISH = "unknown_finish", "a finishReason that no list has"
    EMPTY_CANDIDATE = "empty_candidate", "a candidate without content and without a finishReason"
    NO_CANDIDATES = "no_candidates", "neither candidates nor promptFeedback"
    LATE_ERROR = "late_error", "200 with an error in the body: 503 UNAVAILABLE"

    # Errors in Google's envelope
    BAD_REQUEST = "bad_request", "400 INVALID_ARGUMENT"
    UNKNOWN_FIELD = "unknown_field", "400 INVALID_ARGUMENT: a field that the API does not have"
    BAD_RATIO = "bad_ratio", "400 INVALID_ARGUMENT: a ratio that the model does not have"
    BAD_SIZE = "bad_size", "400 INVALID_ARGUMENT: a size that the model does not have"
    MISSING_SIGNATURE = "missing_signature", "400 INVALID_ARGUMENT: a picture came back without its thoughtSignature"
    NO_INSTRUCTIONS = "no_instructions", "400 INVALID_ARGUMENT: the model takes no systemInstruction"
    PAYLOAD_TOO_LARGE = "payload_too_large", "400 INVALID_ARGUMENT: the request is too large"
    INVALID_KEY = "invalid_key", "400 with reason API_KEY_INVALID"
    EXPIRED_KEY = "expired_key", "400 with reason API_KEY_INVALID: the key has expired"
    INVALID_KEY_WORDS = "invalid_key_words", "400 in the words of a key that is not valid, without details"
    EXPIRED_KEY_WORDS = "expired_key_words", "400 in the words of a key that has expired, without details"
    PROMPT_ABOUT_KEYS = "prompt_about_keys", "400 INVALID_ARGUMENT that quotes a prompt about keys that are not valid"
    REGION_BLOCKED = "region_blocked", "400 FAILED_PRECONDITION: not offered in this country without billing"
    UNAUTHENTICATED = "unauthenticated", "401 UNAUTHENTICATED"
    MISSING_KEY = "missing_key", "403 PERMISSION_DENIED: no key at all"
    PERMISSION_DENIED = "permission_denied", "403 PERMISSION_DENIED"
    LEAKED_KEY = "leaked_key", "403: the key was reported as leaked"
    SUSPENDED_KEY = "suspended_key", "403 CONSUMER_SUSPENDED, with a key inside the message"
    API_DISABLED = "api_disabled", "403 SERVICE_DISABLED"
    API_DISABLED_NEW = "api_disabled_new", "403 SERVICE_DISABLED with the message and the address in the details too"
    NOT_FOUND = "not_found", "404: no such model"
    NOT_FOUND_OLD = "not_found_old", "404: no such model, in the words of 2025"
    RATE_LIMITED = "rate_limited", "429 of the minute's quota with RetryInfo"
    RATE_LIMITED_SHORT = "rate_limited_short", "429 without details"
    RATE_LIMITED_VERTEX = "rate_limited_vertex", "429 without details, in the words of Vertex AI"
    RATE_LIMITED_IMAGES = (
        "rate_limited_images",
        "429 of the minute's quota of pictures, RetryInfo last and with a fraction",
    )
    RATE_LIMITED_MINUTES = "rate_limited_minutes", "429 with a RetryInfo of minutes and seconds"
    RATE_LIMITED_OBJECT = "rate_limited_object", "429 with a RetryInfo of seconds and nanos"
    RATE_LIMITED_NUMBER = "rate_limited_number", "429 with a RetryInfo that is a bare number"
    RATE_LIMITED_SENTENCE = "rate_limited_sentence", "429 with a RetryInfo of no seconds, and a sentence of 20"
    RATE_LIMITED_HOURS = (
        "rate_limited_hours",
        "429 of a quota that a sentence alone says comes back after half a day",
    )
    RATE_LIMITED_NONSENSE = "rate_limited_nonsense", "429 with a negative RetryInfo and one of 10,000 digits"
    CREDITS_DEPLETED = "credits_depleted", "429: the prepaid credits are used up"
    SPENDING_CAP = "spending_cap", "429: the project's own limit on spending"
    QUOTA_EXHAUSTED = "quota_exhausted", "429 of the day's quota, with a RetryInfo that is of no use"
    QUOTA_EXHAUSTED_WORDS = "quota_exhausted_words", "429 of the day's quota, named in a sentence alone"
    LIMIT_ZERO_VALUE = "limit_zero_value", "429 with a quotaValue that is the number 0"
    LIMIT_ZERO = "limit_zero", "429 with limit: 0: there is no quota at all without billing"
    SERVER_ERROR = "server_error", "500 INTERNAL"
    SERVER_ERROR_SHORT = "server_error_short", "500 INTERNAL in three words"
    LISTED_ERROR = "listed_error", "500 INTERNAL, the envelope in a list of one"
    OVERLOADED = "overloaded", "503 UNAVAILABLE: high demand"
    OVERLOADED_OLD = "overloaded_old", "503 UNAVAILABLE in the words of 2025"
    OVERLOADED_RETRY = "overloaded_retry", "503 UNAVAILABLE with RetryInfo"
    DEADLINE_UNAVAILABLE = "deadline_unavailable", "503 UNAVAILABLE: deadline expired"
    DEADLINE_EXCEEDED = "deadline_exceeded", "504 DEADLINE_EXCEEDED"

    # Broken answers
    TIMEOUT = "timeout", "nothing at all until the client goes away, at most 30 minutes"
    DRIP = "drip", "the right answer, but a few bytes a second"
    TRUNCATED = "truncated", "the connection ends before the announced length"
    CUT_JSON = "cut_json", "a complete answer whose JSON ends in the middle"
    EMPTY_BODY = "empty_body", "200 with no body"
    BAD_BASE64 = "bad_base64", "picture data that is not base64"
    NOT_AN_IMAGE = "not_an_image", "picture data that decodes to something else"
    HTML_ERROR = "html_error", "502 with an HTML page"
    HTML_TIMEOUT = "html_timeout", "408 with an HTML page"
    HTML_TOO_LARGE = "html_too_large", "413 with an HTML page"
    HTML_RATE_LIMITED = "html_rate_limited", "429 with an HTML page and a Retry-After"
    HTML_OVERLOADED = "html_overloaded", "503 with an HTML page and a Retry-After that is a date"
    REDIRECT = "redirect", "302 to another address, where nothing is"
    GZIP = "gzip", "the right answer, compressed although the client may not have asked for that"
    GZIP_BOMB = "gzip_bomb", "a few kilobytes that inflate to 10 GB"
    HUGE = "huge", "200 MB"
    CONNECTION_RESET = "connection_reset", "the connection is reset before the answer"


BY_NAME = {outcome.value: outcome for outcome in Outcome}
