"""Which of an answer's parts is the image that was asked for."""

from __future__ import annotations

import contextlib
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from imagefactory.adapters.gemini.values import as_dict, as_items
from imagefactory.domain.base64text import decode_base64
from imagefactory.domain.media_type import normalize_media_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Types that a data URL may tell where the part tells none.
_KEPT_TYPES = ("image/png", "image/jpeg", "image/webp")
#: Finish reasons of a model that says it has done what it was asked.
_FINISHED = (None, "", "STOP", "FINISH_REASON_UNSPECIFIED")


class FoundImage(NamedTuple):
    """An image's bytes, its media type in the provider's own spelling, and whether it was only a thought."""

    data: bytes
    content_type: str
    is_thought: bool


class _Blob(NamedTuple):
    declared_type: str
    base64: str

    @property
    def is_called_image(self) -> bool:
        return normalize_media_type(self.declared_type).startswith("image/")


class _Rank(IntEnum):
    """How surely bytes are an image that can be kept."""

    NO_IMAGE = 0
    CALLED_OTHERWISE = 1  #: an image by its bytes, something else by its media type
    CALLED_IMAGE = 2  #: an image by its media type, and by its bytes of no format that is kept
    IMAGE = 3


def find_image(candidates: Sequence[dict[str, Any]], *, thoughts_too: bool) -> FoundImage | None:
    """The last image of the first candidate that has one; None where there is none at all.

    An image marked as a thought is an interim one. It is taken with `thoughts_too`, where there is no other and its
    candidate has finished: then the last of them is all that the model drew, it is billed like any, and another attempt
    would be billed again. In a refused answer it is a part of what was refused.

    Raises:
        ValueError: there are images, and none can be decoded.
    """
    finals = [blob for candidate in candidates for blob in reversed(_blobs(candidate, thoughts=False))]
    if chosen := _choose(finals):
        return FoundImage(*chosen, is_thought=False)
    finished = [candidate for candidate in candidates if thoughts_too and candidate.get("finishReason") in _FINISHED]
    if chosen := _choose(blob for candidate in finished for blob in reversed(_blobs(candidate, thoughts=True))):
        return FoundImage(*chosen, is_thought=True)
    if any(blob.is_called_image for blob in finals):
        raise ValueError("no image in it can be decoded")
    return None


def parts_of(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a candidate's content."""
    return [as_dict(part) for part in as_items(as_dict(candidate.get("content")).get("parts"))]


def _blobs(candidate: dict[str, Any], *, thoughts: bool) -> list[_Blob]:
    blobs = []
    for part in parts_of(candidate):
        blob = as_dict(part.get("inlineData")) or as_dict(part.get("inline_data"))
        text = blob.get("data")
        if isinstance(text, str) and text and bool(part.get("thought")) is thoughts:
            blobs.append(_Blob(str(blob.get("mimeType") or blob.get("mime_type") or ""), text))
    return blobs


def _choose(blobs: Iterable[_Blob]) -> tuple[bytes, str] | None:
    """The first that is surely an image, with its media type, else the likeliest. What cannot be decoded is none."""
    best, best_rank = None, _Rank.NO_IMAGE
    for blob in blobs:
        with contextlib.suppress(ValueError):
            data, media_type = decode_base64(blob.base64)
            if blob.is_called_image or media_type not in _KEPT_TYPES:
                media_type = blob.declared_type
            rank = _rank(data, normalize_media_type(media_type))
            if rank is _Rank.IMAGE:
                return data, media_type
            if rank > best_rank:
                best, best_rank = (data, media_type), rank
    return best


def _rank(data: bytes, media_type: str) -> _Rank:
    if data.startswith((b"\x89PNG", b"\xff\xd8\xff")) or (data[:4], data[8:12]) == (b"RIFF", b"WEBP"):
        says_nothing = "/" not in media_type or media_type.endswith(("octet-stream", "*"))
        return _Rank.IMAGE if says_nothing or media_type.startswith("image/") else _Rank.CALLED_OTHERWISE
    return _Rank.CALLED_IMAGE if data and media_type.startswith("image/") else _Rank.NO_IMAGE
