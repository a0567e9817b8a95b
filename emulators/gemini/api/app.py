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
from emulators.gemini.api.call_log import CallLog
from emulators.gemini.api.catalogue import get_model, list_models
from emulators.gemini.api.generation_request import read_generation_request, unreadable_image
from emulators.gemini.api.response_builder import ResponseBuilder
from emulators.gemini.api.schema import read_request
from emulators.gemini.faults.error_bodies import ERROR_BODIES, MAX_BODY_BYTES, rejection
from emulators.gemini.faults.error_format import ErrorBody, RejectedError
from emulators.gemini.faults.fault_rules import FaultRules, MalformedRuleError, read_rule
from emulators.gemini.faults.outcomes import Outcome
from emulators.gemini.images.drawing import UnreadableError, open_reference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from emulators.gemini.api.call_log import LoggedCall
    from emulators.gemini.api.generation_request import GenerationRequest
    from emulators.gemini.images.latency import Latency

SLOW_FACTOR = 3


@dataclass(frozen=True)
class StandIn:
    """The state of a running stand-in, and its handlers."""

    latency: Latency
    response_builder: ResponseBuilder = field(default_factory=ResponseBuilder)
    fault_rules: FaultRules = field(default_factory=FaultRules)
    call_log: CallLog = field(default_factory=CallLog)
    # Drawing takes processor time; waiting for the latency needs no thread.
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=2))

    async def handle_call(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1beta/models/{model}:generateContent`; the call log has it from its arrival to its end."""
        started = time.time()
        model, _, method = request.match_info["call"].rpartition(":")
        if method != "generateContent":
            sentence = f"The stand-in offers generateContent, not {method or 'a POST to a model'}."
            return responses.error_response(ErrorBody(501, "UNIMPLEMENTED", sentence), started)
        call = self.call_log.begin(model)
        try:
            response = await self._generate(request, model, call)
        except RejectedError as error:
            call.record_outcome(error.outcome)
            response = responses.error_response(error.body, started, error.outcome)
        finally:
            call.end = time.time()
        # The client of a reset connection sees no status.
        call.status = None if call.outcome == Outcome.CONNECTION_RESET.value else response.status
        return response

    async def _generate(self, request: web.Request, model: str, call: LoggedCall) -> web.StreamResponse:
        _check_key(request)
        generation_request = read_generation_request(model, read_request(await _read_body(request)))
        call.record_request(generation_request)
        references = await self._run_in_pool(_open_references, generation_request)
        outcome = self.fault_rules.choose_outcome(generation_request.prompt)
        call.record_outcome(outcome)
        error = rejection(outcome, model) if outcome in ERROR_BODIES else None
        # Google refuses bad requests at once; everything else takes the latency.
        if error is None or error.body.code >= web.HTTPInternalServerError.status_code:
            await self._wait(request, generation_request, outcome)
        if error is not None:
            raise error
        if outcome in responses.NO_BODY_OUTCOMES:
            return await responses.respond_without_body(request, outcome)
        body = await self._run_in_pool(self.response_builder.build, generation_request, references, outcome)
        return await responses.respond_with_body(request, body, outcome, call.start)

    async def _run_in_pool(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)

    async def _wait(self, request: web.Request, generation_request: GenerationRequest, outcome: Outcome) -> None:
        """Wait for the latency; raises RejectedError (504) after the client's X-Server-Timeout."""
        seconds = self.latency.draw(generation_request.model, generation_request.image_size) * (
            SLOW_FACTOR if outcome is Outcome.SLOW else 1
        )
        allowed = request.headers.get("X-Server-Timeout", "")
        if allowed.isdecimal() and 0 < int(allowed) < seconds:
            await asyncio.sleep(int(allowed))
            raise rejection(Outcome.DEADLINE_EXCEEDED, "")
        await asyncio.sleep(seconds)

    async def handle_models(self, request: web.Request) -> web.StreamResponse:
        """`GET /v1beta/models` and `GET /v1beta/models/{model}`."""
        try:
            _check_key(request)
            name = request.match_info.get("model")
            listing = list_models(request.query) if name is None else get_model(name)
        except RejectedError as error:
            return responses.error_response(error.body, time.time())
        return web.json_response(listing)

    async def add_rule(self, request: web.Request) -> web.Response:
        """`POST /_local/faults`: add a rule."""
        try:
            rule = read_rule(json.loads(await request.read()))
        except MalformedRuleError as error:
            return web.json_response({"error": str(error)}, status=400)
        except (ValueError, RecursionError):
            return web.json_response({"error": "A rule is a JSON object; this is not JSON."}, status=400)
        self.fault_rules.rules.append(rule)
        return web.json_response(rule.as_json())

    async def reset(self, request: web.Request) -> web.Response:
        """`DELETE /_local/faults` or `/_local/calls`: delete the rules or the call log."""
        if request.path.endswith("/calls"):
            self.call_log.clear()
        else:
            self.fault_rules.rules.clear()
        return web.Response(status=204)

    async def close(self, _app: web.Application) -> AsyncIterator[None]:
        """Stop the threads at the end."""
        yield
        self.pool.shutdown(wait=False, cancel_futures=True)


def _check_key(request: web.Request) -> None:
    """Raise RejectedError for no key, or for one that begins with "invalid"; accept any other."""
    key = request.headers.get("x-goog-api-key") or request.query.get("key", "")
    if not key:
        raise rejection(Outcome.MISSING_KEY, "")
    if key.startswith("invalid"):
        raise rejection(Outcome.INVALID_KEY, "")


async def _read_body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise rejection(Outcome.PAYLOAD_TOO_LARGE, "") from error


def _open_references(generation_request: GenerationRequest) -> list[Any]:
    try:
        return [open_reference(reference.mime, reference.data) for reference in generation_request.references]
    except UnreadableError as error:
        raise unreadable_image() from error


def application(stand_in: StandIn) -> web.Application:
    """Build the application with its routes."""

    def json_handler(value: Callable[[], Any]) -> Callable[[web.Request], Any]:
        async def handler(_request: web.Request) -> web.Response:
            return web.json_response(value())

        return handler

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.cleanup_ctx.append(stand_in.close)
    # Google's newest SDK calls v1 by default; error messages here always name v1beta.
    for version in ("/v1beta", "/v1"):
        app.router.add_post(f"{version}/models/{{call}}", stand_in.handle_call)
        app.router.add_get(f"{version}/models", stand_in.handle_models)
        app.router.add_get(f"{version}/models/{{model}}", stand_in.handle_models)
    app.router.add_get("/_local/health", json_handler(lambda: {"status": "ok"}))
    app.router.add_get("/_local/outcomes", json_handler(lambda: {each.value: each.meaning for each in Outcome}))
    app.router.add_get("/_local/faults", json_handler(lambda: [rule.as_json() for rule in stand_in.fault_rules.rules]))
    app.router.add_post("/_local/faults", stand_in.add_rule)
    app.router.add_delete("/_local/faults", stand_in.reset)
    app.router.add_get("/_local/calls", json_handler(stand_in.call_log.as_json))
    app.router.add_delete("/_local/calls", stand_in.reset)
    return app
