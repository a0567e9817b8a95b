"""The HTTP API: Google's paths, and under `/_local/` the controls of the stand-in."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from emulators.gemini.api import responses
from emulators.gemini.api.call_log import Journal
from emulators.gemini.api.catalogue import listed_model, listed_models
from emulators.gemini.api.generation_request import asked, unreadable_image
from emulators.gemini.api.response_builder import Studio
from emulators.gemini.api.schema import read_request
from emulators.gemini.faults.error_bodies import FAILURES, MAX_BODY_BYTES, rejection
from emulators.gemini.faults.error_format import Failure, RejectedError
from emulators.gemini.faults.fault_rules import Faults, MalformedRuleError, read_rule
from emulators.gemini.faults.outcomes import Outcome
from emulators.gemini.images.drawing import UnreadableError, open_reference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from emulators.gemini.api.call_log import Call
    from emulators.gemini.api.generation_request import Asked
    from emulators.gemini.images.latency import Latency

SLOW_FACTOR = 3


@dataclass(frozen=True)
class StandIn:
    """The state of a running stand-in, and its handlers."""

    latency: Latency
    studio: Studio = field(default_factory=Studio)
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)
    # Drawing is work for a processor, of which there may be two; waiting for the latency needs no thread.
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=2))

    async def call(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1beta/models/{model}:generateContent`, noted in the journal from its arrival to its end."""
        started = time.time()
        model, _, method = request.match_info["call"].rpartition(":")
        if method != "generateContent":
            sentence = f"The stand-in offers generateContent, not {method or 'a POST to a model'}."
            return responses.failure(Failure(501, "UNIMPLEMENTED", sentence), started)
        call = self.journal.begin(model)
        try:
            response = await self._generate(request, model, call)
        except RejectedError as error:
            call.meets(error.outcome)
            response = responses.failure(error.failure, started, error.outcome)
        finally:
            call.end = time.time()
        # Of a reset connection the client sees no status.
        call.status = None if call.outcome == Outcome.CONNECTION_RESET.value else response.status
        return response

    async def _generate(self, request: web.Request, model: str, call: Call) -> web.StreamResponse:
        _check_key(request)
        wanted = asked(model, read_request(await _body(request)))
        call.understood(wanted)
        references = await self._in_pool(_opened, wanted)
        outcome = self.faults.outcome(wanted.prompt)
        call.meets(outcome)
        error = rejection(outcome, model) if outcome in FAILURES else None
        # Google refuses a bad request at once; whatever else happens takes its time.
        if error is None or error.failure.code >= web.HTTPInternalServerError.status_code:
            await self._wait(request, wanted, outcome)
        if error is not None:
            raise error
        if outcome in responses.WITHOUT_BODY:
            return await responses.without_body(request, outcome)
        body = await self._in_pool(self.studio.body, wanted, references, outcome)
        return await responses.with_body(request, body, outcome, call.start)

    async def _in_pool(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)

    async def _wait(self, request: web.Request, wanted: Asked, outcome: Outcome) -> None:
        """Takes as long as the model would, or as the client's X-Server-Timeout allows."""
        seconds = self.latency.draw(wanted.model, wanted.image_size) * (SLOW_FACTOR if outcome is Outcome.SLOW else 1)
        allowed = request.headers.get("X-Server-Timeout", "")
        if allowed.isdecimal() and 0 < int(allowed) < seconds:
            await asyncio.sleep(int(allowed))
            raise rejection(Outcome.DEADLINE_EXCEEDED, "")
        await asyncio.sleep(seconds)

    async def models(self, request: web.Request) -> web.StreamResponse:
        """`GET /v1beta/models` and `GET /v1beta/models/{model}`."""
        try:
            _check_key(request)
            name = request.match_info.get("model")
            found = listed_models(request.query) if name is None else listed_model(name)
        except RejectedError as error:
            return responses.failure(error.failure, time.time())
        return web.json_response(found)

    async def post_rule(self, request: web.Request) -> web.Response:
        """`POST /_local/faults`: adds a rule."""
        try:
            rule = read_rule(json.loads(await request.read()))
        except MalformedRuleError as error:
            return web.json_response({"error": str(error)}, status=400)
        except (ValueError, RecursionError):
            return web.json_response({"error": "A rule is a JSON object; this is not JSON."}, status=400)
        self.faults.rules.append(rule)
        return web.json_response(rule.described())

    async def reset(self, request: web.Request) -> web.Response:
        """`DELETE` of the rules or of the journal."""
        if request.path.endswith("/calls"):
            self.journal.clear()
        else:
            self.faults.rules.clear()
        return web.Response(status=204)

    async def close(self, _app: web.Application) -> AsyncIterator[None]:
        """Lets go of the threads at the end."""
        yield
        self.pool.shutdown(wait=False, cancel_futures=True)


def _check_key(request: web.Request) -> None:
    """Any key will do, except that one which begins with "invalid" is what Google calls not valid."""
    key = request.headers.get("x-goog-api-key") or request.query.get("key", "")
    if not key:
        raise rejection(Outcome.MISSING_KEY, "")
    if key.startswith("invalid"):
        raise rejection(Outcome.INVALID_KEY, "")


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise rejection(Outcome.PAYLOAD_TOO_LARGE, "") from error


def _opened(wanted: Asked) -> list[Any]:
    try:
        return [open_reference(reference.mime, reference.data) for reference in wanted.references]
    except UnreadableError as error:
        raise unreadable_image() from error


def application(stand_in: StandIn) -> web.Application:
    """The routes."""

    def answers(value: Callable[[], Any]) -> Callable[[web.Request], Any]:
        async def handler(_request: web.Request) -> web.Response:
            return web.json_response(value())

        return handler

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.cleanup_ctx.append(stand_in.close)
    # Google's newest SDK says v1 where it is told nothing else; its words in errors stay those of v1beta here.
    for version in ("/v1beta", "/v1"):
        app.router.add_post(f"{version}/models/{{call}}", stand_in.call)
        app.router.add_get(f"{version}/models", stand_in.models)
        app.router.add_get(f"{version}/models/{{model}}", stand_in.models)
    app.router.add_get("/_local/health", answers(lambda: {"status": "ok"}))
    app.router.add_get("/_local/outcomes", answers(lambda: {each.value: each.meaning for each in Outcome}))
    app.router.add_get("/_local/faults", answers(lambda: [rule.described() for rule in stand_in.faults.rules]))
    app.router.add_post("/_local/faults", stand_in.post_rule)
    app.router.add_delete("/_local/faults", stand_in.reset)
    app.router.add_get("/_local/calls", answers(stand_in.journal.described))
    app.router.add_delete("/_local/calls", stand_in.reset)
    return app
