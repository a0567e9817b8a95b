"""Records as documents and back. A document always has all its fields, so that an update leaves nothing behind.

Stored names stay as they were first written, so that each release reads what the one before it wrote: `recipe` holds
`parameters`, `sealed_key` holds `encrypted_key`, `recoveries` holds `recovery_count`, and `made` holds `provenance`.
Only the release before this one reads an execution's `answer` and a lease's `owner`, while a deployment replaces it.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from imagefactory.domain.execution import Acceptance, EncryptedSecret, Execution, ExecutionStatus, Phase, Progress
from imagefactory.domain.generation import GenerationParameters, Reference
from imagefactory.domain.image import Provenance, StoredImage
from imagefactory.domain.pricing import TokenPrices, microusd
from imagefactory.domain.result import Failure, FailureCode, Lease, Result, ResultStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

#: `state` of an execution that nobody sees yet, and of one that has not ended; else it is how the execution ended.
RESERVED, OPEN = "reserved", "open"

Document: TypeAlias = dict[str, Any]


def execution_document(execution: Execution) -> Document:
    """An execution as a document."""
    state = RESERVED if execution.phase is Phase.RESERVED else (execution.final_status or OPEN)
    return {
        "user": execution.user,
        "workflow_id": execution.workflow_id,
        "prompt_count": execution.prompt_count,
        "recipe": asdict(execution.parameters),
        "created_at": execution.created_at,
        "expires_at": execution.expires_at,
        "fingerprint": execution.fingerprint,
        # As pairs: the caller's keys may be names that Firestore keeps for itself, such as __name__.
        "metadata": [{"key": key, "value": value} for key, value in execution.metadata.items()],
        "needs_key": execution.needs_key,
        "sealed_key": secret_document(execution.encrypted_key),
        "phase": execution.phase.value,
        "state": str(state),
        "accepting_until": execution.accepting_until,
        "chunks": list(execution.chunks),
        "answer": {},
        "acceptance": asdict(execution.acceptance) if execution.acceptance else None,
        "cancel_requested": execution.cancel_requested,
        "recoveries": execution.recovery_count,
    }


def execution_of(execution_id: str, document: Mapping[str, Any], version: object) -> Execution:
    """The execution in this document."""
    encrypted = document["sealed_key"]
    state = document["state"]
    return Execution(
        id=execution_id,
        user=document["user"],
        workflow_id=document["workflow_id"],
        prompt_count=document["prompt_count"],
        parameters=_parameters_of(document["recipe"]),
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        fingerprint=document["fingerprint"],
        metadata={pair["key"]: pair["value"] for pair in document["metadata"]},
        needs_key=document["needs_key"],
        encrypted_key=EncryptedSecret(**encrypted) if encrypted else None,
        phase=Phase(document["phase"]),
        accepting_until=document["accepting_until"],
        chunks=tuple(document["chunks"]),
        acceptance=_acceptance_of(document),
        cancel_requested=document["cancel_requested"],
        recovery_count=document["recoveries"],
        final_status=None if state in (RESERVED, OPEN) else ExecutionStatus(state),
        version=version,
    )


def _acceptance_of(document: Mapping[str, Any]) -> Acceptance | None:
    if acceptance := document.get("acceptance"):
        return Acceptance(**acceptance | {"warnings": tuple(acceptance["warnings"])})
    # Executions of earlier releases kept the whole answer; the last of them is deleted after the retention.
    if answer := document.get("answer"):
        cost = microusd(answer["estimated_cost_usd"])
        return Acceptance(answer["estimated_time_seconds"], cost, tuple(answer["warnings"]))
    return None


def _parameters_of(parameters: Document) -> GenerationParameters:
    prices = parameters["token_prices"]
    return GenerationParameters(
        **parameters
        | {
            "references": tuple(Reference(**reference) for reference in parameters["references"]),
            "token_prices": TokenPrices(**prices) if prices else None,
        }
    )


def secret_document(encrypted: EncryptedSecret | None) -> Document | None:
    """An encrypted secret as a map."""
    return asdict(encrypted) if encrypted else None


def result_document(result: Result) -> Document:
    """A result as a document, without what the commit adds."""
    document = {item.name: getattr(result, item.name) for item in fields(result) if item.name != "version"}
    failure = result.failure
    return document | {
        "status": result.status.value,
        "lease": {"owner": "", "until": result.lease.until} if result.lease else None,
        "failure": asdict(failure) | {"code": failure.code.value} if failure else None,
        "image": _image_document(result.image) if result.image else None,
    }


def _image_document(image: StoredImage) -> Document:
    document = asdict(image)
    return document | {"made": document.pop("provenance")}


def _image_of(document: Document) -> StoredImage:
    others = {name: value for name, value in document.items() if name != "made"}
    return StoredImage(**others, provenance=Provenance.of(document["made"]))


def result_of(document: Mapping[str, Any], version: object) -> Result:
    """The result in this document."""
    values = {item.name: document[item.name] for item in fields(Result) if item.name != "version"}
    lease, failure, image = values["lease"], values["failure"], values["image"]
    return Result(
        **values
        | {
            "status": ResultStatus(values["status"]),
            "lease": Lease(lease["until"]) if lease else None,
            "failure": Failure(**failure | {"code": FailureCode(failure["code"])}) if failure else None,
            "image": _image_of(image) if image else None,
            "version": version,
        }
    )


def progress_of(execution_id: str, document: Mapping[str, Any], version: str) -> Progress:
    """The counters in this document."""
    started_ms = document.get("started_ms")
    return Progress(
        execution_id=execution_id,
        user=document["user"],
        total=document["total"],
        processing=document["processing"],
        completed=document["completed"],
        failed=document["failed"],
        blocked=document["blocked"],
        cancelled=document["cancelled"],
        cost_microusd=document["cost_microusd"],
        started_at=datetime.fromtimestamp(started_ms / 1000, UTC) if started_ms is not None else None,
        updated_at=document["updated_at"],
        version=version,
    )
