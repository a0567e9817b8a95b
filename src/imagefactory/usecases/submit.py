"""Submit: a batch of prompts becomes an execution with a task for each.

reserve ──► references ──► prompts ──► accept ──► tasks ──► enqueued ──► 202
   │                                      │
   │                                      └ the commit point: before it nobody sees anything, after it the batch runs
   └ the id is derived from the user and the Idempotency-Key, so that the same request finds its first answer here
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from imagefactory import log
from imagefactory.domain.errors import (
    Conflict,
    FieldError,
    IdempotencyKeyReused,
    NotFound,
    StillAccepting,
    Unavailable,
)
from imagefactory.domain.estimate import whole_batch
from imagefactory.domain.execution import Acceptance, Execution, Phase, acceptance_deadline
from imagefactory.domain.generation import GenerationParameters, Reference
from imagefactory.domain.media_type import is_another_image_type
from imagefactory.domain.result import Result
from imagefactory.domain.submission import MAX_REFERENCE_BYTES, quote_briefly, validate
from imagefactory.domain.task import first_check
from imagefactory.usecases.fanout import fan_out

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from imagefactory.domain.limits import Limits
    from imagefactory.domain.submission import Submission, Upload, ValidatedSubmission
    from imagefactory.domain.workflow import Workflow
    from imagefactory.ports import (
        Clock,
        DecodedImage,
        Encryption,
        ImageCodec,
        ImageStore,
        Reservation,
        Reservations,
        Tasks,
        Workflows,
    )

#: How many other executions the estimate of time looks at.
NEIGHBOURS = 100
_IDS = uuid.UUID("6f1a3f0e-2f7b-4c6e-9a51-0d8a1f3b7c42")


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted execution, and whether an earlier request had brought it."""

    execution: Execution
    is_replay: bool = False


