"""What a workflow can be asked for, as records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagefactory_client.records import Json


@dataclass(frozen=True, slots=True)
class Model:
    """What a model can be asked for. `price_usd` of an image and `expected_seconds` are by resolution."""

    label: str
    resolutions: tuple[str, ...]
    aspect_ratios: tuple[str, ...]
    max_reference_images: int
    price_usd: Mapping[str, float]
    expected_seconds: Mapping[str, float]
    retired_on: date | None
    successor: str | None

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a row of the workflow's table."""
        return cls(
            label=data["label"],
            resolutions=tuple(data["resolutions"]),
            aspect_ratios=tuple(data["aspect_ratios"]),
            max_reference_images=data["max_reference_images"],
            price_usd=dict(data["price_usd"]),
            expected_seconds=dict(data["expected_seconds"]),
            retired_on=date.fromisoformat(data["retired_on"]) if data.get("retired_on") else None,
            successor=data.get("successor"),
        )


@dataclass(frozen=True, slots=True)
class Workflow:
    """What a workflow can be asked for."""

    id: str
    name: str
    default_model: str
    default_aspect_ratio: str
    default_resolution: str
    models: Mapping[str, Model]
    max_prompts: int
    max_reference_images: int
    supported_formats: tuple[str, ...]
    requires_api_key: bool

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a workflow's configuration."""
        return cls(
            id=data["id"],
            name=data["name"],
            default_model=data["default_model"],
            default_aspect_ratio=data["default_aspect_ratio"],
            default_resolution=data["default_resolution"],
            models={name: Model.parse(row) for name, row in data["models"].items()},
            max_prompts=data["max_prompts"],
            max_reference_images=data["max_reference_images"],
            supported_formats=tuple(data["supported_formats"]),
            requires_api_key=data["requires_api_key"],
        )
