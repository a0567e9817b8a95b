"""The bodies with status 200 and no picture, in recorded shapes.

The `finishMessage` of IMAGE_SAFETY, IMAGE_RECITATION and NO_IMAGE imitates recorded ones. Unrecorded reasons have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNABLE = "Unable to show the generated image."
_OTHER = f"{_UNABLE} The model could not generate the image based on the prompt provided."
_FILTERED = f"{_UNABLE} It was filtered out because it may violate the usage policy. Rephrase the prompt."
_BAD_RATING = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
_QUESTION = {"text": "I would rather describe it: which style do you have in mind?"}

#: By outcome: the finish reason of an answer whose content has only a role.
_REASONS = {
    Outcome.FINISH_UNSPECIFIED: "FINISH_REASON_UNSPECIFIED",
    Outcome.RECITATION: "RECITATION",
    Outcome.LANGUAGE: "LANGUAGE",
    Outcome.OTHER: "OTHER",
    Outcome.BLOCKLIST: "BLOCKLIST",
    Outcome.SPII: "SPII",
    Outcome.MALFORMED_FUNCTION_CALL: "MALFORMED_FUNCTION_CALL",
    Outcome.UNEXPECTED_TOOL_CALL: "UNEXPECTED_TOOL_CALL",
    Outcome.TOO_MANY_TOOL_CALLS: "TOO_MANY_TOOL_CALLS",
    Outcome.MISSING_THOUGHT_SIGNATURE: "MISSING_THOUGHT_SIGNATURE",
    Outcome.MALFORMED_RESPONSE: "MALFORMED_RESPONSE",
    Outcome.ESCALATION: "ESCALATION",
    Outcome.PUP_LIMITED_DISABLED: "PUP_LIMITED_DISABLED",
    Outcome.CONTINUATION: "CONTINUATION",
    Outcome.MODEL_ARMOR: "MODEL_ARMOR",
    Outcome.MAX_TOKENS: "MAX_TOKENS",
    Outcome.UNKNOWN_FINISH: "A_REASON_OF_TOMORROW",
}

#: By outcome: the one candidate of an answer without a picture.
NO_IMAGE_CANDIDATES: Mapping[Outcome, Mapping[str, Any]] = {
    **{outcome: {"content": {"role": "model"}, "finishReason": reason} for outcome, reason in _REASONS.items()},
    Outcome.IMAGE_BLOCKED: {"content": {}, "finishReason": "IMAGE_SAFETY", "finishMessage": _FILTERED},
    Outcome.PARTS_NULL: {"content": {"parts": None, "role": "model"}, "finishReason": "IMAGE_SAFETY"},
    Outcome.IMAGE_PROHIBITED: {
        "content": {"role": "model"},
        "finishReason": "IMAGE_PROHIBITED_CONTENT",
        "finishMessage": "Unable to show the generated image due to interests of third-party content providers. Please "
        "edit your prompt and try again. If you think this was an error, send feedback. Support code: 35561575.",
    },
    Outcome.IMAGE_RECITATION: {
        "content": {},
        "finishReason": "IMAGE_RECITATION",
        "finishMessage": f"{_UNABLE} It is too similar to an existing image.",
    },
    Outcome.SAFETY: {"finishReason": "SAFETY", "safetyRatings": [_BAD_RATING]},
    Outcome.PROHIBITED_CONTENT: {"finishReason": "PROHIBITED_CONTENT"},
    Outcome.IMAGE_OTHER: {
        "content": {},
        "finishReason": "IMAGE_OTHER",
        "finishMessage": f"{_OTHER} You will not be charged for this request. Try rephrasing the prompt.",
    },
    Outcome.CONTENT_MISSING: {"finishReason": "IMAGE_OTHER", "finishMessage": _OTHER},
    Outcome.NO_IMAGE: {
        "content": {"role": "model"},
        "finishReason": "NO_IMAGE",
        "finishMessage": f"{_UNABLE} The model did not make one.",
    },
    Outcome.TEXT_ONLY: {"content": {"parts": [_QUESTION], "role": "model"}, "finishReason": "STOP"},
    Outcome.EMPTY_CANDIDATE: {},
}

#: By outcome: the block reason of a prompt, in an answer without candidates.
PROMPT_BLOCK_REASONS: Mapping[Outcome, str] = {
    Outcome.BLOCKED: "PROHIBITED_CONTENT",
    Outcome.BLOCKED_SAFETY: "SAFETY",
    Outcome.BLOCKED_OTHER: "OTHER",
    Outcome.BLOCKED_BLOCKLIST: "BLOCKLIST",
    Outcome.BLOCKED_IMAGE_SAFETY: "IMAGE_SAFETY",
    Outcome.BLOCKED_UNSPECIFIED: "BLOCKED_REASON_UNSPECIFIED",
    Outcome.BLOCKED_MODEL_ARMOR: "MODEL_ARMOR",
    Outcome.BLOCKED_JAILBREAK: "JAILBREAK",
}
