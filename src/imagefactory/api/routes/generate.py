"""The route of generate: one task of a queue, an attempt at a prompt or a check of a watchdog."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from imagefactory import log
from imagefactory.api.body.requests import read_json
from imagefactory.api.errors import Unauthenticated
from imagefactory.api.responses import error, success
from imagefactory.domain.errors import MalformedRequest, Unavailable
from imagefactory.domain.task import WatchdogCheck
from imagefactory.usecases.generate import Generate, Outcome

if TYPE_CHECKING:
    from flask import Response

    from imagefactory.api.auth.tokens import TokenVerifier
    from imagefactory.usecases.watchdog import Watchdog


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def generate_routes(verifier: TokenVerifier, service_account: str, generate: Generate, watchdog: Watchdog) -> Blueprint:
    """What generate serves, on these use cases; only `service_account`, by a token of its issuer, may call."""
    routes = Blueprint("generate", __name__)

    @routes.post("/")
    def carry_out_task() -> Response:
        try:
            body = _read_task(verifier, service_account)
            if "watch" in body:
                return _check(watchdog, _read_check(body))
            return _attempt(generate, *_read_attempt(body))
        except Unavailable as outage:
            # The queue shall bring the task again: not by 503, which would slow the queue for everybody.
            log.error("a service is unavailable", outage)
            return error(500, outage.code, "A service behind this one is unavailable; the task may come again.")

    return routes


def _read_task(verifier: TokenVerifier, service_account: str) -> dict[str, Any]:
    claims = verifier.verify(request)
    if claims.get("email") != service_account or claims.get("email_verified") is not True:
        raise Unauthenticated("Only the queue's own service account may call this.")
    return read_json(request)


def _attempt(generate: Generate, execution_id: str, index: int, attempt: int) -> Response:
    with log.context(execution_id=execution_id, batch_index=index):
        outcome = generate(execution_id, index, attempt)
        log.info("task done", outcome=outcome.name)
    if outcome is Outcome.HELD_ELSEWHERE:
        # Not 429 or 503, as above.
        return error(409, outcome.name, outcome.value)
    return success({"outcome": outcome.name})


def _check(watchdog: Watchdog, check: WatchdogCheck) -> Response:
    with log.context(execution_id=check.execution_id):
        result = watchdog(check)
        log.info("watchdog check done", result=result.name, round=check.round)
    return success({"outcome": result.name})


def _read_attempt(body: dict[str, Any]) -> tuple[str, int, int]:
    execution_id, index, attempt = (body.get(name) for name in ("execution_id", "batch_index", "attempt"))
    if not _is_id(execution_id) or type(index) is not int or type(attempt) is not int:
        raise MalformedRequest("execution_id (a UUID), batch_index and attempt (whole numbers) are needed.")
    return str(execution_id), index, attempt


def _read_check(body: dict[str, Any]) -> WatchdogCheck:
    execution_id, check = body.get("execution_id"), body["watch"]
    try:
        since = datetime.fromisoformat(check["since"])
        number, seen, idle = check["round"], check["seen"], check["idle"]
    except (TypeError, KeyError, ValueError):
        raise MalformedRequest("watch must have since (a timestamp), round, seen and idle.") from None
    if (
        not _is_id(execution_id)
        or type(number) is not int
        or type(idle) is not int
        or not isinstance(seen, str)
        or not since.tzinfo
    ):
        raise MalformedRequest("execution_id (a UUID), and in watch round and idle (whole numbers) are needed.")
    return WatchdogCheck(str(execution_id), since, since, number, seen, idle)


def _is_id(value: Any) -> bool:
    """Whether this is an execution's id; a slash in it would lead to another document."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None
