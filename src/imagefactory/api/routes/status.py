"""The routes of status: everything that is only read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Response

from imagefactory.api import views
from imagefactory.api.app import Route, lines, success
from imagefactory.api.auth.tokens import TokenVerifier, user_of
from imagefactory.api.routes import queries
from imagefactory.domain.errors import NotFound

if TYPE_CHECKING:
    from flask import Request

    from imagefactory.ports import Workflows
    from imagefactory.usecases.list_executions import ListExecutions
    from imagefactory.usecases.status import ShowExecution


#: The type of results.jsonl, and the one for those who ask for text instead.
LINES, TEXT = "application/x-ndjson", "text/plain"


@dataclass(frozen=True)
class StatusRoutes:
    """Handlers on the use cases."""

    verifier: TokenVerifier
    show: ShowExecution
    listing: ListExecutions
    workflows: Workflows

    def routes(self) -> list[Route]:
        """What is served where."""
        return [
            Route("GET", "/api/executions", self._list),
            Route("GET", "/api/executions/<uuid:execution_id>", self._show),
            Route("GET", "/api/executions/<uuid:execution_id>/results.jsonl", self._lines),
            Route("GET", "/api/workflows/<uuid:workflow_id>", self._workflow),
        ]

    def _show(self, request: Request, *, execution_id: str) -> Response:
        user = user_of(self.verifier.verify(request))
        # Weak ones too: a proxy that compresses an answer weakens its validator. A star is any.
        is_known = request.if_none_match.contains_weak
        shown = self.show(user, execution_id, queries.page_request(request), lambda version: is_known(_etag(version)))
        headers = {"ETag": f'"{_etag(shown.version)}"', "Cache-Control": "private, no-cache"}
        if shown.page is None:
            return Response(status=304, headers=headers)
        return success(views.execution_page(shown.page), headers=headers)

    def _lines(self, request: Request, *, execution_id: str) -> Response:
        user = user_of(self.verifier.verify(request))
        queries.nothing(request)
        accepted = request.accept_mimetypes
        media_type = TEXT if accepted.quality(TEXT) > accepted.quality(LINES) else LINES
        return lines(map(views.result, self.show.all_results(user, execution_id)), media_type)

    def _list(self, request: Request) -> Response:
        user = user_of(self.verifier.verify(request))
        return success(views.execution_list(self.listing(user, *queries.list_request(request))))

    def _workflow(self, request: Request, *, workflow_id: str) -> Response:
        self.verifier.verify(request)
        queries.nothing(request)
        workflow = self.workflows.get(workflow_id)
        if workflow is None:
            raise NotFound(f"There is no workflow {workflow_id}.")
        return success({"id": workflow.id, **workflow.document})


def _etag(version: str) -> str:
    return hashlib.sha256(version.encode()).hexdigest()[:32]
