"""The routes of submit: a new batch, and what its owner may do to it."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

from flask import Blueprint, request

from imagefactory.api import views
from imagefactory.api.auth.tokens import TokenVerifier, user_of
from imagefactory.api.body.large_request_lock import LARGE_BYTES, LargeRequestLock
from imagefactory.api.body.requests import read_body, read_retry, read_submission
from imagefactory.api.responses import success
from imagefactory.api.routes import queries
from imagefactory.domain.errors import FieldError

if TYPE_CHECKING:
    from uuid import UUID

    from flask import Response

    from imagefactory.usecases.cancel import Cancel
    from imagefactory.usecases.retry import Retry
    from imagefactory.usecases.submit import Accepted, Submit

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")


def submit_routes(verifier: TokenVerifier, submit: Submit, cancel: Cancel, retry: Retry) -> Blueprint:
    """What submit serves, on these use cases."""
    routes = Blueprint("submit", __name__)

    @routes.post("/api/workflows/<uuid:workflow_id>/execute")
    def execute_workflow(workflow_id: UUID) -> Response:
        user = _authenticate(verifier)
        # Received before it waits for a lock: a slow client keeps nobody waiting.
        body = read_body(request)
        with ExitStack() as locks:
            accepted = _submit(submit, user, str(workflow_id), body, locks)
        headers = {"Location": views.execution_path(accepted.execution.id)}
        if accepted.is_replay:
            headers["Idempotency-Replayed"] = "true"
        return success(views.acceptance(accepted.execution), 202, headers)

    @routes.post("/api/executions/<uuid:execution_id>/cancel")
    def cancel_execution(execution_id: UUID) -> Response:
        return success(views.execution(cancel(_authenticate(verifier), str(execution_id))))

    @routes.post("/api/executions/<uuid:execution_id>/retry")
    def retry_execution(execution_id: UUID) -> Response:
        retried = retry(_authenticate(verifier), str(execution_id), read_retry(request))
        return success(views.execution(retried.snapshot) | {"retried": retried.count}, 202)

    return routes


def _authenticate(verifier: TokenVerifier) -> str:
    """The user who asks; none of these routes has parameters in its query."""
    user = user_of(verifier.verify(request))
    queries.reject_parameters(request)
    return user


def _submit(submit: Submit, user: str, workflow_id: str, body: bytearray, locks: ExitStack) -> Accepted:
    """Read the body and submit it. A large one is read under a lock, which is held in `locks`.

    Whoever holds the lock must not hold what was read: its memory is given back before the lock is.
    """
    is_large = len(body) > LARGE_BYTES
    if is_large:
        locks.enter_context(LargeRequestLock())
    submission, errors = read_submission(request, body)
    if submission.references and not is_large:
        locks.enter_context(LargeRequestLock())
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        message = "this must have 1 to 255 printable ASCII characters, no spaces"
        errors.append(FieldError("Idempotency-Key", message))
    return submit(user, workflow_id, submission, errors, key)
