"""Executions and results as the API shows them: plain values, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from imagefactory.domain.money import usd

if TYPE_CHECKING:
    from datetime import datetime

    from imagefactory.domain.execution import Execution, Prompt, Tally
    from imagefactory.domain.result import Failure, Result


def timestamp(moment: datetime | None) -> str | None:
    """A moment in UTC as RFC 3339 with milliseconds: 2026-11-22T15:04:05.678Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z" if moment else None


def execution(asked: Execution, tally: Tally) -> dict[str, object]:
    """What was asked and how it stands, without single results."""
    return {
        "id": asked.id,
        "workflow_id": asked.workflow_id,
        "status": tally.status.value,
        "progress": tally.progress,
        "model": asked.recipe.model,
        "aspect_ratio": asked.recipe.aspect_ratio,
        "resolution": asked.recipe.resolution,
        "metadata": dict(asked.metadata),
        "counts": tally.counts(),
        "cost_usd": usd(tally.cost_microusd),
        "created_at": timestamp(asked.created_at),
        "started_at": timestamp(tally.started_at),
        "completed_at": timestamp(tally.completed_at),
        "expires_at": timestamp(asked.expires_at),
    }


def result(state: Result, prompt: Prompt, address: tuple[str, datetime | None] | None) -> dict[str, object]:
    """One prompt and what became of it; `address` is its image's URL and when that stops working."""
    shown: dict[str, object] = {
        "batch_index": state.index,
        "custom_id": prompt.custom_id,
        "status": state.status.value,
        "prompt_text": prompt.text,
        "attempts": state.attempts,
    }
    if state.image and address:
        url, expires_at = address
        shown |= {
            "result_url": url,
            "result_url_expires_at": timestamp(expires_at),
            "content_type": state.image.content_type,
            "width": state.image.width,
            "height": state.image.height,
            "bytes": state.image.bytes,
            "cost_usd": usd(state.cost_microusd),
            "model_version": state.image.made.model_version,
            "response_id": state.image.made.response_id,
            "tokens": asdict(state.image.made.tokens),
            "warnings": list(state.image.made.warnings),
        }
    if state.processing_time_ms is not None:
        shown["processing_time_ms"] = state.processing_time_ms
    if state.next_attempt_at:
        shown["next_attempt_at"] = timestamp(state.next_attempt_at)
    if state.failure:
        shown["error"] = _error(state.failure)
    return shown


def _error(failure: Failure) -> dict[str, object]:
    error: dict[str, object] = {
        "code": failure.code.value,
        "message": failure.message,
        "retryable": failure.retryable,
    }
    if failure.provider_status is not None:
        error["provider_status"] = failure.provider_status
    if failure.provider_reason is not None:
        error["provider_reason"] = failure.provider_reason
    return error
