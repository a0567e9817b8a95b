"""Status: everything that is only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.adapters import firestore, storage
from imagefactory.adapters.signed_urls import PublicUrls, SignedUrls
from imagefactory.api.app import Api
from imagefactory.api.auth.tokens import TokenVerifier
from imagefactory.api.routes.status import StatusRoutes
from imagefactory.clock import SystemClock
from imagefactory.usecases.list_executions import ListExecutions
from imagefactory.usecases.status import ShowExecution

if TYPE_CHECKING:
    from imagefactory.ports import ImageUrls
    from imagefactory.settings import StatusSettings


def _links(settings: StatusSettings) -> ImageUrls:
    if settings.result_urls == "public":
        return PublicUrls(settings.bucket, settings.storage_url)
    return SignedUrls(storage.client(settings.project_id), settings.bucket, settings.signed_url_seconds)


def api(settings: StatusSettings) -> Api:
    """The function's HTTP face on real services."""
    database = firestore.client(settings.project_id, settings.database)
    executions = firestore.FirestoreExecutions(database)
    routes = StatusRoutes(
        verifier=TokenVerifier.from_jwks_url(
            settings.id_token_issuer,
            settings.id_token_audience,
            settings.id_token_jwks_url,
            not_before=settings.not_before,
        ),
        show=ShowExecution(
            executions=executions,
            image_urls=_links(settings),
            clock=SystemClock(),
            rate=settings.dispatch_rate,
        ),
        listing=ListExecutions(executions=executions),
        workflows=firestore.FirestoreWorkflows(database),
    )
    return Api(routes.routes(), settings.project_id, settings.origins)
