"""Status: everything that is only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.adapters import firestore, storage
from imagefactory.api.auth import Tokens
from imagefactory.api.http import Api
from imagefactory.api.status import StatusRoutes
from imagefactory.clock import SystemClock
from imagefactory.usecases.listing import ListExecutions
from imagefactory.usecases.status import ShowExecution

if TYPE_CHECKING:
    from imagefactory.settings import StatusSettings


def api(settings: StatusSettings) -> Api:
    """The function's HTTP face on real services."""
    database = firestore.client(settings.project_id, settings.database)
    executions = firestore.FirestoreExecutions(database)
    routes = StatusRoutes(
        tokens=Tokens.of(
            settings.id_token_issuer,
            settings.id_token_audience,
            settings.id_token_jwks_url,
            not_before=settings.not_before,
        ),
        show=ShowExecution(
            executions=executions,
            links=storage.links_of(settings),
            clock=SystemClock(),
            rate=settings.dispatch_rate,
        ),
        listing=ListExecutions(executions=executions),
        workflows=firestore.FirestoreWorkflows(database),
    )
    return Api(routes.routes(), settings.project_id, settings.origins)
