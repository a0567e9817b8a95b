"""The bodies with status 200: pictures with their tokens, and answers without a picture.

The shapes follow recorded traffic: answers of the third family have a large `thoughtSignature`, more candidate tokens
than the picture's, and thought tokens; 2.5 Flash has none of these.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.error_bodies import ERROR_BODIES
from emulators.gemini.faults.no_image_bodies import NO_IMAGE_CANDIDATES, PROMPT_BLOCK_REASONS
from emulators.gemini.faults.outcomes import Outcome
from emulators.gemini.images import drawing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL import Image

    from emulators.gemini.api.generation_request import GenerationRequest
    from emulators.gemini.images.models import Pixels

#: Interim pictures of an answer that has some.
INTERIM_COUNT = 2


#: Outcomes whose only picture is marked as a thought.
THOUGHTS = frozenset({Outcome.THOUGHTS_ONLY, Outcome.THOUGHTS_REFUSED})
#: By outcome: the candidate before the one with the picture.
CANDIDATES_BEFORE: Mapping[Outcome, Mapping[str, Any]] = {
    Outcome.EMPTY_FIRST: {},
    Outcome.REFUSED_FIRST: {"content": {}, "finishReason": "IMAGE_SAFETY"},
}
#: By outcome: the type and the bytes of a blob after the picture, which is no picture.
BLOBS_AFTER = {
    Outcome.SOUND_AFTER: ("audio/wav", b"RIFF\x24\0\0\0WAVEfmt "),
    Outcome.NOTE_AFTER: ("text/plain", b"A note about the picture."),
    Outcome.EMPTY_AFTER: ("image/png", b""),
}
#: By registered type: an unregistered name for it.
ODD_TYPES = {"image/png": "Image/X-PNG; charset=binary", "image/jpeg": "Image/JPG; charset=binary"}
#: Characters of the signatures that Google sends with pictures: 1.1 to 2.9 million.
REAL_SIGNATURE = 1_500_000


@dataclass(frozen=True)
class ResponseBuilder:
    """Builds the bodies; `signature_bytes` is the length of a thoughtSignature, 0 for none.

    With `full_size` every picture and its signature are as large as Google's.
    """

    signature_bytes: int = 200_000
    full_size: bool = False

    def build(
        self, request: GenerationRequest, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome
    ) -> bytes:
        """Build the JSON of an answer; call it in a thread, since it takes tens of milliseconds."""
        if outcome is Outcome.LATE_ERROR:
            return json.dumps(ERROR_BODIES[Outcome.OVERLOADED](request.model.name).envelope(), indent=2).encode()
        if self.full_size and outcome is Outcome.OK:
            outcome = Outcome.FULL_SIZE
        answer = self._answer(request, references, outcome)
        if outcome is not Outcome.BARE:
            answer["modelVersion"] = "gemini-9-other-image" if outcome is Outcome.OTHER_MODEL else request.model.name
            answer["responseId"] = secrets.token_urlsafe(17)
        return json.dumps(answer, indent=2).encode()

    def _answer(
        self, request: GenerationRequest, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome
    ) -> dict[str, Any]:
        usage = _count_tokens(request, pictures=0, text="")
        if outcome in PROMPT_BLOCK_REASONS:
            feedback = {"promptFeedback": {"blockReason": PROMPT_BLOCK_REASONS[outcome]}, "usageMetadata": usage}
            return {"candidates": None, **feedback} if outcome is Outcome.BLOCKED_OTHER else feedback
        if outcome is Outcome.NO_CANDIDATES:
            return {"usageMetadata": usage}
        if outcome not in NO_IMAGE_CANDIDATES and not request.wants_image:
            outcome = Outcome.TEXT_ONLY
        if outcome in NO_IMAGE_CANDIDATES:
            candidate = {**NO_IMAGE_CANDIDATES[outcome], "index": 0}
            parts = candidate.get("content", {}).get("parts") or []
        else:
            parts = self._parts(request, references, outcome)
            refused = outcome in {Outcome.REFUSED_WITH_PICTURE, Outcome.THOUGHTS_REFUSED}
            reason = "IMAGE_SAFETY" if refused else "STOP"
            candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": 0}
        if outcome is Outcome.BARE:
            return {"candidates": [{"content": {"parts": parts}}]}
        text = "".join(part.get("text", "") for part in parts)
        # Every picture is billed, whatever the name of its part.
        pictures = sum("text" not in part for part in parts)
        usage = _count_tokens(request, pictures=pictures, text=text)
        if outcome in BLOBS_AFTER:
            parts.append(_blob(*BLOBS_AFTER[outcome]))
        before = CANDIDATES_BEFORE.get(outcome)
        candidates = [candidate] if before is None else [{**before, "index": 0}, candidate | {"index": 1}]
        return {"candidates": candidates, "usageMetadata": usage}

    def _parts(
        self, request: GenerationRequest, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome
    ) -> list[dict[str, Any]]:
        """The parts of an answer with a picture, in order; the final picture is the last that is no thought."""
        thoughts = THOUGHTS | {Outcome.THOUGHT_IMAGE}
        interim = INTERIM_COUNT if outcome is Outcome.INTERIM_IMAGES else int(outcome in thoughts)
        mark = {"thought": True} if outcome in thoughts else {}
        parts = [
            _picture(request, references, outcome, f"interim {number + 1} of {interim}") | mark
            for number in range(interim)
        ]
        if outcome not in THOUGHTS:
            parts.append(_picture(request, references, outcome, ""))
        if outcome is Outcome.THOUGHT_AFTER:
            parts.append(_picture(request, references, outcome, "a thought") | {"thought": True})
        if outcome is Outcome.BROKEN_AFTER:
            parts.append(_picture(request, references, Outcome.BAD_BASE64, "broken"))
        text = {"text": "Here is the picture you asked for."}
        if outcome is Outcome.TEXT_AFTER:
            parts.append(text)
        elif outcome in {Outcome.TEXT_BEFORE, Outcome.BAD_LETTER} or request.wants_text:
            parts.insert(0, text)
        length = max(self.signature_bytes, REAL_SIGNATURE if outcome is Outcome.FULL_SIZE else 0)
        if request.model.thinks and length and outcome is not Outcome.BARE:
            for part in parts:
                part["thoughtSignature"] = _signature(200 if "text" in part else length)
        return parts


def _picture(
    request: GenerationRequest, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome, note: str
) -> dict[str, Any]:
    """One part with a picture, and with the fault of the outcome."""
    width, height = request.model.dimensions(
        request.aspect_ratio, request.image_size, references[-1][1] if references else None
    )
    if outcome is Outcome.WRONG_SIZE:
        width //= 2
    caption = "  ·  ".join(filter(None, (request.model.name, f"{width}x{height}", "local stand-in", note)))
    prints = [small for small, _ in references]
    declared = written = request.model.mime
    if outcome is Outcome.WRONG_MIME:
        written = "image/jpeg" if declared == "image/png" else "image/png"
    if outcome is Outcome.NOT_AN_IMAGE:
        file = b"These bytes are not a picture. " * 100
    else:
        picture = drawing.draw_picture(request.prompt, (width, height), caption, prints)
        file = drawing.encode_picture(picture, written, grain=outcome is Outcome.FULL_SIZE)
    return _part(file, declared, outcome)


def _blob(declared: str, file: bytes) -> dict[str, Any]:
    return {"inlineData": {"data": base64.b64encode(file).decode(), "mimeType": declared}}


def _part(file: bytes, declared: str, outcome: Outcome) -> dict[str, Any]:
    """The part with a file, spelled as the outcome says."""
    data = base64.b64encode(file).decode()
    match outcome:
        case Outcome.BAD_BASE64:
            return {"inlineData": {"data": f"{data[:1000]}!not base64!{data[1000:]}", "mimeType": declared}}
        case Outcome.URL_SAFE:
            data = base64.urlsafe_b64encode(file).decode().rstrip("=")
        case Outcome.DATA_URL:
            data = f"data:{declared};name=picture;base64,{data}"
        case Outcome.WRAPPED:
            data = base64.encodebytes(file).decode()
        case Outcome.EXCESS_PADDING:
            data += "=="
        case Outcome.ODD_MIME:
            declared = ODD_TYPES[declared]
        case Outcome.SNAKE_CASE:
            return {"inline_data": {"data": data, "mime_type": declared}}
        case Outcome.BARE:
            return {"inlineData": {"data": data}}
    return {"inlineData": {"data": data, "mimeType": declared}}


def _signature(length: int) -> str:
    """Random bytes in base64 of about `length` characters, like Google's opaque signatures."""
    return base64.b64encode(secrets.token_bytes(max(3, length * 3 // 4))).decode()


def _count_tokens(request: GenerationRequest, *, pictures: int, text: str) -> dict[str, Any]:
    """The usage metadata of an answer; a token counts as four characters."""
    model = request.model
    text_tokens = _tokens(request.prompt) + _tokens(request.system_text)
    reference_tokens = len(request.references) * model.reference_tokens
    details = [{"modality": "TEXT", "tokenCount": text_tokens}, {"modality": "IMAGE", "tokenCount": reference_tokens}]
    usage: dict[str, Any] = {
        "promptTokenCount": text_tokens + reference_tokens,
        "promptTokensDetails": details if reference_tokens else details[:1],
        "serviceTier": "standard",
    }
    image_tokens = pictures * model.tokens[request.image_size or "1K"]
    # The same prompt always gets the same thoughts, so that costs in tests are stable.
    rng = random.Random(hashlib.blake2b(request.prompt.encode(errors="surrogatepass")).digest())  # noqa: S311 - not for cryptography
    extra_tokens = rng.randrange(88, 200) if pictures and model.thinks else 0
    candidates = image_tokens + extra_tokens + _tokens(text)
    thoughts = rng.randrange(120, 400) if model.thinks else 0
    if candidates:
        usage["candidatesTokenCount"] = candidates
    if pictures:
        usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": image_tokens}]
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    usage["totalTokenCount"] = text_tokens + reference_tokens + candidates + thoughts
    return dict(sorted(usage.items()))


def _tokens(text: str) -> int:
    return -(-len(text) // 4)
