"""The request for an image, in the form in which the Gemini API takes it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagefactory.ports import GenerationRequest

#: Bytes of a reference image that are turned into base64 at once: a multiple of three, so that only its end is padded.
STEP = 3 * 64 * 1024


class GeminiRequest:
    """The JSON of a request, piece by piece: reference images first, then the prompt.

    A hundred calls may wait for the model at once, and three references have 20 MB in base64: so they are encoded as
    they are sent, and nothing of them is kept while the model draws.
    """

    def __init__(self, request: GenerationRequest) -> None:
        self._references = [data for _, data in request.references]
        # The JSON around the references' base64: so many texts, and one more.
        whole = json.dumps(_message(request), separators=(",", ":"))
        self._texts = [text.encode() for text in whole.split(_HERE, len(self._references))]

    def __len__(self) -> int:
        encoded = sum(-(-len(data) // 3) * 4 for data in self._references)
        return sum(map(len, self._texts)) + encoded

    def __iter__(self) -> Iterator[bytes]:
        for text, data in zip(self._texts, self._references, strict=False):
            yield text
            for start in range(0, len(data), STEP):
                yield base64.b64encode(data[start : start + STEP])
        yield self._texts[-1]


#: Stands for a reference's base64. The references come before the prompt, so none of its text is taken for this.
_HERE = "REFERENCE"


def _message(request: GenerationRequest) -> dict[str, Any]:
    """The request, without the bytes of the references.

    `imageSize` is left out for models that have none: they refuse or ignore it.
    """
    parameters = request.parameters
    image_config = {"aspectRatio": parameters.aspect_ratio}
    if parameters.image_size:
        image_config["imageSize"] = parameters.image_size
    parts: list[dict[str, Any]] = [
        {"inlineData": {"mimeType": content_type, "data": _HERE}} for content_type, _ in request.references
    ]
    return {
        "contents": [{"role": "user", "parts": [*parts, {"text": request.prompt}]}],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": image_config},
    }
