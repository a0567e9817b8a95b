"""The routes of submit: a new batch, and what its owner may do to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefactory.api import bodies
from imagefactory.api.auth import Tokens, user_of
from imagefactory.api.http import Route, success
from imagefactory.domain.errors import Fault

if TYPE_CHECKING:
    from flask import Request, Response

    from imagefactory.usecases.cancel import Cancel
    from imagefactory.usecases.retry import Retry
    from imagefactory.usecases.submit import Submit

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True)
class SubmitRoutes:
    """Handlers on the use cases."""

    tokens: Tokens
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
        user = user_of(self.tokens.claims(request))
        submission, faults = bodies.submission(request)
        key = request.headers.get("Idempotency-Key")
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            faults.append(Fault("Idempotency-Key", "this must have 1 to 255 printable ASCII characters, no spaces"))
        accepted = self.submit(user, workflow_id, submission, faults, key)
        headers = {"Location": f"/api/executions/{accepted.data['execution_id']}"}
        if accepted.replayed:
            headers["Idempotency-Replayed"] = "true"
        return success(accepted.data, 202, headers)

    def _cancel(self, request: Request, *, execution_id: str) -> Response:
        return success(self.cancel(user_of(self.tokens.claims(request)), execution_id))

    def _retry(self, request: Request, *, execution_id: str) -> Response:
        user = user_of(self.tokens.claims(request))
        return success(self.retry(user, execution_id, bodies.retry(request)), 202)
