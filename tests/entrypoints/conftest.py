"""The three functions in process: the real framework around the real entry points, on ports in memory."""

from __future__ import annotations

import os
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
    from types import ModuleType

    from flask import Flask

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


def load_module(name: str) -> tuple[Flask, ModuleType]:
    """The framework's application of functions/NAME/main.py, and the module that it has loaded."""
    with pytest.MonkeyPatch.context() as undo:
        # The framework adds the function's folder and its module to these, for ever.
        undo.setattr(sys, "path", [*sys.path])
        undo.setitem(sys.modules, "main", sys)
        source = str(ROOT / "functions" / name / "main.py")
        app = functions_framework.create_app(name, source, "http")  # type: ignore[no-untyped-call] # it has no types
        return app, sys.modules["main"]


@pytest.fixture(scope="session")
def modules() -> dict[object, tuple[Flask, ModuleType]]:
    """What was loaded for other tests, by its name and environment."""
    return {}


@pytest.fixture
def load(
    environment: dict[str, str],
    issuer: Issuer,
    modules: dict[object, tuple[Flask, ModuleType]],
    monkeypatch: pytest.MonkeyPatch,
) -> Load:
    """Load functions/NAME/main.py as the framework does; `make_app(settings)` may stand for its wiring.

    What was loaded in the same environment by another test serves again, and puts its application together anew.
    """
    del environment
    own = set[object]()

    def load_function(name: str, make_app: Callable[[Any], Any] | None = None) -> Function:
        if make_app is None:
            return Function(load_module(name)[0], issuer)
        monkeypatch.setattr(f"imagefactory.wiring.{name}.app", make_app)
        key = name, frozenset(item for item in os.environ.items() if item[0] != "PYTEST_CURRENT_TEST")
        if key not in modules or key in own:
            modules[key] = load_module(name)
        own.add(key)
        app, module = modules[key]
        module.app.forget()
        return Function(app, issuer)

    return load_function


@pytest.fixture
def submit(load: Load, factory: HttpFactory) -> Function:
    return load("submit", factory.submit_app)


@pytest.fixture
def status(load: Load, factory: HttpFactory) -> Function:
    return load("status", factory.status_app)


@pytest.fixture
def generate(load: Load, factory: HttpFactory) -> Function:
    return load("generate", factory.generate_app)
