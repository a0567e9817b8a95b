"""Generate: one task, one attempt, at most one image.

    task ──► claim ──► model ──► store image ──► finish ──► done with the task
              │          │           │             │
              │          │           │             └ one commit: processing (our lease) → completed, counters moved
              │          │           └ once per prompt: an image that is there already is adopted, not paid again
              │          └ fails: one commit back to pending, then a task of its own for the next attempt
              └ one commit, or a named reason why not

A task may come twice, late, or after its own attempt has ended; a process may die between any two steps. Whatever the
state, delivering the task again leads on from it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from imagefactory import log
from imagefactory.domain.errors import AttemptFailed, Conflict, Unavailable
from imagefactory.domain.image import Provenance
from imagefactory.domain.media_type import is_another_image_type
from imagefactory.domain.result import Failure, FailureCode, Lease, Result, ResultStatus
from imagefactory.domain.retry import SLOW_SHARE, RetryPolicy
from imagefactory.domain.task import Task
from imagefactory.ports import GenerationRequest, ImageFormat, Transition
from imagefactory.usecases.closing import close_if_ended

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from imagefactory.domain.execution import Execution
    from imagefactory.domain.generation import GenerationParameters
    from imagefactory.domain.image import StoredImage
    from imagefactory.ports import (
        Clock,
        DecodedImage,
        Encryption,
        Executions,
        GeneratedImage,
        ImageCodec,
        ImageModel,
        ImageStore,
        Tasks,
    )

#: How often a step is tried again after somebody else moved the result first.
MAX_TRIES = 3


class Outcome(Enum):
    """What became of one delivery of a task. Only HELD_ELSEWHERE wants the task delivered again."""

    COMPLETED = "the image is stored"
    ADOPTED = "an image that a dead attempt had stored was taken over"
    ENDED = "the attempt failed, and no other follows"
    POSTPONED = "the attempt failed, and the next one has its task"
    ALREADY_ENDED = "the result had ended before"
    WAITING = "the attempt had failed before; the next one has its task"
    CANCELLED = "the execution was cancelled before the attempt began"
    UNKNOWN = "there is no such execution or prompt"
    SUPERSEDED = "the lease was lost while the attempt ran; its taker decides"
    HELD_ELSEWHERE = "another attempt holds the lease: come back later"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A claimed result and the moment its attempt began."""

    execution: Execution
    result: Result
    started_at: datetime
    #: whether there was an attempt before this one, which may have stored an image without saying so
    follows: bool


