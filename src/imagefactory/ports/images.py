"""Images as bytes, and the model that makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from imagefactory.domain.pricing import TokenUsage

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from imagefactory.domain.generation import GenerationParameters


class ImageFormat(StrEnum):
    """The image formats the factory knows, by the extension of their files."""

    PNG = "png"
    JPG = "jpg"
    WEBP = "webp"

    @property
    def content_type(self) -> str:
        """The MIME type."""
        return "image/jpeg" if self is ImageFormat.JPG else f"image/{self.value}"


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An image whose bytes were opened: its format and its size in pixels."""

    data: bytes = field(repr=False)
    format: ImageFormat
    width: int
    height: int


class ImageCodec(Protocol):
    """Looks into images, and converts them."""

    def decode(self, data: bytes) -> DecodedImage:
        """The image that these bytes are.

        Raises:
            ValueError: they are no whole PNG, JPEG or WebP image, or one too large to open; the message says which.
        """
        ...

    def convert(self, decoded: DecodedImage, target_format: ImageFormat) -> DecodedImage:
        """The image in this format; itself where it already is.

        Raises:
            ValueError: the format cannot hold it.
        """
        ...


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What the model is asked: one prompt, how its image is made, and the reference images as (MIME type, bytes)."""

    prompt: str
    parameters: GenerationParameters
    references: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """What the model made: the bytes of one image with the MIME type it claims, and what it reported of it.

    With `is_thought` the model marked the image as an interim one, and made no other.
    """

    data: bytes = field(repr=False)
    content_type: str
    tokens: TokenUsage = field(default_factory=TokenUsage)
    model_version: str | None = None
    response_id: str | None = None
    is_thought: bool = False


class ImageModel(Protocol):
    """The provider's image model."""

    def generate(
        self, request: GenerationRequest, api_key: str, timeout: float
    ) -> AbstractContextManager[GeneratedImage]:
        """Make one image within `timeout` seconds; while it is in use, only so many others are.

        Raises:
            AttemptFailed: with the reason, and whether another attempt may help.
        """
        ...
