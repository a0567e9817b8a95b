"""Records of the use cases as the API shows them: plain values, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias

from imagefactory.domain.pricing import usd

if TYPE_CHECKING:
    from datetime import datetime

    from imagefactory.domain.execution import Execution, Snapshot
    from imagefactory.domain.result import Failure
    from imagefactory.domain.workflow import Workflow
    from imagefactory.usecases.list_executions import ExecutionList
    from imagefactory.usecases.status import ExecutionPage, ResultDetails

#: Milliseconds after which asking again makes sense.
POLL_AFTER_MS = 2000

View: TypeAlias = "dict[str, object]"


def timestamp(moment: datetime | None) -> str | None:
    """A moment in UTC as RFC 3339 with milliseconds: 2026-11-22T15:04:05.678Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z" if moment else None


def acceptance(execution: Execution) -> View:
    """The answer to a submit, and to each replay of it.

    Raises:
        ValueError: the execution has not been accepted.
    """
    path, promise = execution_path(execution.id), execution.acceptance
    if promise is None:
        raise ValueError("the execution has not been accepted")
    return {
        "execution_id": execution.id,
        "workflow_id": execution.workflow_id,
        "status": "queued",
        "prompt_count": execution.prompt_count,
        "estimated_time_seconds": promise.estimated_seconds,
        "estimated_cost_usd": usd(promise.estimated_cost_microusd),
        "warnings": list(promise.warnings),
        "urls": {
            "self": path,
            "results": f"{path}/results.jsonl",
            "cancel": f"{path}/cancel",
            "retry": f"{path}/retry",
        },
    }


def execution_path(execution_id: str) -> str:
    """Where an execution is shown."""
    return f"/api/executions/{execution_id}"


def execution(snapshot: Snapshot) -> View:
    """What was asked and how it stands, without single results."""
    accepted, progress = snapshot.execution, snapshot.progress
    return {
        "id": accepted.id,
        "workflow_id": accepted.workflow_id,
        "status": progress.status.value,
        "progress": progress.percent,
        "model": accepted.parameters.model,
        "aspect_ratio": accepted.parameters.aspect_ratio,
        "resolution": accepted.parameters.resolution,
        "metadata": dict(accepted.metadata),
        "counts": progress.counts(),
        "cost_usd": usd(progress.cost_microusd),
        "created_at": timestamp(accepted.created_at),
        "started_at": timestamp(progress.started_at),
        "completed_at": timestamp(progress.completed_at),
        "expires_at": timestamp(accepted.expires_at),
    }


def execution_page(page: ExecutionPage) -> View:
    """An execution with a page of its results."""
    return execution(page.snapshot) | {
        "estimated_seconds_left": page.seconds_left,
        "poll_after_ms": None if page.snapshot.progress.status.is_terminal else POLL_AFTER_MS,
        "batch_results": [result(details) for details in page.results],
        "next_cursor": None if page.next_index is None else str(page.next_index),
        "next_since": page.next_since.encode(),
        "has_more": page.has_more,
    }


def execution_list(page: ExecutionList) -> View:
    """A page of a user's executions."""
    # A plus sign in a URL would be read as a space.
    cursor = page.next_before.isoformat().replace("+00:00", "Z") if page.next_before else None
    return {"executions": [execution(snapshot) for snapshot in page.snapshots], "next_cursor": cursor}


def result(details: ResultDetails) -> View:
    """One prompt and what became of it."""
    state, prompt = details.result, details.prompt
    view: View = {
        "batch_index": state.index,
        "custom_id": prompt.custom_id,
        "status": state.status.value,
        "prompt_text": prompt.text,
        "attempts": state.attempts,
    }
    if state.image and details.address:
        url, expires_at = details.address
        view |= {
            "result_url": url,
            "result_url_expires_at": timestamp(expires_at),
            "content_type": state.image.content_type,
            "width": state.image.width,
            "height": state.image.height,
            "bytes": state.image.bytes,
            "cost_usd": usd(state.cost_microusd),
            "model_version": state.image.provenance.model_version,
            "response_id": state.image.provenance.response_id,
            "tokens": asdict(state.image.provenance.tokens),
            "warnings": list(state.image.provenance.warnings),
        }
    if state.processing_time_ms is not None:
        view["processing_time_ms"] = state.processing_time_ms
    if state.next_attempt_at:
        view["next_attempt_at"] = timestamp(state.next_attempt_at)
    if state.failure:
        view["error"] = _error(state.failure)
    return view


def workflow(configured: Workflow) -> View:
    """A workflow's configuration, as it is stored."""
    return {"id": configured.id, **configured.document}


def _error(failure: Failure) -> View:
    error: View = {
        "code": failure.code.value,
        "message": failure.message,
        "retryable": failure.retryable,
    }
    if failure.provider_status is not None:
        error["provider_status"] = failure.provider_status
    if failure.provider_reason is not None:
        error["provider_reason"] = failure.provider_reason
    return error
