"""The factory behind its three functions: what their wiring makes, with the ports of one factory under them all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imagefactory.adapters.pillow import PillowImageCodec
from imagefactory.api.app import create_app
from imagefactory.api.auth.tokens import TokenVerifier
from imagefactory.api.routes.generate import generate_routes
from imagefactory.api.routes.status import status_routes
from imagefactory.api.routes.submit import submit_routes
from imagefactory.domain.workflow import Workflow
from local.stack.settings import ROOT
from tests.harness.factory import Factory, Numbers, UseCases

if TYPE_CHECKING:
    from flask import Flask

    from imagefactory.settings import ApiSettings, GenerateSettings, StatusSettings, SubmitSettings

WORKFLOW = json.loads((ROOT / "infra/workflow.json").read_text())
RATE = 1.0
GENERATE_URL = "https://generate.test"
SERVICE_ACCOUNT = "queue@image-factory-test.iam.gserviceaccount.com"
PAGE, OTHER_PAGE = "https://page.test", "https://other.test"


class HttpFactory(Factory):
    """One store, one queue and one bucket under all three functions."""

    def __init__(self) -> None:
        workflow = Workflow.from_document(WORKFLOW["id"], WORKFLOW)
        super().__init__(workflow=workflow, reference_codec=PillowImageCodec(), rate=RATE)

    def submit_app(self, settings: SubmitSettings) -> Flask:
        """What wiring.submit makes."""
        numbers = Numbers(
            settings.dispatch_rate, settings.limits, settings.retention_days, settings.watchdog_interval_seconds
        )
        use_cases = UseCases(self.ports, numbers)
        routes = submit_routes(_verifier(settings), use_cases.submit, use_cases.cancel, use_cases.retry)
        return create_app(routes, settings.project_id, settings.origins)

    def status_app(self, settings: StatusSettings) -> Flask:
        """What wiring.status makes."""
        use_cases = UseCases(self.ports, Numbers(settings.dispatch_rate))
        routes = status_routes(_verifier(settings), use_cases.show, use_cases.list_executions, self.ports.workflows)
        return create_app(routes, settings.project_id, settings.origins)

    def generate_app(self, settings: GenerateSettings) -> Flask:
        """What wiring.generate makes."""
        verifier = TokenVerifier.from_jwks_url(settings.tasks_issuer, settings.generate_url, settings.tasks_jwks_url)
        numbers = Numbers(settings.dispatch_rate, watchdog_interval=settings.watchdog_interval_seconds)
        use_cases = UseCases(self.ports, numbers)
        routes = generate_routes(verifier, settings.tasks_service_account, use_cases.generate, use_cases.watchdog)
        return create_app(routes, settings.project_id)


def _verifier(settings: ApiSettings) -> TokenVerifier:
    return TokenVerifier.from_jwks_url(
        settings.id_token_issuer,
        settings.id_token_audience,
        settings.id_token_jwks_url,
        not_before=settings.not_before,
    )
