"""The bodies of 200: pictures with their tokens, and the answers without one.

The shapes follow recorded traffic: an answer of the third family carries a large `thoughtSignature`, its candidate
tokens are more than the picture's, and thoughts are counted; 2.5 Flash has none of that.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.error_bodies import FAILURES
from emulators.gemini.faults.no_image_bodies import PROMPT_BLOCKS, WITHOUT_PICTURE
from emulators.gemini.faults.outcomes import Outcome
from emulators.gemini.images import drawing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL import Image

    from emulators.gemini.api.generation_request import Asked
    from emulators.gemini.images.models import Pixels

#: Interim pictures of an answer that has some.
INTERIM = 2


#: Outcomes with no picture but one that is marked as a thought.
THOUGHTS = frozenset({Outcome.THOUGHTS_ONLY, Outcome.THOUGHTS_REFUSED})
#: By outcome: what stands in front of the candidate with the picture.
CANDIDATES_BEFORE: Mapping[Outcome, Mapping[str, Any]] = {
    Outcome.EMPTY_FIRST: {},
    Outcome.REFUSED_FIRST: {"content": {}, "finishReason": "IMAGE_SAFETY"},
}
#: By outcome: a blob behind the picture that is none, its type and its bytes.
BLOBS_AFTER = {
    Outcome.SOUND_AFTER: ("audio/wav", b"RIFF\x24\0\0\0WAVEfmt "),
    Outcome.NOTE_AFTER: ("text/plain", b"A note about the picture."),
    Outcome.EMPTY_AFTER: ("image/png", b""),
}
#: Names in use for types that are registered under another.
ODD_TYPES = {"image/png": "Image/X-PNG; charset=binary", "image/jpeg": "Image/JPG; charset=binary"}
#: Characters of the signatures that Google sends with pictures: 1.1 to 2.9 million.
REAL_SIGNATURE = 1_500_000


@dataclass(frozen=True)
class Studio:
    """Makes the bodies; `signature_bytes` is the length of a thoughtSignature, 0 for none.

    With `full_size` every picture and its signature are as large as Google's.
    """

    signature_bytes: int = 200_000
    full_size: bool = False

    def body(self, asked: Asked, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome) -> bytes:
        """The JSON of an answer; runs for tens of milliseconds, so not in the event loop."""
        if outcome is Outcome.LATE_ERROR:
            return json.dumps(FAILURES[Outcome.OVERLOADED](asked.model.name).body(), indent=2).encode()
        if self.full_size and outcome is Outcome.OK:
            outcome = Outcome.FULL_SIZE
        answer = self._answer(asked, references, outcome)
        if outcome is not Outcome.BARE:
            answer["modelVersion"] = "gemini-9-other-image" if outcome is Outcome.OTHER_MODEL else asked.model.name
            answer["responseId"] = secrets.token_urlsafe(17)
        return json.dumps(answer, indent=2).encode()

    def _answer(
        self, asked: Asked, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome
    ) -> dict[str, Any]:
        usage = _usage(asked, pictures=0, text="")
        if outcome in PROMPT_BLOCKS:
            feedback = {"promptFeedback": {"blockReason": PROMPT_BLOCKS[outcome]}, "usageMetadata": usage}
            return {"candidates": None, **feedback} if outcome is Outcome.BLOCKED_OTHER else feedback
        if outcome is Outcome.NO_CANDIDATES:
            return {"usageMetadata": usage}
        if outcome not in WITHOUT_PICTURE and not asked.image_too:
            outcome = Outcome.TEXT_ONLY
        if outcome in WITHOUT_PICTURE:
            candidate = {**WITHOUT_PICTURE[outcome], "index": 0}
            parts = candidate.get("content", {}).get("parts") or []
        else:
            parts = self._parts(asked, references, outcome)
            refused = outcome in {Outcome.REFUSED_WITH_PICTURE, Outcome.THOUGHTS_REFUSED}
            reason = "IMAGE_SAFETY" if refused else "STOP"
            candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": 0}
        if outcome is Outcome.BARE:
            return {"candidates": [{"content": {"parts": parts}}]}
        text = "".join(part.get("text", "") for part in parts)
        # However the part that holds it is named, a picture is billed.
        pictures = sum("text" not in part for part in parts)
        usage = _usage(asked, pictures=pictures, text=text)
        if outcome in BLOBS_AFTER:
            parts.append(_blob(*BLOBS_AFTER[outcome]))
        before = CANDIDATES_BEFORE.get(outcome)
        candidates = [candidate] if before is None else [{**before, "index": 0}, candidate | {"index": 1}]
        return {"candidates": candidates, "usageMetadata": usage}

    def _parts(
        self, asked: Asked, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome
    ) -> list[dict[str, Any]]:
        """The parts of an answer with a picture, in their order; the final picture is the last one not a thought."""
        thoughts = THOUGHTS | {Outcome.THOUGHT_IMAGE}
        interim = INTERIM if outcome is Outcome.INTERIM_IMAGES else int(outcome in thoughts)
        mark = {"thought": True} if outcome in thoughts else {}
        parts = [
            _picture(asked, references, outcome, f"interim {number + 1} of {interim}") | mark
            for number in range(interim)
        ]
        if outcome not in THOUGHTS:
            parts.append(_picture(asked, references, outcome, ""))
        if outcome is Outcome.THOUGHT_AFTER:
            parts.append(_picture(asked, references, outcome, "a thought") | {"thought": True})
        if outcome is Outcome.BROKEN_AFTER:
            parts.append(_picture(asked, references, Outcome.BAD_BASE64, "broken"))
        text = {"text": "Here is the picture you asked for."}
        if outcome is Outcome.TEXT_AFTER:
            parts.append(text)
        elif outcome in {Outcome.TEXT_BEFORE, Outcome.BAD_LETTER} or asked.text_too:
            parts.insert(0, text)
        length = max(self.signature_bytes, REAL_SIGNATURE if outcome is Outcome.FULL_SIZE else 0)
        if asked.model.thinks and length and outcome is not Outcome.BARE:
            for part in parts:
                part["thoughtSignature"] = _signature(200 if "text" in part else length)
        return parts


def _picture(
    asked: Asked, references: Sequence[tuple[Image.Image, Pixels]], outcome: Outcome, note: str
) -> dict[str, Any]:
    """One part with a picture, wrong in the way the outcome says."""
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
        picture = drawing.picture(asked.prompt, (width, height), caption, prints)
        file = drawing.encoded(picture, written, grain=outcome is Outcome.FULL_SIZE)
    return _part(file, declared, outcome)


def _blob(declared: str, file: bytes) -> dict[str, Any]:
    return {"inlineData": {"data": base64.b64encode(file).decode(), "mimeType": declared}}


def _part(file: bytes, declared: str, outcome: Outcome) -> dict[str, Any]:
    """The part that holds a file."""
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
