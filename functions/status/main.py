"""Show how an execution stands, and what became of its prompts."""

from __future__ import annotations

import functions_framework
from flask import Flask, Request, Response, current_app
from flask.typing import ResponseReturnValue

from imagefactory import log
from imagefactory.api.app import Once, adopt
from imagefactory.settings import StatusSettings
from imagefactory.wiring import status as wiring

# Read at import, so that a half-configured revision refuses to start.
SETTINGS = StatusSettings.from_env()
log.set_level(SETTINGS.log_level)
# The framework runs this module inside its own application.
adopt(current_app, SETTINGS.project_id, SETTINGS.origins)


@Once
def app() -> Flask:
    """The application, put together on the first request and kept while the instance lives."""
    return wiring.app(SETTINGS)


@functions_framework.http
def status(request: Request) -> ResponseReturnValue:
    """Answer one request."""
    return Response.from_app(app(), request.environ)
