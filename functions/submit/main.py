"""Accept a batch of prompts, cancel it, retry it."""

from __future__ import annotations

import functools

import functions_framework
from flask import Request, Response
from flask import request as current

from imagefactory import log
from imagefactory.api import server
from imagefactory.api.http import Api
from imagefactory.settings import SubmitSettings
from imagefactory.wiring import submit as wiring

# Read at import, so that a half-configured revision refuses to start.
SETTINGS = SubmitSettings.from_env()
log.set_level(SETTINGS.log_level)
server.configure_server()


@functools.cache
def api() -> Api:
    """The function, put together on the first request and kept while the instance lives."""
    return wiring.api(SETTINGS)


@functions_framework.http
def submit(request: Request) -> Response:
    """Answer one request."""
    return api()(request)


@functions_framework.errorhandler(Exception)  # type: ignore[untyped-decorator] # it has no types
def failed(failure: Exception) -> Response:
    """Answer where the framework would, which has pages of its own for its errors."""
    return Api((), SETTINGS.project_id, SETTINGS.origins).failed(current, failure)
