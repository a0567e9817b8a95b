"""Show how an execution stands, and what became of its prompts."""

from __future__ import annotations

import functools

import functions_framework
from flask import Request, Response, current_app

from imagefactory import log
from imagefactory.api.app import Api, set_up
from imagefactory.settings import StatusSettings
from imagefactory.wiring import status as wiring

# Read at import, so that a half-configured revision refuses to start.
SETTINGS = StatusSettings.from_env()
log.set_level(SETTINGS.log_level)
# The framework runs this module inside its own application.
set_up(current_app, SETTINGS.project_id, SETTINGS.origins)


@functools.cache
def api() -> Api:
    """The function, put together on the first request and kept while the instance lives."""
    return wiring.api(SETTINGS)


@functions_framework.http
def status(request: Request) -> Response:
    """Answer one request."""
    return api()(request)
