"""The route of generate: one task of a queue, an attempt at a prompt or a round of a watchdog."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from imagefactory import log
from imagefactory.api.app import Route, error, success
from imagefactory.api.body import limits
from imagefactory.domain.errors import MalformedRequest, Unauthenticated, Unavailable
from imagefactory.domain.task import WatchdogCheck
from imagefactory.usecases.generate import Generate, Outcome

if TYPE_CHECKING:
    from flask import Request, Response

    from imagefactory.api.auth.tokens import TokenVerifier
    from imagefactory.usecases.watchdog import Watchdog


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class GenerateRoutes:
    """The handler on the use cases. Only `service_account`, as the issuer of `tokens` vouches for it, may call."""

    verifier: TokenVerifier
    service_account: str
    generate: Generate
    watchdog: Watchdog

    def routes(self) -> list[Route]:
        """What is served where."""
        return [Route("POST", "/", self._answered)]

    def _answered(self, request: Request) -> Response:
        """Carry the task out, or let the queue bring it again: not by 503, which would slow the queue for everybody."""
        try:
            return self._task(request)
        except Unavailable as outage:
            log.error("a service is unavailable", outage)
            return error(500, outage.code, "A service behind this one is unavailable; the task may come again.")

    def _task(self, request: Request) -> Response:
        claims = self.verifier.verify(request)
        if claims.get("email") != self.service_account or claims.get("email_verified") is not True:
            raise Unauthenticated("Only the queue's own service account may call this.")
        body = limits.json_object(request)
        return self._watch(_watch_of(body)) if "watch" in body else self._attempt(*_task_of(body))

    def _attempt(self, execution_id: str, index: int, attempt: int) -> Response:
        with log.context(execution_id=execution_id, batch_index=index):
            outcome = self.generate(execution_id, index, attempt)
            log.info("task done", outcome=outcome.name)
        if outcome is Outcome.HELD_ELSEWHERE:
            # Not 429 or 503, as above.
            return error(409, outcome.name, outcome.value)
        return success({"outcome": outcome.name})

    def _watch(self, check: WatchdogCheck) -> Response:
        with log.context(execution_id=check.execution_id):
            found = self.watchdog(check)
            log.info("watchdog's round done", found=found.name, round=check.round)
        return success({"outcome": found.name})


def _task_of(body: dict[str, Any]) -> tuple[str, int, int]:
    execution_id, index, attempt = (body.get(name) for name in ("execution_id", "batch_index", "attempt"))
    if not _is_id(execution_id) or type(index) is not int or type(attempt) is not int:
        raise MalformedRequest("execution_id (a UUID), batch_index and attempt (whole numbers) are needed.")
    return str(execution_id), index, attempt


def _watch_of(body: dict[str, Any]) -> WatchdogCheck:
    execution_id, check = body.get("execution_id"), body["watch"]
    try:
        since = datetime.fromisoformat(check["since"])
        place, seen, idle = check["round"], check["seen"], check["idle"]
    except (TypeError, KeyError, ValueError):
        raise MalformedRequest("watch must have since (a timestamp), round, seen and idle.") from None
    if (
        not _is_id(execution_id)
        or type(place) is not int
        or type(idle) is not int
        or not isinstance(seen, str)
        or not since.tzinfo
    ):
        raise MalformedRequest("execution_id (a UUID), and in watch round and idle (whole numbers) are needed.")
    return WatchdogCheck(str(execution_id), since, since, place, seen, idle)


def _is_id(value: Any) -> bool:
    """Whether this is an execution's id; a slash in it would lead to another document."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None
