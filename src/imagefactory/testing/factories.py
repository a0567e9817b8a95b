"""Records of which a test states only what matters to it; every other field has a value that could be true."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from imagefactory.domain.execution import Execution, Phase, Progress, Prompt
from imagefactory.domain.generation import GenerationParameters
from imagefactory.domain.image import StoredImage
from imagefactory.domain.result import Failure, FailureCode, Lease, Result, ResultStatus
from imagefactory.domain.submission import Submission
from imagefactory.domain.workflow import Workflow

#: When a test begins, unless it says otherwise.
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def the_bytes_of(extension: str = "png", width: int = 1024, height: int = 1024) -> bytes:
    """Bytes that FakeImageCodec takes for a whole image."""
    return f"{extension} {width}x{height}.".encode()


def some_prompts(count: int) -> tuple[Prompt, ...]:
    """So many prompts, each another."""
    return tuple(Prompt(f"prompt number {number}") for number in range(count))


def a_lease(seconds: float = 180, since: datetime = START) -> Lease:
    """A lease of so many seconds."""
    return Lease(since + timedelta(seconds=seconds))


def a_failure(code: FailureCode = FailureCode.SERVER_ERROR, **what_matters: Any) -> Failure:
    """A failure that another attempt may mend."""
    return replace(Failure(code, "It did not work.", retryable=True), **what_matters)


def a_stored_image(execution_id: str = "e", index: int = 0) -> StoredImage:
    """An image in the bucket."""
    return StoredImage(f"executions/{execution_id}/{index:05d}.png", "image/png", 1024, 1024, 1000)


def a_result(**what_matters: Any) -> Result:
    """A result that keeps its own rules: in each status it has what that status brings along."""
    result = Result(**({"index": 0} | what_matters))
    status = result.status
    bring: dict[str, Any] = {}
    if status is ResultStatus.PROCESSING:
        bring = {"lease": a_lease(), "attempts": 1}
    elif status is ResultStatus.COMPLETED:
        bring = {"image": a_stored_image(index=result.index), "attempts": 1, "cost_microusd": 39_000}
    elif status in (ResultStatus.FAILED, ResultStatus.BLOCKED):
        bring = {"failure": a_failure(), "attempts": 1}
    return replace(result, **(bring | what_matters))


def some_parameters(**what_matters: Any) -> GenerationParameters:
    """How the small model of `a_workflow` makes an image."""
    parameters = GenerationParameters(
        model="small",
        aspect_ratio="1:1",
        resolution="1K",
        image_size=None,
        output_format=None,
        price_microusd=39_000,
        expected_seconds=40.0,
    )
    return replace(parameters, **what_matters)


def an_execution(**what_matters: Any) -> Execution:
    """An accepted execution of three prompts, all of them still to come."""
    execution = Execution(
        id=str(uuid.uuid4()),
        user="alice",
        workflow_id="w",
        prompt_count=3,
        parameters=some_parameters(),
        created_at=START,
        expires_at=START + timedelta(days=30),
        fingerprint="f",
        phase=Phase.ACCEPTED,
        accepting_until=START + timedelta(seconds=120),
        chunks=(0,),
    )
    return replace(execution, **what_matters)


def a_progress(**what_matters: Any) -> Progress:
    """The counters of an execution of three prompts, none of them begun."""
    return replace(Progress("e", "alice", 3, updated_at=START, version="1"), **what_matters)


def a_workflow(**what_matters: Any) -> Workflow:
    """Two models: a small one without sizes, retired in November 2026, and a large one that has three."""
    small = {
        "label": "Small",
        "resolutions": ["1K"],
        "aspect_ratios": ["1:1", "16:9"],
        "image_size": False,
        "max_reference_images": 3,
        "price_usd": {"1K": 0.039},
        "expected_seconds": {"1K": 40},
        "retired_on": "2027-11-01",
        "successor": "large",
    }
    large = {
        "label": "Large",
        "resolutions": ["1K", "2K", "4K"],
        "aspect_ratios": ["1:1", "16:9", "21:9"],
        "image_size": True,
        "max_reference_images": 2,
        "price_usd": {"1K": 0.134, "2K": 0.134, "4K": 0.24},
        "expected_seconds": {"1K": 60, "2K": 60, "4K": 80},
        "timeout_seconds": {"4K": 240},
    }
    document = {
        "default_model": "small",
        "default_aspect_ratio": "1:1",
        "default_resolution": "1K",
        "models": {"small": small, "large": large},
        "max_prompts": 10_000,
        "max_reference_images": 3,
        "supported_formats": ["png", "jpg", "webp"],
        "requires_api_key": True,
    }
    return replace(Workflow.from_document("w", document), **what_matters)


def a_submission(*texts: str, **what_matters: Any) -> Submission:
    """These prompts (or one), with a key, and else as the workflow has it."""
    prompts = tuple(Prompt(text) for text in texts or ("a lighthouse in the fog",))
    return replace(Submission(prompts, api_key="a-key"), **what_matters)
