"""The route of generate: one task of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagefactory import log
from imagefactory.api import content
from imagefactory.api.http import Route, error, success
from imagefactory.domain.errors import MalformedRequest, Unauthenticated
from imagefactory.usecases.generate import Generate, Outcome

if TYPE_CHECKING:
    from flask import Request, Response

    from imagefactory.api.auth import Tokens


@dataclass(frozen=True)
class GenerateRoutes:
    """The handler on the use case. Only `service_account`, as the issuer of `tokens` vouches for it, may call."""

    tokens: Tokens
    service_account: str
    generate: Generate

    def routes(self) -> list[Route]:
        """What is served where."""
        return [Route("POST", "/", self._task)]

    def _task(self, request: Request) -> Response:
        claims = self.tokens.claims(request)
        if claims.get("email") != self.service_account or claims.get("email_verified") is not True:
            raise Unauthenticated("Only the queue's own service account may call this.")
        execution_id, index, attempt = _task_of(content.json_object(request))
        with log.context(execution_id=execution_id, batch_index=index):
            outcome = self.generate(execution_id, index, attempt)
            log.info("task done", outcome=outcome.name)
        if outcome is Outcome.HELD_ELSEWHERE:
            # Not 429 or 503: those would slow the queue for everybody.
            return error(409, outcome.name, outcome.value)
        return success({"outcome": outcome.name})


def _task_of(body: dict[str, Any]) -> tuple[str, int, int]:
    execution_id, index, attempt = (body.get(name) for name in ("execution_id", "batch_index", "attempt"))
    if not isinstance(execution_id, str) or type(index) is not int or type(attempt) is not int:
        raise MalformedRequest("execution_id (a string), batch_index and attempt (whole numbers) are needed.")
    return execution_id, index, attempt
