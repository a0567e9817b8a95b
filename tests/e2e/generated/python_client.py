"""A batch from its submission to its retry, by a client of openapi-python-client; prints what it met."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from image_factory_client import AuthenticatedClient
from image_factory_client.api.executions import (
    cancel_execution,
    get_execution,
    get_results,
    list_executions,
    retry_execution,
    submit_batch,
)
from image_factory_client.api.workflows import get_workflow
from image_factory_client.models import (
    AcceptedResponse,
    ErrorResponse,
    ExecutionListResponse,
    ExecutionPageResponse,
    ExecutionResponse,
    ExecutionStatus,
    FailureCode,
    Metadata,
    PromptItem,
    Result,
    ResultStatus,
    RetriedExecutionResponse,
    RetryableStatus,
    RetryRequest,
    Submission,
    SubmissionForm,
    WorkflowResponse,
)
from image_factory_client.types import UNSET, File, Unset

if TYPE_CHECKING:
    from image_factory_client.models import Accepted, Error, ExecutionPage

MARK, WORKFLOW = os.environ["MARK"], UUID(os.environ["WORKFLOW_ID"])
KEY = "a-key"
CLIENT = AuthenticatedClient(base_url=os.environ["API_URL"], token=os.environ["TOKEN"], raise_on_unexpected_status=True)


def submitted(body: Submission | SubmissionForm) -> Accepted:
    """The data of an accepted batch."""
    answer = submit_batch.sync(WORKFLOW, client=CLIENT, body=body)
    assert isinstance(answer, AcceptedResponse), answer
    return answer.data


def ended(execution_id: UUID, *statuses: ResultStatus) -> ExecutionPage:
    """The execution once it has ended, with the results that are in these states."""
    while True:
        answer = get_execution.sync(execution_id, client=CLIENT, status=list(statuses), limit=100)
        assert isinstance(answer, ExecutionPageResponse), answer
        if answer.data.completed_at is not None:
            return answer.data
        time.sleep(min(answer.data.poll_after_ms or 0, 500) / 1000)


def error_of(answer: object) -> Error:
    """The error of a refusal."""
    assert isinstance(answer, ErrorResponse), answer
    return answer.error


def code_of(result: Result) -> str | None:
    """The code of a result's failure."""
    return None if isinstance(result.error, Unset) else result.error.code.value


workflow = get_workflow.sync(WORKFLOW, client=CLIENT)
assert isinstance(workflow, WorkflowResponse)
pro = workflow.data.models.additional_properties["gemini-3-pro-image"]

doomed = PromptItem(prompt=f"{MARK} doomed", custom_id="second")
submission = Submission(
    prompts=[f"{MARK} fine", doomed, f"{MARK} blocked"], api_key=KEY, model="gemini-3-pro-image", aspect_ratio="16:9"
)
first = submit_batch.sync_detailed(WORKFLOW, client=CLIENT, body=submission, idempotency_key=MARK)
again = submit_batch.sync_detailed(WORKFLOW, client=CLIENT, body=submission, idempotency_key=MARK)
assert isinstance(first.parsed, AcceptedResponse)
assert isinstance(again.parsed, AcceptedResponse)
accepted = first.parsed.data
execution_id = accepted.execution_id

opened = ended(execution_id, ResultStatus.FAILED, ResultStatus.BLOCKED)
[image] = ended(execution_id, ResultStatus.COMPLETED).batch_results
assert not isinstance(image.content_type, Unset)
assert not isinstance(image.tokens, Unset)

etag = get_execution.sync_detailed(execution_id, client=CLIENT).headers["ETag"]
unchanged = get_execution.sync_detailed(execution_id, client=CLIENT, if_none_match=etag)

text = get_results.sync(execution_id, client=CLIENT)
assert isinstance(text, str)
lines = [Result.from_dict(json.loads(line)) for line in text.splitlines()]

statuses = [ExecutionStatus.PARTIALLY_COMPLETED, ExecutionStatus.COMPLETED]
listed = list_executions.sync(client=CLIENT, status=statuses)
assert isinstance(listed, ExecutionListResponse)

filters = RetryRequest(
    status=[RetryableStatus.FAILED, RetryableStatus.CANCELLED], error_codes=[FailureCode.INVALID_REQUEST], api_key=KEY
)
retried = retry_execution.sync(execution_id, client=CLIENT, body=filters)
assert isinstance(retried, RetriedExecutionResponse)
mended = ended(execution_id, ResultStatus.COMPLETED)

metadata = Metadata()
metadata["name"] = "A form"
with Path(os.environ["REFERENCE"]).open("rb") as reference:
    form = SubmissionForm(
        prompts_text=f"{MARK} form one\n{MARK} form two",
        api_key=KEY,
        reference_images=[File(payload=reference, file_name="reference.png", mime_type="image/png")],
        metadata=metadata,
    )
    formed = ended(submitted(form).execution_id, ResultStatus.COMPLETED)

many = submitted(Submission(prompts_text="\n".join(f"a gull {index}" for index in range(60)), api_key=KEY))
cancelled = cancel_execution.sync(many.execution_id, client=CLIENT)
assert isinstance(cancelled, ExecutionResponse)

wrong = Submission(prompts=["fine", "no"], api_key=KEY, model="no-such-model")
refused = submit_batch.sync_detailed(WORKFLOW, client=CLIENT, body=wrong)
missing = get_execution.sync_detailed(WORKFLOW, client=CLIENT)

summary = {
    "workflow": [workflow.data.max_prompts, pro.price_usd.additional_properties["1K"]],
    "accepted": [
        accepted.status,
        accepted.prompt_count,
        accepted.urls.results == f"{accepted.urls.self_}/results.jsonl",
    ],
    "replayed": [again.parsed.data.execution_id == execution_id, again.headers.get("Idempotency-Replayed")],
    "open": [[one.batch_index, one.status.value, one.custom_id, code_of(one)] for one in opened.batch_results],
    "counts": [opened.counts.completed, opened.counts.failed, opened.counts.blocked, opened.counts.total],
    "image": [image.content_type.value, image.width, image.height, image.tokens.image],
    "unchanged": unchanged.status_code,
    "lines": [[one.prompt_text, one.status.value] for one in lines],
    "listed": any(one.id == execution_id and one.counts.total == len(lines) for one in listed.data.executions),
    "retried": [retried.data.retried, retried.data.counts.total, mended.counts.completed],
    "form": [
        formed.metadata.additional_properties,
        formed.counts.completed,
        [one.prompt_text for one in formed.batch_results],
    ],
    "cancelled": cancelled.data.counts.cancelled > 0,
    "refused": [
        refused.status_code,
        error_of(refused.parsed).code.value,
        [[one.field, None if one.index is UNSET else one.index] for one in error_of(refused.parsed).details],
    ],
    "missing": [missing.status_code, error_of(missing.parsed).code.value],
}
print(json.dumps(summary))  # noqa: T201 - what the test reads
