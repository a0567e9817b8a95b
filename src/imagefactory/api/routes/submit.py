"""The routes of submit: a new batch, and what its owner may do to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory.api import views
from imagefactory.api.app import Route, success
from imagefactory.api.auth.tokens import TokenVerifier, user_of
from imagefactory.api.body import limits, requests
from imagefactory.api.body.memory_gate import LARGE_BYTES, LargeRequestLock
from imagefactory.api.routes import queries
from imagefactory.domain.errors import FieldError

if TYPE_CHECKING:
    from flask import Request, Response

    from imagefactory.usecases.cancel import Cancel
    from imagefactory.usecases.retry import Retry
    from imagefactory.usecases.submit import Accepted, Submit

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True)
class SubmitRoutes:
    """Handlers on the use cases."""

    verifier: TokenVerifier
    submit: Submit
    cancel: Cancel
    retry: Retry

    def routes(self) -> list[Route]:
        """What is served where."""
        return [
            Route("POST", "/api/workflows/<uuid:workflow_id>/execute", self._execute),
            Route("POST", "/api/executions/<uuid:execution_id>/cancel", self._cancel),
            Route("POST", "/api/executions/<uuid:execution_id>/retry", self._retry),
        ]

    def _execute(self, request: Request, *, workflow_id: str) -> Response:
        user = self._user(request)
        # Received before it waits for the lock: a slow client keeps nobody waiting.
        body = limits.received(request)
        with LargeRequestLock() as lock:
            accepted = self._accepted(request, user, workflow_id, body, lock)
        execution = accepted.execution
        headers = {"Location": views.execution_path(execution.id)}
        if accepted.is_replay:
            headers["Idempotency-Replayed"] = "true"
        return success(views.acceptance(execution), 202, headers)

    def _accepted(
        self, request: Request, user: str, workflow_id: str, body: bytearray, lock: LargeRequestLock
    ) -> Accepted:
        if len(body) > LARGE_BYTES:
            lock.acquire()
        submission, errors = requests.submission(request, body)
        if submission.references:
            lock.acquire()
        key = request.headers.get("Idempotency-Key")
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            errors.append(
                FieldError("Idempotency-Key", "this must have 1 to 255 printable ASCII characters, no spaces")
            )
        return self.submit(user, workflow_id, submission, errors, key)

    def _cancel(self, request: Request, *, execution_id: str) -> Response:
        return success(views.execution(self.cancel(self._user(request), execution_id)))

    def _retry(self, request: Request, *, execution_id: str) -> Response:
        user = self._user(request)
        retried = self.retry(user, execution_id, requests.retry(request))
        return success(views.execution(retried.snapshot) | {"retried": retried.count}, 202)

    def _user(self, request: Request) -> str:
        """Who asks; none of these routes has parameters in its query."""
        user = user_of(self.verifier.verify(request))
        queries.nothing(request)
        return user
