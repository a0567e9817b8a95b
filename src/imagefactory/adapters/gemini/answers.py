"""What the Gemini API's answers mean: which failure, or which image.

The shapes are Google's: an error envelope {"error": {"code", "message", "status", "details"}} with any status but 200,
and with 200 a candidate that may or may not hold an image. Both come incomplete at times: nothing is taken for given.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.provenance import Tokens
from imagefactory.domain.result import Failure, FailureCode
from imagefactory.ports import Generated

#: Block and finish reasons that say the content was refused.
REFUSALS = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "RECITATION",
        "IMAGE_RECITATION",
        "LANGUAGE",
        "MODEL_ARMOR",
        "JAILBREAK",
    }
)
MAX_MESSAGE = 500
MAX_TOKENS = 1_000_000_000
_RETRY_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_RETRY_SENTENCE = re.compile(r"Please retry in (\d+(?:\.\d+)?)s")
_NO_QUOTA = re.compile(r"\blimit: 0\b")
_KEY = re.compile(r"AIza[0-9A-Za-z_\-]{10,}")


def failure_of_status(status: int, answer: Any, api_key: str) -> Failure:
    """What an answer with this HTTP status means; `answer` is its JSON, or None where it was none."""
    error = _dict(_dict(answer).get("error"))
    details = [_dict(detail) for detail in _list(error.get("details"))]
    message = masked(str(error.get("message") or f"The Gemini API answered {status}."), api_key)
    reasons = [str(detail["reason"]) for detail in details if "reason" in detail]
    code, retryable = _code(status, reasons)
    delay = 0.0
    if code is FailureCode.RATE_LIMIT_EXCEEDED:
        # In the whole text: what it says of limits and delays stands behind what a record keeps of it.
        said = str(error.get("message"))
        delay = _retry_delay(said, details)
        retryable = not _spent_for_the_day(said, details)
    reason = reasons[0] if reasons else error.get("status")
    return Failure(code, message, retryable, delay, status, str(reason) if reason else None)


def _code(status: int, reasons: list[str]) -> tuple[FailureCode, bool]:
    match status:
        case 401 | 403:
            return FailureCode.INVALID_API_KEY, False
        case 400 if "API_KEY_INVALID" in reasons:
            return FailureCode.INVALID_API_KEY, False
        case 429:
            return FailureCode.RATE_LIMIT_EXCEEDED, True
        case 408:
            return FailureCode.SERVER_ERROR, True
        case _ if 400 <= status < 500:  # noqa: PLR2004 - the class of client errors
            return FailureCode.INVALID_REQUEST, False
        case _:
            return FailureCode.SERVER_ERROR, True


def _retry_delay(message: str, details: list[dict[str, Any]]) -> float:
    """Seconds the provider asks to wait: from RetryInfo, else from its sentence, else none."""
    for detail in details:
        if found := _RETRY_DELAY.fullmatch(str(detail.get("retryDelay", ""))):
            return float(found[1])
    found = _RETRY_SENTENCE.search(message)
    return float(found[1]) if found else 0.0


def _spent_for_the_day(message: str, details: list[dict[str, Any]]) -> bool:
    """Whether waiting is no use: a daily quota, or a quota of nothing."""
    violations = [_dict(one) for detail in details for one in _list(detail.get("violations"))]
    return bool(_NO_QUOTA.search(message)) or any(
        "PerDay" in str(one.get("quotaId", "")) or one.get("quotaValue") == "0" for one in violations
    )


def image_of(answer: Any, api_key: str) -> Generated:
    """The image in an answer with status 200: the last part that holds one and is no thought.

    Raises:
        AttemptFailed: there is none.
    """
    if not isinstance(answer, dict):
        raise _unusable("The Gemini API's answer is no JSON object, or was cut short.")
    candidate = next((_dict(one) for one in _list(answer.get("candidates"))), {})
    parts = [_dict(part) for part in _list(_dict(candidate.get("content")).get("parts"))]
    images = [blob for part in parts if not part.get("thought") and (blob := _blob(part))]
    if not images:
        raise AttemptFailed(_without_image(answer, candidate, api_key))
    content_type, data = images[-1]
    return Generated(
        data=_decoded(data),
        content_type=content_type,
        tokens=_tokens(_dict(answer.get("usageMetadata"))),
        model_version=_text(answer.get("modelVersion")),
        response_id=_text(answer.get("responseId")),
    )


def _tokens(usage: dict[str, Any]) -> Tokens:
    """The tokens used. The details tell only those of images; what candidates have beyond them is text."""
    details = [_dict(one) for one in _list(usage.get("candidatesTokensDetails"))]
    image = sum(_count(one.get("tokenCount")) for one in details if one.get("modality") == "IMAGE")
    text = max(_count(usage.get("candidatesTokenCount")) - image, 0) + _count(usage.get("thoughtsTokenCount"))
    return Tokens(image, text, _count(usage.get("promptTokenCount")))


def _blob(part: dict[str, Any]) -> tuple[str, str] | None:
    blob = _dict(part.get("inlineData") or part.get("inline_data"))
    data = blob.get("data")
    if not isinstance(data, str) or not data:
        return None
    return str(blob.get("mimeType") or blob.get("mime_type") or ""), data


def _decoded(data: str) -> bytes:
    """Base64 in either alphabet."""
    try:
        padded = data + "=" * (-len(data) % 4)
        return base64.b64decode(padded.translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise _unusable("The image in the Gemini API's answer is not valid base64.") from wrong


def _without_image(answer: dict[str, Any], candidate: dict[str, Any], api_key: str) -> Failure:
    blocked = _dict(answer.get("promptFeedback")).get("blockReason")
    reason = str(blocked or candidate.get("finishReason") or "")
    said = masked(str(candidate.get("finishMessage") or ""), api_key)
    if blocked or reason in REFUSALS:
        message = said or f"The {'prompt' if blocked else 'image'} was refused: {reason}."
        return Failure(FailureCode.CONTENT_BLOCKED, message, retryable=False, provider_reason=reason)
    message = said or f"The model answered without an image{f': {reason}' if reason else ''}."
    return Failure(FailureCode.NO_IMAGE, message, retryable=True, provider_status=200, provider_reason=reason or None)


def masked(message: str, api_key: str) -> str:
    """A provider's message without the key, which some of them repeat; cut to a length that fits a record."""
    if api_key:
        message = message.replace(api_key, "[key]")
    return _KEY.sub("[key]", message)[:MAX_MESSAGE]


def _unusable(message: str) -> AttemptFailed:
    return AttemptFailed(Failure(FailureCode.SERVER_ERROR, message, retryable=True, provider_status=200))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < MAX_TOKENS else 0


def _text(value: Any) -> str | None:
    return value[:MAX_MESSAGE] if isinstance(value, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
