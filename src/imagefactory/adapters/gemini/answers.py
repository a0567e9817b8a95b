"""What the Gemini API's answers with status 200 mean: an image, or why there is none.

A candidate may or may not hold an image, and any part of an answer may be missing: nothing is taken for given.
"""

from __future__ import annotations

from typing import Any

from imagefactory.adapters.gemini.failures import failure_of_status, mask_key
from imagefactory.adapters.gemini.images import find_image, parts_of
from imagefactory.adapters.gemini.values import as_count, as_dict, as_items, unwrap
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.media_type import normalize_media_type
from imagefactory.domain.pricing import TokenUsage
from imagefactory.domain.result import Failure, FailureCode
from imagefactory.ports import GeneratedImage

#: Words in finish reasons that say the content was refused; new reasons are made of the old words.
REFUSING = (
    *("SAFETY", "PROHIBITED", "BLOCK", "RECITATION", "SPII", "LANGUAGE", "ESCALATION"),
    # The account is limited for what it asked for; a filter of the caller's own project.
    *("PUP_LIMITED", "MODEL_ARMOR", "JAILBREAK"),
)


def image_of(answer: Any, api_key: str) -> GeneratedImage:
    """The image in an answer with status 200, whatever else the answer says: it was paid for.

    Raises:
        AttemptFailed: there is none.
    """
    answer = unwrap(answer)
    if not isinstance(answer, dict):
        raise _unusable("The Gemini API's answer is no JSON object, or was cut short.")
    candidates = [as_dict(candidate) for candidate in as_items(answer.get("candidates"))]
    failed = bool(_block_reason(answer) or as_dict(answer.get("error")))
    try:
        image = find_image(candidates, thoughts_too=not failed)
    except ValueError as wrong:
        raise _unusable("The image in the Gemini API's answer is not valid base64.") from wrong
    if image is None:
        raise AttemptFailed(_without_image(answer, candidates[0] if candidates else {}, api_key))
    return GeneratedImage(
        data=image.data,
        # In this order: in lower case a key would not be known any more.
        content_type=normalize_media_type(mask_key(image.content_type, api_key)),
        tokens=_tokens(as_dict(answer.get("usageMetadata"))),
        model_version=_word(answer.get("modelVersion"), api_key),
        response_id=_word(answer.get("responseId"), api_key),
        is_thought=image.is_thought,
    )


def _tokens(usage: dict[str, Any]) -> TokenUsage:
    """The tokens used. The details tell only those of images; what candidates have beyond them is text."""
    details = [as_dict(detail) for detail in as_items(usage.get("candidatesTokensDetails"))]
    image = sum(as_count(detail.get("tokenCount")) for detail in details if detail.get("modality") == "IMAGE")
    text = max(as_count(usage.get("candidatesTokenCount")) - image, 0) + as_count(usage.get("thoughtsTokenCount"))
    return TokenUsage(image, text, as_count(usage.get("promptTokenCount")))


def _word(value: Any, api_key: str) -> str | None:
    return mask_key(value, api_key) if isinstance(value, str) else None


def _block_reason(answer: dict[str, Any]) -> Any:
    return as_dict(answer.get("promptFeedback")).get("blockReason")


def _without_image(answer: dict[str, Any], candidate: dict[str, Any], api_key: str) -> Failure:
    """Why there is no image: the provider's reason, or what the model wrote instead, a question or a refusal."""
    if error := as_dict(answer.get("error")):
        # Decided too late for the status line, which had already gone out.
        return failure_of_status(as_count(error.get("code")) or 500, answer, api_key)
    blocked = _block_reason(answer)
    words = " ".join(str(part.get("text") or "") for part in parts_of(candidate) if not part.get("thought")).strip()
    reason = mask_key(str(blocked or candidate.get("finishReason") or ""), api_key)
    message = mask_key(str(candidate.get("finishMessage") or words), api_key)
    refused = bool(blocked) or any(word in reason for word in REFUSING)
    if refused:
        message = message or f"The {'prompt' if blocked else 'image'} was refused: {reason}."
    else:
        message = message or f"The model answered without an image{f': {reason}' if reason else ''}."
    code = FailureCode.CONTENT_BLOCKED if refused else FailureCode.NO_IMAGE
    return Failure(code, message, retryable=not refused, provider_status=200, provider_reason=reason or None)


def _unusable(message: str) -> AttemptFailed:
    return AttemptFailed(Failure(FailureCode.SERVER_ERROR, message, retryable=True, provider_status=200))
