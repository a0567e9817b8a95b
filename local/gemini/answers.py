"""The bodies of 200: pictures with their tokens, and all the shapes of an answer without one.

The shapes follow recorded traffic: an answer of the third family carries a large `thoughtSignature`, its candidate
tokens are more than the picture's, and thoughts are counted; 2.5 Flash has none of that. `finishMessage` of
IMAGE_SAFETY, IMAGE_RECITATION and NO_IMAGE is written in the manner of the recorded ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.gemini import drawing
from local.gemini.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL import Image

    from local.gemini.asked import Asked
    from local.gemini.models import Pixels

_UNABLE = "Unable to show the generated image."
_OTHER = f"{_UNABLE} The model could not generate the image based on the prompt provided."
_BAD_RATING = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}

# By outcome: the one candidate of an answer without a picture.
WITHOUT_PICTURE: Mapping[Outcome, Mapping[str, Any]] = {
    Outcome.IMAGE_BLOCKED: {
        "content": {},
        "finishReason": "IMAGE_SAFETY",
        "finishMessage": f"{_UNABLE} It was filtered out because it may violate the usage policy. Rephrase the prompt.",
    },
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
    Outcome.TEXT_ONLY: {
        "content": {
            "parts": [{"text": "I would rather describe it: which style do you have in mind?"}],
            "role": "model",
        },
        "finishReason": "STOP",
    },
    Outcome.MAX_TOKENS: {"content": {"role": "model"}, "finishReason": "MAX_TOKENS"},
    Outcome.UNKNOWN_FINISH: {"content": {"role": "model"}, "finishReason": "A_REASON_OF_TOMORROW"},
}
PROMPT_BLOCKS = {Outcome.BLOCKED: "PROHIBITED_CONTENT", Outcome.BLOCKED_SAFETY: "SAFETY"}
INTERIM = 2


@dataclass(frozen=True)
class Studio:
    """Makes the bodies; `signature_bytes` is the length of a thoughtSignature, 0 for none."""

    signature_bytes: int = 200_000

    def body(self, asked: Asked, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome) -> bytes:
        """The JSON of an answer; runs for tens of milliseconds, so not in the event loop."""
        answer = self._answer(asked, references, outcome)
        answer["modelVersion"] = "gemini-9-other-image" if outcome is Outcome.OTHER_MODEL else asked.model.name
        answer["responseId"] = secrets.token_urlsafe(17)
        return json.dumps(answer, indent=2).encode()

    def _answer(
        self, asked: Asked, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome
    ) -> dict[str, Any]:
        if outcome in PROMPT_BLOCKS:
            usage = _usage(asked, pictures=0, text="")
            return {"promptFeedback": {"blockReason": PROMPT_BLOCKS[outcome]}, "usageMetadata": usage}
        if outcome is Outcome.NO_CANDIDATES:
            return {"usageMetadata": _usage(asked, pictures=0, text="")}
        if outcome not in WITHOUT_PICTURE and not asked.image_too:
            outcome = Outcome.TEXT_ONLY
        if outcome in WITHOUT_PICTURE:
            candidate = {**WITHOUT_PICTURE[outcome], "index": 0}
            text = "".join(part["text"] for part in candidate.get("content", {}).get("parts", ()))
            return {"candidates": [candidate], "usageMetadata": _usage(asked, pictures=0, text=text)}
        parts = self._parts(asked, references, outcome)
        text = "".join(part.get("text", "") for part in parts)
        pictures = sum("inlineData" in part for part in parts)
        return {
            "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": _usage(asked, pictures=pictures, text=text),
        }

    def _parts(
        self, asked: Asked, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome
    ) -> list[dict[str, Any]]:
        """The parts of an answer with a picture, in their order; the final picture is the last one not a thought."""
        interim = {Outcome.INTERIM_IMAGES: INTERIM, Outcome.THOUGHT_IMAGE: 1}.get(outcome, 0)
        mark = {"thought": True} if outcome is Outcome.THOUGHT_IMAGE else {}
        parts = [
            _picture(asked, references, outcome, f"interim {number + 1} of {interim}") | mark
            for number in range(interim)
        ]
        parts.append(_picture(asked, references, outcome, ""))
        text = {"text": "Here is the picture you asked for."}
        if outcome is Outcome.TEXT_AFTER:
            parts.append(text)
        elif outcome is Outcome.TEXT_BEFORE or asked.text_too:
            parts.insert(0, text)
        if asked.model.thinks and self.signature_bytes:
            for part in parts:
                part["thoughtSignature"] = _signature(self.signature_bytes if "inlineData" in part else 200)
        return parts


def _picture(
    asked: Asked, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome, note: str
) -> dict[str, Any]:
    """One inlineData part, wrong in the way the outcome says."""
    width, height = asked.model.dimensions(
        asked.aspect_ratio, asked.image_size, references[-1][1] if references else None
    )
    if outcome is Outcome.WRONG_SIZE:
        width //= 2
    caption = "  ·  ".join(filter(None, (asked.model.name, f"{width}x{height}", "local stand-in", note)))
    prints = [small for small, _ in references]
    declared = written = asked.model.mime
    if outcome is Outcome.WRONG_MIME:
        written = "image/jpeg" if declared == "image/png" else "image/png"
    if outcome is Outcome.NOT_AN_IMAGE:
        file = b"These bytes are not a picture. " * 100
    else:
        file = drawing.encoded(drawing.picture(asked.prompt, (width, height), caption, prints), written)
    data = base64.b64encode(file).decode()
    if outcome is Outcome.BAD_BASE64:
        data = f"{data[:1000]}!not base64!{data[1000:]}"
    return {"inlineData": {"data": data, "mimeType": declared}}


def _signature(length: int) -> str:
    """Bytes that mean something to Google only, in base64 of about `length` characters."""
    return base64.b64encode(secrets.token_bytes(max(3, length * 3 // 4))).decode()


def _usage(asked: Asked, *, pictures: int, text: str) -> dict[str, Any]:
    """The tokens of an answer; a token is taken to be four characters."""
    model = asked.model
    words = _tokens(asked.prompt) + _tokens(asked.system_text)
    seen = len(asked.references) * model.reference_tokens
    details = [{"modality": "TEXT", "tokenCount": words}, {"modality": "IMAGE", "tokenCount": seen}]
    usage: dict[str, Any] = {
        "promptTokenCount": words + seen,
        "promptTokensDetails": details if seen else details[:1],
        "serviceTier": "standard",
    }
    image_tokens = pictures * model.tokens[asked.image_size or "1K"]
    # The same prompt thinks equally long each time, so that costs in tests are the same each time.
    dice = random.Random(hashlib.blake2b(asked.prompt.encode(errors="surrogatepass")).digest())  # noqa: S311 - not for cryptography
    around = dice.randrange(88, 200) if pictures and model.thinks else 0
    candidates = image_tokens + around + _tokens(text)
    thoughts = dice.randrange(120, 400) if model.thinks else 0
    if candidates:
        usage["candidatesTokenCount"] = candidates
    if pictures:
        usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": image_tokens}]
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    usage["totalTokenCount"] = words + seen + candidates + thoughts
    return dict(sorted(usage.items()))


def _tokens(text: str) -> int:
    return -(-len(text) // 4)
