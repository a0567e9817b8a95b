"""What is sent to the API and what it answers, as records. Moments have a time zone, sizes are in bytes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

Json: TypeAlias = Mapping[str, Any]

#: The statuses of an execution in which nothing changes any more, unless somebody retries it.
ENDED = frozenset({"completed", "partially_completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt with an id of the caller's own, unique in its batch, which comes back with its result."""

    text: str
    custom_id: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch to submit. `prompts` is a text with one prompt a line, or a sequence; None takes the workflow's default.

    `references` are at most three PNG, JPEG or WebP files; without `output_format` images stay as the model makes them.
    """

    prompts: str | Sequence[str | Prompt]
    references: Sequence[Path] = ()
    model: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    output_format: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def build_body(self, api_key: str | None) -> dict[str, Any]:
        """The body of a submit, ready for JSON; reads the references. Raises OSError."""
        is_text = isinstance(self.prompts, str)
        body = {
            "prompts_text" if is_text else "prompts": (
                self.prompts if is_text else [_prompt_item(prompt) for prompt in self.prompts]
            ),
            "api_key": api_key,
            "reference_images": [{"data": base64.b64encode(path.read_bytes()).decode()} for path in self.references],
            "model": self.model,
            "aspect_ratio": self.aspect_ratio,
            "resolution": self.resolution,
            "output_format": self.output_format,
            "metadata": dict(self.metadata),
        }
        return {name: value for name, value in body.items() if value or name.startswith("prompts")}


def _prompt_item(prompt: str | Prompt) -> str | dict[str, str]:
    if isinstance(prompt, str):
        return prompt
    return (
        {"prompt": prompt.text} if prompt.custom_id is None else {"prompt": prompt.text, "custom_id": prompt.custom_id}
    )


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submit that was accepted. `is_replay` says that an earlier request with the same key was answered so."""

    execution_id: str
    workflow_id: str
    prompt_count: int
    estimated_seconds: int
    estimated_cost_usd: float
    warnings: tuple[str, ...]
    is_replay: bool

    @classmethod
    def parse(cls, data: Json, *, is_replay: bool) -> Self:
        """Read the data of a 202."""
        return cls(
            execution_id=data["execution_id"],
            workflow_id=data["workflow_id"],
            prompt_count=data["prompt_count"],
            estimated_seconds=data["estimated_time_seconds"],
            estimated_cost_usd=data["estimated_cost_usd"],
            warnings=tuple(data["warnings"]),
            is_replay=is_replay,
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """How many results are in each status; they sum up to `total`."""

    total: int
    pending: int
    processing: int
    completed: int
    failed: int
    blocked: int
    cancelled: int

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read the API's counts."""
        return cls(**{name: data[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Execution:
    """How a batch stands. `percent` is the share of results that have ended, 100 only when all have.

    In a list, and in the answers to cancel and retry, `seconds_left`, `poll_after_ms` and `next_since` are None.
    `next_since` leads to the changes after this answer.
    """

    id: str
    workflow_id: str
    status: str
    counts: Counts
    percent: int
    cost_usd: float
    model: str
    aspect_ratio: str
    resolution: str
    metadata: Mapping[str, str]
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime
    seconds_left: int | None = None
    poll_after_ms: int | None = None
    next_since: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether every result has ended."""
        return self.status in ENDED

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read an execution, with or without a page of results."""
        return cls(
            id=data["id"],
            workflow_id=data["workflow_id"],
            status=data["status"],
            counts=Counts.parse(data["counts"]),
            percent=data["progress"],
            cost_usd=data["cost_usd"],
            model=data["model"],
            aspect_ratio=data["aspect_ratio"],
            resolution=data["resolution"],
            metadata=dict(data["metadata"]),
            created_at=datetime.fromisoformat(data["created_at"]),
            started_at=_read_moment(data["started_at"]),
            completed_at=_read_moment(data["completed_at"]),
            expires_at=datetime.fromisoformat(data["expires_at"]),
            seconds_left=data.get("estimated_seconds_left"),
            poll_after_ms=data.get("poll_after_ms"),
            next_since=data.get("next_since"),
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a result has no image. `provider_status` and `provider_reason` are the model provider's own."""

    code: str
    message: str
    is_retryable: bool
    provider_status: int | None = None
    provider_reason: str | None = None

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a result's error."""
        return cls(
            code=data["code"],
            message=data["message"],
            is_retryable=data["retryable"],
            provider_status=data.get("provider_status"),
            provider_reason=data.get("provider_reason"),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a prompt. Everything about the image is None unless `status` is completed.

    `url` works without a token until `url_expires_at` (None: for good).
    """

    index: int
    status: str
    prompt: str
    custom_id: str | None
    attempts: int
    url: str | None = None
    url_expires_at: datetime | None = None
    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    cost_usd: float | None = None
    model_version: str | None = None
    warnings: tuple[str, ...] = ()
    processing_ms: int | None = None
    next_attempt_at: datetime | None = None
    error: Failure | None = None

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a result."""
        return cls(
            index=data["batch_index"],
            status=data["status"],
            prompt=data["prompt_text"],
            custom_id=data["custom_id"],
            attempts=data["attempts"],
            url=data.get("result_url"),
            url_expires_at=_read_moment(data.get("result_url_expires_at")),
            content_type=data.get("content_type"),
            width=data.get("width"),
            height=data.get("height"),
            bytes=data.get("bytes"),
            cost_usd=data.get("cost_usd"),
            model_version=data.get("model_version"),
            warnings=tuple(data.get("warnings", ())),
            processing_ms=data.get("processing_time_ms"),
            next_attempt_at=_read_moment(data.get("next_attempt_at")),
            error=Failure.parse(data["error"]) if data.get("error") else None,
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """The results that changed, in the order of their indexes, and where the next changes begin."""

    execution: Execution
    results: tuple[Result, ...]
    next_since: str


@dataclass(frozen=True, slots=True)
class Retried:
    """An execution after a retry, and how many of its results run again."""

    execution: Execution
    count: int


def _read_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
