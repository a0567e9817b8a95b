"""Generate: one task, one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.adapters import cloud_tasks, firestore, secret_manager, storage
from imagefactory.adapters.gemini import GeminiModel
from imagefactory.adapters.pillow import PillowImageCodec
from imagefactory.api.app import create_app
from imagefactory.api.auth.tokens import TokenVerifier
from imagefactory.api.routes.generate import generate_routes
from imagefactory.clock import SystemClock
from imagefactory.usecases.generate import Generate
from imagefactory.usecases.watchdog import Watchdog

if TYPE_CHECKING:
    from flask import Flask

    from imagefactory.settings import GenerateSettings


def app(settings: GenerateSettings) -> Flask:
    """The function's application, on real services."""
    database = firestore.client(settings.project_id, settings.database)
    executions = firestore.FirestoreExecutions(database)
    tasks = cloud_tasks.of(settings)
    clock = SystemClock()
    routes = generate_routes(
        verifier=TokenVerifier.from_jwks_url(
            settings.tasks_issuer,
            settings.generate_url,
            settings.tasks_jwks_url,
            guarded=settings.generate_requires_iam == "yes",
        ),
        service_account=settings.tasks_service_account,
        generate=Generate(
            executions=executions,
            tasks=tasks,
            images=storage.CloudStorageImageStore(storage.client(settings.project_id), settings.bucket),
            codec=PillowImageCodec(),
            model=GeminiModel(settings.gemini_api_url, max_decodes=settings.max_concurrent_decodes),
            encryption=secret_manager.of(settings),
            clock=clock,
            retry=settings.retry_policy,
        ),
        watchdog=Watchdog(
            executions=executions,
            reservations=firestore.FirestoreReservations(database),
            tasks=tasks,
            clock=clock,
            rate=settings.dispatch_rate,
            interval=settings.watchdog_interval_seconds,
        ),
    )
    return create_app(routes, settings.project_id)
