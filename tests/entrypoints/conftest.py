"""The three functions in process: the real framework around the real entry points, on ports in memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import functions_framework
import pytest

from local.stack.settings import ROOT
from tests.entrypoints.apps import GENERATE_URL, OTHER_PAGE, PAGE, RATE, SERVICE_ACCOUNT, HttpFactory
from tests.entrypoints.function import Function
from tests.entrypoints.issuer import AUDIENCE, Issuer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.entrypoints.function import Load


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture
def factory() -> HttpFactory:
    return HttpFactory()


@pytest.fixture
def environment(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    variables = {
        "PROJECT_ID": "image-factory-test",
        "BUCKET": "images",
        "ID_TOKEN_ISSUER": issuer.url,
        "ID_TOKEN_AUDIENCE": AUDIENCE,
        "ID_TOKEN_JWKS_URL": issuer.jwks_url,
        "DISPATCH_RATE": str(RATE),
        "CORS_ORIGINS": f"{PAGE}, {OTHER_PAGE}",
        "QUEUE": "projects/image-factory-test/locations/us-central1/queues/images",
        "WATCHDOG_QUEUE": "projects/image-factory-test/locations/us-central1/queues/watchdog",
        "GENERATE_URL": GENERATE_URL,
        "TASKS_SERVICE_ACCOUNT": SERVICE_ACCOUNT,
        "ENCRYPTION_KEY_SECRET": "projects/image-factory-test/secrets/key",
        "DISPATCH_DEADLINE_SECONDS": "600",
        "GEMINI_API_URL": "https://gemini.test",
        "TASKS_ISSUER": issuer.url,
        "TASKS_JWKS_URL": issuer.jwks_url,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def load(environment: dict[str, str], issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load functions/NAME/main.py as the framework does; `make_app(settings)` may stand for its wiring."""
    del environment
    # The framework adds the function's folder and its module to these, for ever.
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "main", sys)

    def loaded(name: str, make_app: Callable[[Any], Any] | None = None) -> Function:
        if make_app:
            monkeypatch.setattr(f"imagefactory.wiring.{name}.app", make_app)
        source = str(ROOT / "functions" / name / "main.py")
        app = functions_framework.create_app(name, source, "http")  # type: ignore[no-untyped-call] # it has no types
        return Function(app, issuer)

    return loaded


@pytest.fixture
def submit(load: Load, factory: HttpFactory) -> Function:
    return load("submit", factory.submit_app)


@pytest.fixture
def status(load: Load, factory: HttpFactory) -> Function:
    return load("status", factory.status_app)


@pytest.fixture
def generate(load: Load, factory: HttpFactory) -> Function:
    return load("generate", factory.generate_app)
