"""What the API answers, as documented."""

from __future__ import annotations

from typing import Any

ID = "0b9dd447-0000-4000-8000-000000000001"
WORKFLOW = "f8b20b59-7d06-4599-8413-64da74225b0c"
COUNTS = dict.fromkeys(("pending", "processing", "completed", "failed", "blocked", "cancelled"), 0)

ACCEPTED = {
    "execution_id": ID,
    "workflow_id": WORKFLOW,
    "status": "queued",
    "prompt_count": 2,
    "estimated_time_seconds": 31,
    "estimated_cost_usd": 0.0672,
    "warnings": ["It rains."],
    "urls": {},
}


def execution(completed: int = 0, **fields: Any) -> dict[str, Any]:
    """An execution of two prompts, without a page."""
    status = "completed" if completed == 2 else "processing"
    return {
        "id": ID,
        "workflow_id": WORKFLOW,
        "status": status,
        "progress": completed * 50,
        "model": "a-model",
        "aspect_ratio": "1:1",
        "resolution": "1K",
        "metadata": {"name": "foxes"},
        "counts": COUNTS | {"total": 2, "pending": 2 - completed, "completed": completed},
        "cost_usd": 0.0336 * completed,
        "created_at": "2026-11-22T15:04:05.678Z",
        "started_at": None,
        "completed_at": None,
        "expires_at": "2026-12-22T15:04:05.678Z",
        **fields,
    }


def page(completed: int = 0, *results: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An execution of two prompts with a page of results."""
    following = {
        "estimated_seconds_left": 30,
        "poll_after_ms": 2000 if completed < 2 else None,
        "batch_results": list(results),
        "next_cursor": None,
        "next_since": "since-the-page",
        "has_more": False,
    }
    return execution(completed, **(following | fields))


def result(index: int, **fields: Any) -> dict[str, Any]:
    """A result that waits."""
    return {
        "batch_index": index,
        "custom_id": None,
        "status": "pending",
        "prompt_text": f"prompt {index}",
        "attempts": 0,
        **fields,
    }


def image(url: str, size: int, index: int = 0) -> dict[str, Any]:
    """A result that has its image."""
    return result(
        index,
        status="completed",
        attempts=1,
        result_url=url,
        result_url_expires_at="2026-11-22T16:04:05Z",
        content_type="image/png",
        width=8,
        height=4,
        bytes=size,
        cost_usd=0.0336,
        model_version=None,
        response_id=None,
        tokens={"image": 1, "text": 2, "input": 3},
        warnings=[],
    )
