"""The frame around every request: routes, request ids, CORS, the envelope, errors, one log line at the end."""

from __future__ import annotations

import contextvars
import errno
import itertools
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Response
from flask import request as current
from werkzeug.exceptions import ClientDisconnected, HTTPException, NotFound
from werkzeug.routing import Map, Rule

from imagefactory import log
from imagefactory.api import server
from imagefactory.api.body import limits
from imagefactory.api.body.deadline import BODY_SECONDS, REST_SECONDS, BodyDeadline
from imagefactory.api.headers import Cors, protect
from imagefactory.api.refusals import nothing_at, refusal_of
from imagefactory.domain.errors import ClientError, MalformedRequest, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from flask import Flask, Request

#: Line ends of Unicode that JSON allows in a string, and their escapes.
_LINE_ENDS = (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_TRACE = re.compile(r"([0-9a-f]{32})(?:/.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path (in werkzeug's syntax) with the handler that serves them.

    The handler takes the request and, by name, the path's variables as strings.
    """

    method: str
    path: str
    handler: Callable[..., Response]


@dataclass(frozen=True)
class Api:
    """A function's HTTP face. `origins` are those whose pages may call; `project` names the traces in the log."""

    routes: Sequence[Route]
    project: str
    origins: frozenset[str] = frozenset()
    _rules: Map = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rules = [Rule(one.path, methods=[one.method], endpoint=number) for number, one in enumerate(self.routes)]
        object.__setattr__(self, "_rules", Map(rules, strict_slashes=True, redirect_defaults=False))

    def __call__(self, request: Request) -> Response:
        """Answer the request, whatever happens."""
        return self._framed(request, self._routed)

    def failed(self, request: Request, failure: Exception) -> Response:
        """Answer a request that the framework refused by itself, or whose function could not be put together."""
        # Routing and the framework's own routes judge the request; everything else that comes here is a defect.
        is_refused = failure is request.routing_exception or isinstance(failure, NotFound)

        def raised(_request: Request) -> Response:
            if is_refused:
                raise failure
            return _broken(failure)

        return self._framed(request, raised)

    def _framed(self, request: Request, answer: Callable[[Request], Response]) -> Response:
        started = time.monotonic()
        asked = request.headers.get("X-Request-Id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else str(uuid.uuid4())
        deadline = BodyDeadline(request)
        with log.context(request_id=request_id, **self._trace(request)):
            with deadline.within(BODY_SECONDS):
                response = self._answered(request, deadline, answer)
            with deadline.within(REST_SECONDS):
                limits.read_to_the_end(request)
            response.headers["X-Request-Id"] = request_id
            protect(response)
            Cors(self.origins).allow(request, response)
            milliseconds = round((time.monotonic() - started) * 1000)
            log.info("request", method=request.method[:20], status=response.status_code, milliseconds=milliseconds)
        return response

    def _answered(self, request: Request, deadline: BodyDeadline, answer: Callable[[Request], Response]) -> Response:
        try:
            limits.bound(request)
            return answer(request)
        except ClientError as refusal:
            return _refused(refusal)
        except ClientDisconnected:
            late = f"The body had not arrived after {BODY_SECONDS:.0f} s."
            return _refused(MalformedRequest(late if deadline.late else "The body ended before it was whole."))
        except HTTPException as theirs:
            ours = refusal_of(theirs, request)
            return _refused(ours) if ours else _broken(theirs)
        except Exception as failure:  # noqa: BLE001 - the last frame: whatever it is, the client gets an answer
            return _broken(failure)

    def _routed(self, request: Request) -> Response:
        adapter = self._rules.bind("")
        if request.method == "OPTIONS":
            return self._options(request, adapter.allowed_methods(request.path))
        number, arguments = adapter.match(request.path, request.method)
        handler: Callable[..., Response] = self.routes[number].handler
        return handler(request, **{name: str(value) for name, value in arguments.items()})

    def _options(self, request: Request, allowed: Iterable[str]) -> Response:
        response = Cors(self.origins).options(request, allowed)
        if response is None:
            raise nothing_at(request)
        return response

    def _trace(self, request: Request) -> dict[str, str]:
        found = _TRACE.fullmatch(request.headers.get("X-Cloud-Trace-Context", ""))
        return {"logging.googleapis.com/trace": f"projects/{self.project}/traces/{found[1]}"} if found else {}


def set_up(framework: Flask, project: str, origins: frozenset[str] = frozenset()) -> None:
    """Let the frame answer whatever the framework would answer by itself, and configure the server below it."""
    server.configure_server()
    outside = Api((), project, origins)
    # Otherwise the framework's redirects pass its error handlers by.
    framework.config["TRAP_HTTP_EXCEPTIONS"] = True
    for kind in (Exception, 500):
        framework.register_error_handler(kind, lambda failure: outside.failed(current, failure))


def success(data: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with data."""
    return _envelope({"success": True, "data": data}, status, headers)


def error(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    details: Sequence[Mapping[str, object]] = (),
) -> Response:
    """An answer without."""
    problem = {"code": code, "message": message, "details": list(details)}
    return _envelope({"success": False, "error": problem}, status, headers)


def lines(items: Iterable[Mapping[str, object]], media_type: str) -> Response:
    """An answer of one JSON object a line, sent as it is made."""
    rest = iter(items)
    # Taken before the answer begins: what fails by then can still be told.
    first = list(itertools.islice(rest, 1))
    sent = _sent(itertools.chain(first, rest), contextvars.copy_context())
    return Response(sent, mimetype=media_type, headers={"Cache-Control": "no-store"})


def _sent(items: Iterable[Mapping[str, object]], asked: contextvars.Context) -> Iterator[str]:
    try:
        for item in items:
            yield dumped(item) + "\n"
    except Exception as defect:  # noqa: BLE001 - the last frame, as above
        asked.run(log.error, "the answer broke off", defect)
        # To the server the client has gone: it closes the connection, without a trace and what that could tell.
        raise BrokenPipeError(errno.EPIPE, "the answer broke off") from None


def dumped(value: Any) -> str:
    """Compact JSON, UTF-8, in which no reader finds a line end: many break lines at more than U+000A."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign, escape in _LINE_ENDS:
        # Most texts have none, and looking is cheaper than copying.
        if sign in text:
            text = text.replace(sign, escape)
    return text


def _envelope(value: Any, status: int, headers: Mapping[str, str] | None) -> Response:
    # Half a surrogate pair, should a message ever repeat one, is told as JSON's own escape.
    body = dumped(value).encode("utf-8", "backslashreplace")
    response = Response(body, status=status, mimetype="application/json", headers=dict(headers or {}))
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refused(refusal: ClientError) -> Response:
    return error(refusal.status, refusal.code, str(refusal), refusal.headers, _details(refusal))


def _broken(failure: Exception) -> Response:
    """The answer to a request that failed through no error of its own."""
    if isinstance(failure, Unavailable):
        log.error("a service is unavailable", failure)
        message = "A service behind this one is unavailable; try again in a moment."
        return error(failure.status, failure.code, message, {"Retry-After": "5"})
    log.error("the request failed", failure)
    return error(500, "INTERNAL", "Something went wrong on our side; the request id finds it in the log.")


def _details(refusal: ClientError) -> list[dict[str, object]]:
    return [
        {"field": error.field, "message": error.message} | ({} if error.index is None else {"index": error.index})
        for error in refusal.errors
    ]
