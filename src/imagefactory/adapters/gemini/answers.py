"""What the Gemini API's answers with status 200 mean: an image, or why there is none.

A candidate may or may not hold an image, and any part of an answer may be missing: nothing is taken for given.
"""

from __future__ import annotations

import binascii
from typing import Any

from imagefactory.adapters.gemini.failures import failure_of_status, masked
from imagefactory.adapters.gemini.values import as_count, as_dict, as_list, as_text
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.provenance import Tokens
from imagefactory.domain.result import Failure, FailureCode
from imagefactory.ports import Generated

#: Words in finish reasons that say the content was refused; new reasons are made of the old words.
REFUSING = (
    *("SAFETY", "PROHIBITED", "BLOCK", "RECITATION", "SPII", "LANGUAGE", "ESCALATION"),
    # The account is limited for what it asked for; a filter of the caller's own project.
    *("PUP_LIMITED", "MODEL_ARMOR", "JAILBREAK"),
)
_STANDARD = str.maketrans("-_", "+/")


def image_of(answer: Any, api_key: str) -> Generated:
    """The image in an answer with status 200: the last part that holds one and is no thought.

    Raises:
        AttemptFailed: there is none.
    """
    if not isinstance(answer, dict):
        raise _unusable("The Gemini API's answer is no JSON object, or was cut short.")
    candidate = next((as_dict(one) for one in as_list(answer.get("candidates"))), {})
    parts = [as_dict(part) for part in as_list(as_dict(candidate.get("content")).get("parts"))]
    images = [blob for part in parts if not part.get("thought") and (blob := _blob(part))]
    if not images:
        words = " ".join(str(part.get("text") or "") for part in parts if not part.get("thought")).strip()
        raise AttemptFailed(_without_image(answer, candidate, words, api_key))
    content_type, data = images[-1]
    return Generated(
        data=_decoded(data),
        content_type=content_type,
        tokens=_tokens(as_dict(answer.get("usageMetadata"))),
        model_version=as_text(answer.get("modelVersion")),
        response_id=as_text(answer.get("responseId")),
    )


def _tokens(usage: dict[str, Any]) -> Tokens:
    """The tokens used. The details tell only those of images; what candidates have beyond them is text."""
    details = [as_dict(one) for one in as_list(usage.get("candidatesTokensDetails"))]
    image = sum(as_count(one.get("tokenCount")) for one in details if one.get("modality") == "IMAGE")
    text = max(as_count(usage.get("candidatesTokenCount")) - image, 0) + as_count(usage.get("thoughtsTokenCount"))
    return Tokens(image, text, as_count(usage.get("promptTokenCount")))


def _blob(part: dict[str, Any]) -> tuple[str, str] | None:
    blob = as_dict(part.get("inlineData") or part.get("inline_data"))
    data = blob.get("data")
    if not isinstance(data, str) or not data:
        return None
    return str(blob.get("mimeType") or blob.get("mime_type") or ""), data


def _decoded(data: str) -> bytes:
    """Base64 in either alphabet. Twenty megabytes of it are copied only if they must be."""
    if "-" in data or "_" in data:
        data = data.translate(_STANDARD)
    try:
        return binascii.a2b_base64(data + "=" * (-len(data) % 4), strict_mode=True)
    except ValueError as wrong:
        raise _unusable("The image in the Gemini API's answer is not valid base64.") from wrong


def _without_image(answer: dict[str, Any], candidate: dict[str, Any], words: str, api_key: str) -> Failure:
    """Why there is no image; `words` are what the model wrote instead of drawing, often a question or a refusal."""
    if error := as_dict(answer.get("error")):
        # Decided too late for the status line, which had already gone out.
        return failure_of_status(as_count(error.get("code")) or 500, answer, api_key)
    blocked = as_dict(answer.get("promptFeedback")).get("blockReason")
    reason = masked(str(blocked or candidate.get("finishReason") or ""), api_key)
    said = masked(str(candidate.get("finishMessage") or words), api_key)
    refused = bool(blocked) or any(word in reason for word in REFUSING)
    if refused:
        message = said or f"The {'prompt' if blocked else 'image'} was refused: {reason}."
    else:
        message = said or f"The model answered without an image{f': {reason}' if reason else ''}."
    code = FailureCode.CONTENT_BLOCKED if refused else FailureCode.NO_IMAGE
    return Failure(code, message, retryable=not refused, provider_status=200, provider_reason=reason or None)


def _unusable(message: str) -> AttemptFailed:
    return AttemptFailed(Failure(FailureCode.SERVER_ERROR, message, retryable=True, provider_status=200))