@dataclass(frozen=True, kw_only=True)
class Submit:
    """Accept a batch. `rate` is the queue's, in tasks a second; `retention_days` is how long results are kept.

    `limits` are each user's; `watchdog_interval` is the pause between the checks of the watchdog, in seconds.
    """

    workflows: Workflows
    reservations: Reservations
    tasks: Tasks
    images: ImageStore
    codec: ImageCodec
    encryption: Encryption
    clock: Clock
    limits: Limits
    rate: float
    retention_days: int
    watchdog_interval: float

    def __call__(
        self,
        user: str,
        workflow_id: str,
        submission: Submission,
        errors: Sequence[FieldError] = (),
        idempotency_key: str | None = None,
    ) -> Accepted:
        """Accept the submission, or raise a ClientError; `errors` were found while it was read."""
        workflow = self.workflows.get(workflow_id)
        if workflow is None:
            raise NotFound(f"There is no workflow {workflow_id[:80]}.")
        references, reference_errors = self._open_references(submission.references, workflow.max_reference_images)
        valid = validate(
            submission, self._limit_prompts(workflow), self.clock.now().date(), [*errors, *reference_errors]
        )
        fingerprint = _fingerprint(workflow_id, submission)
        execution = self._execution(user, workflow_id, valid, fingerprint, idempotency_key)
        reservation = self._reserve(execution)
        first = reservation.execution
        if reservation.is_ours:
            return Accepted(self._accept(first, valid, references))
        if first.fingerprint != execution.fingerprint:
            raise IdempotencyKeyReused
        return self._replay(first)

    def _limit_prompts(self, workflow: Workflow) -> Workflow:
        """The workflow with no larger batches than one user may have in flight: waiting would not make them fit."""
        return replace(workflow, max_prompts=min(workflow.max_prompts, self.limits.prompts))

    def _open_references(self, uploads: Sequence[Upload], most: int) -> tuple[list[DecodedImage], list[FieldError]]:
        references: list[DecodedImage] = []
        errors: list[FieldError] = []
        for index, upload in enumerate(uploads):
            if upload.error:
                errors.append(FieldError("reference_images", upload.error, index))
                continue
            # Refused for their number: thousands of small files may be hours of decoding.
            if len(uploads) > most or len(upload.data) > MAX_REFERENCE_BYTES:
                continue
            try:
                image = self.codec.decode(upload.data)
            except ValueError as refused:
                errors.append(FieldError("reference_images", str(refused), index))
                continue
            references.append(image)
            if is_another_image_type(upload.content_type, image.format.content_type):
                message = (
                    f"the image is called {quote_briefly(upload.content_type)}, but it is {image.format.content_type}"
                )
                errors.append(FieldError("reference_images", message, index))
        return references, errors

    def _execution(
        self, user: str, workflow_id: str, valid: ValidatedSubmission, fingerprint: str, idempotency_key: str | None
    ) -> Execution:
        now = self.clock.now()
        model, resolution = valid.model, valid.resolution
        parameters = GenerationParameters(
            model=model.id,
            aspect_ratio=valid.aspect_ratio,
            resolution=resolution,
            image_size=resolution if model.image_size else None,
            output_format=valid.output_format,
            price_microusd=model.price_microusd[resolution],
            expected_seconds=model.expected_seconds[resolution],
            timeout_base=model.timeout_seconds.get(resolution),
            token_prices=model.token_prices,
        )
        return Execution(
            id=_execution_id(user, idempotency_key),
            user=user,
            workflow_id=workflow_id,
            prompt_count=len(valid.prompts),
            parameters=parameters,
            created_at=now,
            expires_at=now + timedelta(days=self.retention_days),
            fingerprint=fingerprint,
            metadata=valid.metadata,
            needs_key=bool(valid.api_key),
            accepting_until=acceptance_deadline(now),
        )

    def _acceptance(self, execution: Execution, valid: ValidatedSubmission) -> Acceptance:
        parameters, count = execution.parameters, execution.prompt_count
        waiting = self.reservations.count_pending_elsewhere(NEIGHBOURS)
        return Acceptance(
            estimated_seconds=whole_batch(count, waiting, self.rate, parameters.expected_seconds),
            estimated_cost_microusd=parameters.price_microusd * count,
            warnings=tuple(valid.warnings),
        )

    def _reserve(self, execution: Execution) -> Reservation:
        """Take the id for this execution, or learn which execution has it."""
        try:
            reservation = self.reservations.reserve(execution)
        except Conflict:
            # Taken when we asked, released when we looked.
            raise StillAccepting from None
        holder = reservation.execution
        if reservation.is_ours or holder.phase is not Phase.RESERVED:
            return reservation
        if holder.is_accepting(self.clock.now()):
            raise StillAccepting
        try:
            return self.reservations.take_over(holder, execution)
        except Conflict:
            raise StillAccepting from None

    def _accept(
        self, execution: Execution, valid: ValidatedSubmission, references: Sequence[DecodedImage]
    ) -> Execution:
        try:
            # Behind the reservation, so that of two at once each counts the other.
            others = self.reservations.in_flight(execution.user, execution.id, self.clock.now())
            self.limits.check(others, execution.prompt_count, self.rate)
            accepted = replace(
                execution,
                phase=Phase.ACCEPTED,
                parameters=replace(execution.parameters, references=self._store(execution.id, references)),
                chunks=self.reservations.write_prompts(execution, valid.prompts),
                encrypted_key=self.encryption.encrypt(valid.api_key, execution.id) if valid.api_key else None,
                acceptance=self._acceptance(execution, valid),
            )
            # Before the commit point, so that an accepted execution is always watched.
            self.tasks.enqueue_check(first_check(execution.id, execution.created_at, self.watchdog_interval))
            self._commit(accepted)
        except Exception:
            # Whatever it was, asking again may begin at once; past the commit point this does nothing.
            with contextlib.suppress(Unavailable):
                self.reservations.release(execution)
            raise
        self._enqueue(accepted, self.clock.now())
        log.info("execution accepted", execution_id=execution.id, prompts=execution.prompt_count)
        return accepted

    def _commit(self, accepted: Execution) -> None:
        try:
            self.reservations.accept(accepted)
        except Conflict as late:
            raise Unavailable("the submit took too long, and its reservation went to another or expired") from late

    def _store(self, execution_id: str, references: Sequence[DecodedImage]) -> tuple[Reference, ...]:
        return tuple(
            Reference(self.images.put_reference(execution_id, number, image), image.format.content_type)
            for number, image in enumerate(references)
        )

    def _enqueue(self, execution: Execution, start: datetime) -> None:
        results = (Result(index) for index in range(execution.prompt_count))
        if fan_out(self.tasks, execution, results, start, self.rate):
            # Unless it is noted, the watchdog creates them again, to no effect.
            with contextlib.suppress(Unavailable):
                self.reservations.mark_enqueued(execution.id)

    def _replay(self, first: Execution) -> Accepted:
        """Answer as the first time; a fan-out whose submit died is completed on the way."""
        if first.phase is Phase.ACCEPTED and not first.is_accepting(self.clock.now()):
            self._enqueue(first, first.created_at)
        return Accepted(first, is_replay=True)


def _execution_id(user: str, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return str(uuid.uuid4())
    return str(uuid.uuid5(_IDS, json.dumps([user, idempotency_key])))


def _fingerprint(workflow_id: str, submission: Submission) -> str:
    """A hash of what was asked, by which a replay is told from another request.

    What was left out is hashed as left out, so that a default that changes in between makes no other request of it.
    The API key is left out: it is never stored in any other form than encrypted, not even hashed.
    """
    facts = {
        "workflow": workflow_id,
        "prompts": [asdict(prompt) for prompt in submission.prompts],
        "references": [hashlib.sha256(upload.data).hexdigest() for upload in submission.references],
        "model": submission.model,
        "aspect_ratio": submission.aspect_ratio,
        "resolution": submission.resolution,
        "output_format": submission.output_format,
        "metadata": dict(submission.metadata),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
