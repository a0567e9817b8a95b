"""The content of a generateContent request; invalid values are refused in Google's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.error_bodies import rejection
from emulators.gemini.faults.error_format import IMAGE_CONFIG, RejectedError, bad_request, not_one_of
from emulators.gemini.faults.outcomes import Outcome
from emulators.gemini.images.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emulators.gemini.images.models import Model

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
ROLES = ("user", "model")


@dataclass(frozen=True)
class Reference:
    """A reference image of the request; without bytes if the request has only its URI."""

    mime: str
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class GenerationRequest:
    """One request for a picture; `prompt` is all text in order, without the system instruction."""

    model: Model
    prompt: str = field(repr=False)
    system_text: str = field(repr=False)
    references: tuple[Reference, ...]
    aspect_ratio: str | None
    image_size: str | None
    wants_text: bool
    wants_image: bool


def read_generation_request(model_name: str, request: Mapping[str, Any]) -> GenerationRequest:
    """Validate a request with camelCase keys and return its content; raises Google's 404 or 400."""
    model = MODELS.get(model_name)
    if model is None:
        raise rejection(Outcome.NOT_FOUND, model_name)
    parts = _parts(request)
    config = request.get("generationConfig", {})
    ratio, size = _image_config(model, config.get("imageConfig", {}))
    modalities = _modalities(model, config)
    return GenerationRequest(
        model=model,
        prompt=_text(parts),
        system_text=_text(request.get("systemInstruction", {}).get("parts", ())),
        references=_references(parts),
        aspect_ratio=ratio,
        image_size=size,
        wants_text="TEXT" in modalities,
        wants_image="IMAGE" in modalities,
    )


def _parts(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The parts of every turn; raises Google's 400 for a turn without parts or with an unknown role."""
    contents = request.get("contents", [])
    if not contents:
        raise bad_request("* GenerateContentRequest.contents: contents is not specified\n")
    for index, content in enumerate(contents):
        if content.get("role", "user") not in ROLES:
            raise bad_request("Please use a valid role: user, model.")
        if not content.get("parts"):
            raise bad_request(f"* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty.\n")
    return [part for content in contents for part in content["parts"]]


def _text(parts: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(part["text"] for part in parts if part.get("text"))


def _references(parts: Sequence[Mapping[str, Any]]) -> tuple[Reference, ...]:
    references = []
    for part in parts:
        blob, file = part.get("inlineData"), part.get("fileData")
        if blob is not None:
            references.append(Reference(_image_type(blob), blob.get("data", b"")))
        elif file is not None:
            references.append(Reference(_image_type(file)))
    return tuple(references)


def _image_type(blob: Mapping[str, Any]) -> str:
    mime = str(blob.get("mimeType", ""))
    if mime not in IMAGE_TYPES:
        raise bad_request(f"Unsupported MIME type: {mime}")
    return mime


def unreadable_image() -> RejectedError:
    """Google's error for an input image that it cannot open."""
    return bad_request(
        "Unable to process input image. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting"
    )


def _image_config(model: Model, config: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The requested ratio and size, None if the request has none; raises Google's 400.

    The sentence about ratios is Google's. The one about sizes imitates it: nobody has published the real one.
    """
    ratio, size = config.get("aspectRatio") or None, config.get("imageSize") or None
    problems = []
    if ratio is not None and ratio not in model.ratios:
        problems.append(not_one_of("aspect_ratio", model.ratios))
    if size is not None and not model.sizes:
        problems.append(f"{IMAGE_CONFIG}.image_size: image_size is not supported by models/{model.name}.\n")
    elif size is not None and size not in model.sizes:
        problems.append(not_one_of("image_size", model.sizes))
    if problems:
        raise bad_request("".join(problems))
    return ratio, size


def _modalities(model: Model, config: Mapping[str, Any]) -> frozenset[str]:
    """The modalities of the answer, text and image by default; raises Google's 400."""
    chosen = frozenset(config.get("responseModalities", ())) - {"MODALITY_UNSPECIFIED"}
    if chosen - {"TEXT", "IMAGE"}:
        raise bad_request(
            f"The requested combination of response modalities ({', '.join(sorted(chosen))}) is not supported by the "
            f"model. models/{model.name} accepts the following combination of response modalities:\n"
            "* IMAGE\n* TEXT\n* TEXT, IMAGE\n"
        )
    return chosen or frozenset({"TEXT", "IMAGE"})
