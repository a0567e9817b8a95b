"""The JSON form of a request: the known fields, and Google's messages about unknown ones.

Google reads proto3 JSON: fields are in camelCase or snake_case, null means unset, a single message may replace a list
of one, numbers may be strings. Paths in messages are in snake_case.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.error_format import bad_request, unknown_field

if TYPE_CHECKING:
    from collections.abc import Mapping

# `[X]` is a list of X; `any` is not validated, since the stand-in does not use it.
MESSAGES: Mapping[str, Mapping[str, str]] = {
    "GenerateContentRequest": {
        "model": "string",
        "contents": "[Content]",
        "systemInstruction": "Content",
        "generationConfig": "GenerationConfig",
        "safetySettings": "[SafetySetting]",
        "cachedContent": "string",
        "serviceTier": "string",
        "store": "bool",
    }
    | dict.fromkeys(("tools", "toolConfig"), "any"),
    "Content": {"parts": "[Part]", "role": "string"},
    "Part": {
        "text": "string",
        "inlineData": "Blob",
        "fileData": "FileData",
        "thought": "bool",
        "thoughtSignature": "bytes",
    }
    | dict.fromkeys(
        (
            "functionCall",
            "functionResponse",
            "executableCode",
            "codeExecutionResult",
            "videoMetadata",
            "mediaResolution",
            "partMetadata",
        ),
        "any",
    ),
    "Blob": {"mimeType": "string", "data": "bytes"},
    "FileData": {"mimeType": "string", "fileUri": "string"},
    "GenerationConfig": {
        "responseModalities": "[Modality]",
        "imageConfig": "ImageConfig",
        "thinkingConfig": "ThinkingConfig",
        "stopSequences": "[string]",
        "responseMimeType": "string",
        "mediaResolution": "string",
        "responseLogprobs": "bool",
        "enableEnhancedCivicAnswers": "bool",
    }
    | dict.fromkeys(("candidateCount", "maxOutputTokens", "topK", "seed", "logprobs"), "number")
    | dict.fromkeys(("temperature", "topP", "presencePenalty", "frequencyPenalty"), "number")
    | dict.fromkeys(("responseSchema", "responseJsonSchema", "_responseJsonSchema", "speechConfig"), "any"),
    "ImageConfig": {"aspectRatio": "string", "imageSize": "string"},
    "ThinkingConfig": {"includeThoughts": "bool", "thinkingBudget": "number", "thinkingLevel": "string"},
    "SafetySetting": {"category": "string", "threshold": "string"},
}
MODALITIES = frozenset({"MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"})

_PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1beta."
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def read_request(body: bytes) -> dict[str, Any]:
    """Parse a request into camelCase keys and decoded bytes; raises Google's 400, which names every wrong field."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise bad_request("Invalid JSON payload received. Unexpected token.") from error
    reader = _Reader()
    request = reader.message("GenerateContentRequest", value, "")
    if reader.violations:
        raise bad_request("\n".join(text for _, text in reader.violations), *reader.violations)
    return request


class _Reader:
    """Walks a request along the schema; `violations` are pairs of a path and a sentence."""

    def __init__(self) -> None:
        self.violations: list[tuple[str, str]] = []

    def message(self, kind: str, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._invalid(path, _PACKAGE + kind, value)
            return {}
        read: dict[str, Any] = {}
        for key, inner in value.items():
            name = _camel(key)
            if name not in MESSAGES[kind]:
                self._unknown(key, path)
            elif inner is not None:
                read[name] = self._value(MESSAGES[kind][name], inner, f"{path}.{_snake(name)}".lstrip("."))
        return read

    def _value(self, kind: str, value: Any, path: str) -> Any:
        if kind.startswith("["):
            values = value if isinstance(value, list) else [value]
            return [self._value(kind[1:-1], each, f"{path}[{index}]") for index, each in enumerate(values)]
        if kind in MESSAGES:
            return self.message(kind, value, path)
        return self._scalar(kind, value, path)

    def _scalar(self, kind: str, value: Any, path: str) -> Any:
        match kind, value:
            case ("any", _) | ("string", str()) | ("bool", bool()):
                return value
            case "number", int() | float() if not isinstance(value, bool):
                return value
            case "number", str() if _NUMBER.fullmatch(value):
                return float(value)
            case "bytes", str():
                return self._bytes(value, path)
            case "Modality", str() if value.upper() in MODALITIES:
                return value.upper()
        type_name = _PACKAGE + "GenerationConfig.Modality" if kind == "Modality" else f"TYPE_{kind.upper()}"
        self._invalid(path, type_name, value)
        return None

    def _bytes(self, value: str, path: str) -> bytes:
        # Google reads both alphabets, with or without padding.
        standard = value.translate(_TO_STANDARD).rstrip("=")
        try:
            return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        except (binascii.Error, ValueError):
            text = f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for {json.dumps(value[:60])}"
            self.violations.append((path, text))
            return b""

    def _invalid(self, path: str, kind: str, value: Any) -> None:
        if not path:
            text = 'Invalid JSON payload received. Unknown name "": Root element must be a message.'
        else:
            text = f"Invalid value at '{path}' ({kind}), {json.dumps(value)[:200]}"
        self.violations.append((path, text))

    def _unknown(self, name: str, path: str) -> None:
        self.violations.append((path, unknown_field(name, path)))


_TO_STANDARD = str.maketrans("-_", "+/")


def _camel(name: str) -> str:
    """`image_config` and `imageConfig` are the same field."""
    return re.sub(r"(?<=[a-z0-9])_([a-z0-9])", lambda match: match[1].upper(), name)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)
