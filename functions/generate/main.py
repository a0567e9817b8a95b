"""Make the image of one prompt, at the word of the queue."""

from __future__ import annotations

import functools

import functions_framework
from flask import Request, Response
from flask import request as current

from imagefactory import log
from imagefactory.api import server
from imagefactory.api.http import Api
from imagefactory.settings import GenerateSettings
from imagefactory.wiring import generate as wiring

# Read at import, so that a half-configured revision refuses to start.
SETTINGS = GenerateSettings.from_env()
log.set_level(SETTINGS.log_level)
server.configure_server()


@functools.cache
def api() -> Api:
    """The function, put together on the first request and kept while the instance lives."""
    return wiring.api(SETTINGS)


@functions_framework.http
def generate(request: Request) -> Response:
    """Answer one request."""
    return api()(request)


@functions_framework.errorhandler(Exception)  # type: ignore[untyped-decorator] # it has no types
def failed(failure: Exception) -> Response:
    """Answer where the framework would, which has pages of its own for its errors."""
    return Api((), SETTINGS.project_id).failed(current, failure)