@dataclass(frozen=True, kw_only=True)
class Generate:
    """Make the image of one prompt."""

    executions: Executions
    tasks: Tasks
    images: ImageStore
    codec: ImageCodec
    model: ImageModel
    encryption: Encryption
    clock: Clock
    retry: RetryPolicy

    def __call__(self, execution_id: str, index: int, attempt: int) -> Outcome:
        """Carry out one delivery of the task for this attempt (1-based) at prompt `index` (0-based)."""
        for _ in range(MAX_TRIES):
            try:
                claim = self._claim(execution_id, index, attempt)
            except Conflict:
                continue
            return claim if isinstance(claim, Outcome) else self._work(claim)
        return Outcome.HELD_ELSEWHERE

    def _claim(self, execution_id: str, index: int, attempt: int) -> Attempt | Outcome:
        execution, result = self.executions.load(execution_id, index)
        if execution is None or not 0 <= index < execution.prompt_count:
            return Outcome.UNKNOWN
        now = self.clock.now()
        if result and (reason := self._find_obstacle(execution, result, attempt, now)):
            return reason
        before = result or Result(index)
        if execution.cancel_requested or before.attempts >= self.retry.max_attempts:
            return self._end(execution, result, before)
        until = now + timedelta(seconds=self.retry.lease(before.attempts + 1, execution.parameters.timeout_base))
        log.debug("an attempt begins", attempt=before.attempts + 1, generation=before.generation)
        claimed = self._apply(execution, result, before.claimed(Lease(until)))
        return Attempt(execution, claimed, now, follows=before.attempts > 0 or before.generation > 0)

    def _find_obstacle(self, execution: Execution, result: Result, attempt: int, now: datetime) -> Outcome | None:
        """Why this task must not begin an attempt as the result stands; None when it may."""
        if result.status.is_terminal:
            close_if_ended(self.executions, execution)
            return Outcome.ALREADY_ENDED
        if result.lease and now < result.lease.until:
            return Outcome.HELD_ELSEWHERE
        if result.status is ResultStatus.PENDING and attempt <= result.attempts and not execution.cancel_requested:
            self._enqueue_next(execution, result)
            return Outcome.WAITING
        return None

    def _end(self, execution: Execution, result: Result | None, before: Result) -> Outcome:
        """End a result that gets no further attempt, unless a dead attempt left its image."""
        if before.status is ResultStatus.PROCESSING and (image := self.images.find(execution.id, before.index)):
            self._apply(execution, result, before.completed(image, image.provenance.cost_microusd, 0))
            return Outcome.ADOPTED
        if execution.cancel_requested:
            self._apply(execution, result, before.cancelled())
            return Outcome.CANCELLED
        message = f"All {before.attempts} attempts were cut off before they could report."
        self._apply(execution, result, before.ended(Failure(FailureCode.INTERNAL, message, retryable=False)))
        return Outcome.ENDED

    def _work(self, attempt: Attempt) -> Outcome:
        with log.context(attempt=attempt.result.attempts):
            try:
                image, outcome = self._image(attempt)
            except AttemptFailed as failed:
                return self._report(attempt, failed.failure)
            except Unavailable as failed:
                log.error("a service failed during the attempt", failed)
                message = "A storage service of the factory was unavailable."
                return self._report(attempt, Failure(FailureCode.STORAGE_ERROR, message, retryable=True))
            except Exception as defect:  # noqa: BLE001 - reported now, not when the lease has run out, and only so often
                log.error("the attempt met a defect", defect)
                message = "Something went wrong inside the factory."
                return self._report(attempt, Failure(FailureCode.INTERNAL, message, retryable=True))
            done = attempt.result.completed(image, image.provenance.cost_microusd, self._milliseconds_since(attempt))
            return self._finish(attempt, done, outcome)

    def _image(self, attempt: Attempt) -> tuple[StoredImage, Outcome]:
        execution, result = attempt.execution, attempt.result
        if attempt.follows and (image := self.images.find(execution.id, result.index)):
            return image, Outcome.ADOPTED
        with self._generate(attempt) as generated:
            decoded = self._decode(generated, execution.parameters.output_format)
            provenance = _provenance(execution.parameters, generated, decoded)
            return self.images.put(execution.id, result.index, decoded, provenance), Outcome.COMPLETED

    @contextlib.contextmanager
    def _generate(self, attempt: Attempt) -> Iterator[GeneratedImage]:
        execution, result = attempt.execution, attempt.result
        parameters = execution.parameters
        prompt = self.executions.prompts(execution, [result.index])[result.index]
        references = self._references(parameters)
        timeout = self.retry.timeout(result.attempts, parameters.timeout_base)
        request = GenerationRequest(prompt.text, parameters, references)
        api_key = self._api_key(execution)
        began = self.clock.now()
        with self.model.generate(request, api_key, timeout) as generated:
            seconds = (self.clock.now() - began).total_seconds()
            if seconds > SLOW_SHARE * timeout:
                log.warning("the attempt used most of its timeout", seconds=round(seconds, 1), timeout=timeout)
            yield generated

    def _references(self, parameters: GenerationParameters) -> tuple[tuple[str, bytes], ...]:
        try:
            return tuple(
                (reference.content_type, self.images.reference(reference.name)) for reference in parameters.references
            )
        except Conflict as failed:
            message = "A reference image of this execution is no longer in the bucket; submit the batch again."
            raise AttemptFailed(Failure(FailureCode.INTERNAL, message, retryable=False)) from failed

    def _api_key(self, execution: Execution) -> str:
        if execution.encrypted_key is None:
            return ""
        try:
            return self.encryption.decrypt(execution.encrypted_key, execution.id)
        except ValueError as failed:
            message = "The API key of this execution can no longer be decrypted; retry with the key in the request."
            raise AttemptFailed(Failure(FailureCode.INTERNAL, message, retryable=False)) from failed

    def _decode(self, generated: GeneratedImage, output_format: str | None) -> DecodedImage:
        try:
            decoded = self.codec.decode(generated.data)
            return self.codec.convert(decoded, ImageFormat(output_format)) if output_format else decoded
        except ValueError as failed:
            message = f"The model's image cannot be used: {failed}"
            raise AttemptFailed(Failure(FailureCode.SERVER_ERROR, message, retryable=True)) from failed

    def _report(self, attempt: Attempt, failure: Failure) -> Outcome:
        result = attempt.result
        delay = self.retry.delay(failure, result.attempts)
        log.warning("the attempt failed", code=failure.code, provider_status=failure.provider_status, retry_in=delay)
        if delay is None:
            return self._finish(attempt, result.ended(failure, self._milliseconds_since(attempt)), Outcome.ENDED)
        waiting = result.postponed(failure, self.clock.now() + timedelta(seconds=delay))
        outcome = self._finish(attempt, waiting, Outcome.POSTPONED)
        if outcome is Outcome.POSTPONED:
            self._enqueue_next(attempt.execution, waiting)
        return outcome

    def _finish(self, attempt: Attempt, after: Result, outcome: Outcome) -> Outcome:
        try:
            self._apply(attempt.execution, attempt.result, after)
        except Conflict:
            return Outcome.SUPERSEDED
        return outcome

    def _apply(self, execution: Execution, before: Result | None, after: Result) -> Result:
        applied = self.executions.apply(execution, [Transition(before, after)])
        if after.status.is_terminal and applied.ended >= execution.prompt_count:
            close_if_ended(self.executions, execution)
        return applied.results[0]

    def _enqueue_next(self, execution: Execution, waiting: Result) -> None:
        at = waiting.next_attempt_at or self.clock.now()
        self.tasks.enqueue([Task.of(execution, waiting, waiting.attempts + 1, at)])

    def _milliseconds_since(self, attempt: Attempt) -> int:
        return round((self.clock.now() - attempt.started_at).total_seconds() * 1000)


def _provenance(parameters: GenerationParameters, generated: GeneratedImage, decoded: DecodedImage) -> Provenance:
    """The image's provenance: cost, tokens, model and warnings."""
    warnings = parameters.mismatches(decoded.width, decoded.height, generated.model_version)
    if not parameters.output_format and is_another_image_type(generated.content_type, decoded.format.content_type):
        warnings += (f"the model called it {generated.content_type}, it is {decoded.format.content_type}",)
    if generated.is_thought:
        warnings += ("the model marked it as an interim image, and made no other",)
    if warnings:
        log.warning(
            "the image is not as it was asked for", mismatches=len(warnings), model_version=generated.model_version
        )
    return Provenance(
        cost_microusd=parameters.cost(generated.tokens),
        tokens=generated.tokens,
        model_version=generated.model_version,
        response_id=generated.response_id,
        warnings=warnings,
    )
