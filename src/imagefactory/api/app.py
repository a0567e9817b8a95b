"""The Flask application of a function: its routes, and one frame around every request.

functions-framework is itself a Flask application. It hands each request to ours, and whatever it would answer by itself
is answered here too: `adopt` sees to that.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, NotFound

from imagefactory import log
from imagefactory.api import server
from imagefactory.api.body.stream import BodyLimits
from imagefactory.api.errors import PayloadTooLarge, no_such_path, translate_http_error
from imagefactory.api.headers import Cors, protect, remove_type_of_nothing
from imagefactory.api.responses import error, refuse
from imagefactory.domain.errors import ClientError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Blueprint
    from flask.typing import ResponseReturnValue

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_TRACE = re.compile(r"([0-9a-f]{32})(?:/.*)?", re.IGNORECASE)
#: Where the framework's application leaves what went wrong before ours was asked, and whether that is a defect of ours.
_FAILURE, _IS_DEFECT = "imagefactory.failure", "imagefactory.is_defect"


class Once:
    """Makes the application at the first call, for all calls: those that come meanwhile wait. A failure is not kept.

    A cold instance gets many requests at once. With an application each, it would have as many clients and limits.
    """

    def __init__(self, make: Callable[[], Flask]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._app: Flask | None = None

    def __call__(self) -> Flask:
        """The application."""
        with self._lock:
            if self._app is None:
                self._app = self._make()
            return self._app

    def forget(self) -> None:
        """Let the next call make the application anew."""
        self._app = None


def create_app(routes: Blueprint | None, project: str, origins: frozenset[str] = frozenset()) -> Flask:
    """An application with these routes, for bodies that `BodyLimits` bounds.

    `project` names the traces in the log; pages of `origins` may call.
    """
    app = Flask("imagefactory", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # Otherwise redirects pass the error handlers by.
    app.config["TRAP_HTTP_EXCEPTIONS"] = True
    app.url_map.redirect_defaults = False
    cors = Cors(origins)

    def begin() -> Response | None:
        g.started = time.monotonic()
        asked = request.headers.get("X-Request-Id", "")
        g.request_id = asked if _REQUEST_ID.fullmatch(asked) else str(uuid.uuid4())
        trace = _TRACE.fullmatch(request.headers.get("X-Cloud-Trace-Context", ""))
        fields = {"logging.googleapis.com/trace": f"projects/{project}/traces/{trace[1]}"} if trace else {}
        g.log_context = ExitStack()
        g.log_context.enter_context(log.context(request_id=g.request_id, **fields))
        if failure := request.environ.get(_FAILURE):
            raise failure
        if request.environ["wsgi.input"].is_too_long:
            raise PayloadTooLarge
        return _answer_options(app, cors) if request.method == "OPTIONS" else None

    def end(response: Response) -> Response:
        request.environ["wsgi.input"].discard()
        response.headers["X-Request-Id"] = g.request_id
        protect(response)
        cors.allow(request, response)
        milliseconds = round((time.monotonic() - g.started) * 1000)
        log.info("request", method=request.method[:20], status=response.status_code, milliseconds=milliseconds)
        return response

    app.before_request(begin)
    app.after_request(end)
    app.teardown_request(lambda _: g.log_context.close())
    app.register_error_handler(Exception, _answer_failure)
    if routes is not None:
        app.register_blueprint(routes)
    return app


def adopt(framework: Flask, project: str, origins: frozenset[str] = frozenset()) -> None:
    """Answer in our own words whatever the framework would answer by itself, and configure the server below it."""
    server.configure_server()
    outside = create_app(None, project, origins)

    def answer(failure: Exception) -> ResponseReturnValue:
        # Routing and the framework's own routes judge the request; everything else that comes here is a defect.
        is_defect = failure is not request.routing_exception and not isinstance(failure, NotFound)
        return Response.from_app(outside, {**request.environ, _FAILURE: failure, _IS_DEFECT: is_defect})

    # Otherwise the framework's redirects pass its error handlers by.
    framework.config["TRAP_HTTP_EXCEPTIONS"] = True
    for kind in (Exception, 500):
        framework.register_error_handler(kind, answer)

    def refuse_files() -> None:
        # The framework has a path for files, and answers its OPTIONS by itself.
        if request.endpoint == "static":
            raise NotFound

    framework.before_request(refuse_files)
    framework.after_request(remove_type_of_nothing)
    # Outermost: before it answers, the framework reads the body to its end too.
    framework.wsgi_app = BodyLimits(framework.wsgi_app)  # type: ignore[method-assign] # as Flask's documents say


def _answer_options(app: Flask, cors: Cors) -> Response:
    adapter = app.url_map.bind("")
    response = cors.options(request, adapter.allowed_methods(request.path))
    if response is None:
        raise no_such_path(request)
    return response


def _answer_failure(failure: Exception) -> Response:
    """The answer to a request whose route raised, or that has none."""
    if isinstance(failure, ClientError):
        return refuse(failure)
    if isinstance(failure, HTTPException) and not request.environ.get(_IS_DEFECT):
        refusal = translate_http_error(failure, request)
        if refusal:
            return refuse(refusal)
    if isinstance(failure, Unavailable):
        log.error("a service is unavailable", failure)
        message = "A service behind this one is unavailable; try again in a moment."
        return error(failure.status, failure.code, message, {"Retry-After": "5"})
    # What failed while an answer was finished comes inside another error.
    log.error("the request failed", getattr(failure, "original_exception", None) or failure)
    return error(500, "INTERNAL", "Something went wrong on our side; the request id finds it in the log.")
