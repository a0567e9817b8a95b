"""The routes of status: everything that is only read."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from imagefactory.api import views
from imagefactory.api.auth.tokens import TokenVerifier, user_of
from imagefactory.api.responses import stream_lines, success
from imagefactory.api.routes import queries
from imagefactory.domain.errors import NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from imagefactory.ports import Workflows
    from imagefactory.usecases.list_executions import ListExecutions
    from imagefactory.usecases.status import ShowExecution

#: The type of results.jsonl, and the one for those who ask for text instead.
LINES, TEXT = "application/x-ndjson", "text/plain"


def status_routes(
    verifier: TokenVerifier, show: ShowExecution, list_executions: ListExecutions, workflows: Workflows
) -> Blueprint:
    """What status serves, on these use cases."""
    routes = Blueprint("status", __name__)

    @routes.get("/api/executions")
    def show_executions() -> Response:
        user = user_of(verifier.verify(request))
        return success(views.execution_list(list_executions(user, *queries.list_request(request))))

    @routes.get("/api/executions/<uuid:execution_id>")
    def show_execution(execution_id: UUID) -> Response:
        return _show(show, user_of(verifier.verify(request)), str(execution_id))

    @routes.get("/api/executions/<uuid:execution_id>/results.jsonl")
    def stream_results(execution_id: UUID) -> Response:
        user = user_of(verifier.verify(request))
        queries.reject_parameters(request)
        accepted = request.accept_mimetypes
        media_type = TEXT if accepted.quality(TEXT) > accepted.quality(LINES) else LINES
        return stream_lines(map(views.result, show.all_results(user, str(execution_id))), media_type)

    @routes.get("/api/workflows/<uuid:workflow_id>")
    def show_workflow(workflow_id: UUID) -> Response:
        verifier.verify(request)
        queries.reject_parameters(request)
        workflow = workflows.get(str(workflow_id))
        if workflow is None:
            raise NotFound(f"There is no workflow {workflow_id}.")
        return success(views.workflow(workflow))

    return routes


def _show(show: ShowExecution, user: str, execution_id: str) -> Response:
    # Weak ones too: a proxy that compresses an answer weakens its validator. A star is any.
    is_known = request.if_none_match.contains_weak
    answer = show(user, execution_id, queries.page_request(request), lambda version: is_known(_etag(version)))
    headers = {"ETag": f'"{_etag(answer.version)}"', "Cache-Control": "private, no-cache"}
    if answer.page is None:
        return Response(status=304, headers=headers)
    return success(views.execution_page(answer.page), headers=headers)


def _etag(version: str) -> str:
    return hashlib.sha256(version.encode()).hexdigest()[:32]
