"""An image in the bucket, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagefactory.domain.pricing import TokenUsage

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is kept of an image besides the image; costs in millionths of a US dollar."""

    cost_microusd: int = 0
    tokens: TokenUsage = field(default_factory=TokenUsage)
    model_version: str | None = None
    response_id: str | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Provenance:
        """Build the record from plain values."""
        tokens, warnings = TokenUsage(**values["tokens"]), tuple(values["warnings"])
        return cls(**{**values, "tokens": tokens, "warnings": warnings})


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in the bucket: its object's name, MIME type, size in pixels and in bytes, and where it comes from."""

    name: str
    content_type: str
    width: int
    height: int
    bytes: int
    provenance: Provenance = field(default_factory=Provenance)
