"""Submit: accept a batch, cancel it, retry it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.adapters import cloud_tasks, firestore, secret_manager, storage
from imagefactory.adapters.pillow import PillowImageCodec
from imagefactory.api.app import create_app
from imagefactory.api.auth.tokens import TokenVerifier
from imagefactory.api.routes.submit import submit_routes
from imagefactory.clock import SystemClock
from imagefactory.usecases.cancel import Cancel
from imagefactory.usecases.retry import Retry
from imagefactory.usecases.submit import Submit

if TYPE_CHECKING:
    from flask import Flask

    from imagefactory.settings import SubmitSettings


def app(settings: SubmitSettings) -> Flask:
    """The function's application, on real services."""
    database = firestore.client(settings.project_id, settings.database)
    executions = firestore.FirestoreExecutions(database)
    tasks = cloud_tasks.of(settings)
    encryption = secret_manager.of(settings)
    clock = SystemClock()
    reservations = firestore.FirestoreReservations(database)
    routes = submit_routes(
        verifier=TokenVerifier.from_jwks_url(
            settings.id_token_issuer,
            settings.id_token_audience,
            settings.id_token_jwks_url,
            not_before=settings.not_before,
        ),
        submit=Submit(
            workflows=firestore.FirestoreWorkflows(database),
            reservations=reservations,
            tasks=tasks,
            images=storage.CloudStorageImageStore(storage.client(settings.project_id), settings.bucket),
            codec=PillowImageCodec(),
            encryption=encryption,
            clock=clock,
            limits=settings.limits,
            rate=settings.dispatch_rate,
            retention_days=settings.retention_days,
            watchdog_interval=settings.watchdog_interval_seconds,
        ),
        cancel=Cancel(executions=executions, tasks=tasks, clock=clock),
        retry=Retry(
            executions=executions,
            reservations=reservations,
            tasks=tasks,
            encryption=encryption,
            clock=clock,
            limits=settings.limits,
            rate=settings.dispatch_rate,
            watchdog_interval=settings.watchdog_interval_seconds,
        ),
    )
    return create_app(routes, settings.project_id, settings.origins)
