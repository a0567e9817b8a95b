"""A workflow's configuration: what may be asked, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from imagefactory.domain.pricing import TokenPrices, microusd

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One row of the table of models; prices in millionths of a US dollar, times in seconds, both by resolution.

    `image_size` says whether the provider is sent the resolution. `retired_on` is the provider's shutdown date.
    """

    id: str
    label: str
    resolutions: tuple[str, ...]
    aspect_ratios: tuple[str, ...]
    image_size: bool
    max_reference_images: int
    price_microusd: Mapping[str, int]
    expected_seconds: Mapping[str, float]
    timeout_seconds: Mapping[str, float] = field(default_factory=dict)
    retired_on: date | None = None
    successor: str | None = None
    token_prices: TokenPrices | None = None

    @classmethod
    def from_row(cls, model_id: str, row: Mapping[str, Any]) -> ModelConfig:
        """Read a row as it stands in the workflow's document."""
        retired_on = row.get("retired_on")
        return cls(
            id=model_id,
            label=row["label"],
            resolutions=tuple(row["resolutions"]),
            aspect_ratios=tuple(row["aspect_ratios"]),
            image_size=bool(row["image_size"]),
            max_reference_images=int(row["max_reference_images"]),
            price_microusd={resolution: microusd(usd) for resolution, usd in row["price_usd"].items()},
            expected_seconds={resolution: float(s) for resolution, s in row["expected_seconds"].items()},
            timeout_seconds={resolution: float(s) for resolution, s in (row.get("timeout_seconds") or {}).items()},
            retired_on=date.fromisoformat(retired_on) if retired_on else None,
            successor=row.get("successor"),
            token_prices=TokenPrices(**row["usd_per_million_tokens"]) if row.get("usd_per_million_tokens") else None,
        )

    def is_retired(self, today: date) -> bool:
        """Whether the provider's shutdown date has come."""
        return self.retired_on is not None and today >= self.retired_on

    def warnings(self, today: date) -> list[str]:
        """What a caller should know before paying for this model."""
        if not self.is_retired(today):
            return []
        successor = f"; its successor is {self.successor}" if self.successor else ""
        return [f"{self.id} was announced to be shut down on {self.retired_on}{successor}."]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A kind of job. `document` is the configuration as stored, for forms that want to show it."""

    id: str
    default_model: str
    default_aspect_ratio: str
    default_resolution: str
    models: Mapping[str, ModelConfig]
    max_prompts: int
    max_reference_images: int
    supported_formats: tuple[str, ...]
    requires_api_key: bool
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_document(cls, workflow_id: str, document: Mapping[str, Any]) -> Workflow:
        """Read the configuration of `workflows/{workflow_id}`."""
        return cls(
            id=workflow_id,
            default_model=document["default_model"],
            default_aspect_ratio=document["default_aspect_ratio"],
            default_resolution=document["default_resolution"],
            models={name: ModelConfig.from_row(name, row) for name, row in document["models"].items()},
            max_prompts=int(document["max_prompts"]),
            max_reference_images=int(document["max_reference_images"]),
            supported_formats=tuple(document["supported_formats"]),
            requires_api_key=bool(document["requires_api_key"]),
            document=document,
        )

    def choose_default(self, today: date) -> ModelConfig | None:
        """The model of a batch that names none: the default, or the first of its successors that is not retired.

        The default itself where all of them are; None where the configuration has no such model.
        """
        passed: set[str] = set()
        default = model = self.models.get(self.default_model)
        while model is not None and model.id not in passed:
            if not model.is_retired(today):
                return model
            passed.add(model.id)
            model = self.models.get(model.successor or "")
        return default
