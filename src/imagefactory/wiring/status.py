"""Status: everything that is only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.adapters import firestore, storage
from imagefactory.adapters.signed_urls import PublicUrls, SignedUrls
from imagefactory.api.app import create_app
from imagefactory.api.auth.tokens import TokenVerifier
from imagefactory.api.routes.status import status_routes
from imagefactory.clock import SystemClock
from imagefactory.usecases.list_executions import ListExecutions
from imagefactory.usecases.status import ShowExecution

if TYPE_CHECKING:
    from flask import Flask

    from imagefactory.ports import ImageUrls
    from imagefactory.settings import StatusSettings


def _links(settings: StatusSettings) -> ImageUrls:
    if settings.result_urls == "public":
        return PublicUrls(settings.bucket, settings.storage_url)
    return SignedUrls(storage.client(settings.project_id), settings.bucket, settings.signed_url_seconds)


def app(settings: StatusSettings) -> Flask:
    """The function's application, on real services."""
    database = firestore.client(settings.project_id, settings.database)
    executions = firestore.FirestoreExecutions(database)
    routes = status_routes(
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
        list_executions=ListExecutions(executions=executions),
        workflows=firestore.FirestoreWorkflows(database),
    )
    return create_app(routes, settings.project_id, settings.origins)
