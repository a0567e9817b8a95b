"""Each function put together as in the cloud, on clients that have nobody to talk to: only what needs none is asked."""

from __future__ import annotations

import inspect
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask

from imagefactory.adapters import cloud_tasks, firestore, secret_manager, storage
from imagefactory.adapters.gemini import GeminiModel
from imagefactory.adapters.pillow import PillowImageCodec
from imagefactory.adapters.signed_urls import PublicUrls, SignedUrls
from imagefactory.api.app import Once
from imagefactory.clock import SystemClock
from imagefactory.domain.limits import Limits
from imagefactory.domain.retry import RetryPolicy
from imagefactory.settings import GenerateSettings, StatusSettings, SubmitSettings
from imagefactory.wiring import generate, status, submit
from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, NOBODY_HAS, error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.entrypoints.function import Load

# Port 9 is "discard": nothing listens there.
NOBODY = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def clients(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clients of services without TLS and without credentials; closed and forgotten afterwards."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", NOBODY)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{NOBODY}")
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", NOBODY)
    monkeypatch.setenv("SECRET_MANAGER_EMULATOR_HOST", NOBODY)
    makers = (cloud_tasks.client, firestore.client, secret_manager.client, storage.client)
    for maker in makers:
        maker.cache_clear()
    yield
    firestore.client(environment["PROJECT_ID"], "(default)").close()
    storage.client(environment["PROJECT_ID"]).close()
    cloud_tasks.client(NOBODY).transport.close()
    secret_manager.client(NOBODY).transport.close()
    for maker in makers:
        maker.cache_clear()


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("submit", "POST", EXECUTE),
        ("submit", "POST", f"/api/executions/{NOBODY_HAS}/cancel"),
        ("submit", "POST", f"/api/executions/{NOBODY_HAS}/retry"),
        ("status", "GET", "/api/executions"),
        ("status", "GET", f"/api/executions/{NOBODY_HAS}"),
        ("status", "GET", f"/api/executions/{NOBODY_HAS}/results.jsonl"),
        ("status", "GET", f"/api/workflows/{NOBODY_HAS}"),
        ("generate", "POST", "/"),
    ],
)
def test_a_function_serves_its_routes_to_those_with_a_token(load: Load, name: str, method: str, path: str) -> None:
    function = load(name)

    answer = function.ask(method, path, user=None, json=LIGHTHOUSE)

    error_of(answer, 401, "UNAUTHENTICATED")


def test_users_tokens_open_nothing_at_generate(load: Load) -> None:
    error_of(load("generate").post("/", json={}), 401, "UNAUTHENTICATED")


def test_requests_that_come_together_share_one_application() -> None:
    made: list[Flask] = []
    together = threading.Barrier(8)

    def make() -> Flask:
        time.sleep(0.05)
        made.append(Flask("made"))
        return made[-1]

    app = Once(make)

    def ask(_number: int) -> Flask:
        together.wait()
        return app()

    with ThreadPoolExecutor(8) as pool:
        apps = list(pool.map(ask, range(8)))

    assert apps == made * 8


def test_an_application_that_cannot_be_made_is_tried_again() -> None:
    attempts: list[Exception] = [RuntimeError("not yet")]

    def make() -> Flask:
        if attempts:
            raise attempts.pop()
        return Flask("made")

    app = Once(make)

    with pytest.raises(RuntimeError):
        app()
    assert app() is app()


def test_a_function_is_put_together_once(load: Load) -> None:
    status = load("status")
    status.get("/nowhere")
    before = firestore.client.cache_info()

    status.get("/nowhere")

    assert firestore.client.cache_info() == before


def test_public_addresses_need_no_client_of_the_bucket(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESULT_URLS", "public")

    error_of(load("status").get("/nowhere"), 404, "NOT_FOUND")

    assert storage.client.cache_info().currsize == 0


def test_signed_addresses_are_the_usual_ones(load: Load) -> None:
    error_of(load("status").get("/nowhere"), 404, "NOT_FOUND")

    assert storage.client.cache_info().currsize == 1


def test_the_clock_tells_the_time_in_utc() -> None:
    now = SystemClock().now()

    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)


#: Settings of which each is another than its default.
UNUSUAL = {
    "DISPATCH_RATE": "0.5",
    "RETENTION_DAYS": "7",
    "WATCHDOG_SECONDS": "90",
    "MAX_EXECUTIONS_PER_USER": "3",
    "MAX_PROMPTS_PER_USER": "4",
    "MODEL_TIMEOUT_SECONDS": "70",
    "GATE": "5",
    "SIGNED_URL_SECONDS": "120",
    "ID_TOKENS_NOT_BEFORE": "2026-11-22T15:04:05Z",
    "K_SERVICE": "",
}
NOT_BEFORE = datetime(2026, 11, 22, 15, 4, 5, tzinfo=UTC)
LIMITS = Limits(executions=3, prompts=4)


def parts_of(app: Flask) -> dict[str, Any]:
    """What the routes of an application were made on, by name."""
    parts: dict[str, Any] = {}
    for route in app.view_functions.values():
        parts |= inspect.getclosurevars(route).nonlocals
    return parts


def insides(part: Any) -> dict[str, Any]:
    """The fields of a use case: adapters by their type, values as they are."""
    assert is_dataclass(part)
    values = {item.name: getattr(part, item.name) for item in fields(part)}
    return {
        name: type(value)
        if type(value).__module__.startswith(("imagefactory.adapters", "imagefactory.clock"))
        else value
        for name, value in values.items()
    }


@pytest.fixture
def unusual(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in UNUSUAL.items():
        monkeypatch.setenv(name, value)
    return environment


def test_submit_is_made_of_its_settings(unusual: dict[str, str]) -> None:
    parts = parts_of(submit.app(SubmitSettings.from_env()))

    assert insides(parts["submit"]) == {
        "workflows": firestore.FirestoreWorkflows,
        "reservations": firestore.FirestoreReservations,
        "tasks": cloud_tasks.CloudTasks,
        "images": storage.CloudStorageImageStore,
        "codec": PillowImageCodec,
        "encryption": secret_manager.SecretManagerEncryption,
        "clock": SystemClock,
        "limits": LIMITS,
        "rate": 0.5,
        "retention_days": 7,
        "watchdog_interval": 90,
    }
    assert insides(parts["cancel"]) == {
        "executions": firestore.FirestoreExecutions,
        "tasks": cloud_tasks.CloudTasks,
        "clock": SystemClock,
    }
    assert insides(parts["retry"]) == {
        "executions": firestore.FirestoreExecutions,
        "reservations": firestore.FirestoreReservations,
        "tasks": cloud_tasks.CloudTasks,
        "encryption": secret_manager.SecretManagerEncryption,
        "clock": SystemClock,
        "limits": LIMITS,
        "rate": 0.5,
        "watchdog_interval": 90,
    }
    assert_takes_users_tokens(parts["verifier"], unusual)


def test_status_is_made_of_its_settings(unusual: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    parts = parts_of(status.app(StatusSettings.from_env()))

    show = {"executions": firestore.FirestoreExecutions, "image_urls": SignedUrls, "clock": SystemClock, "rate": 0.5}
    assert insides(parts["show"]) == show
    assert insides(parts["list_executions"]) == {"executions": firestore.FirestoreExecutions}
    assert isinstance(parts["workflows"], firestore.FirestoreWorkflows)
    assert_takes_users_tokens(parts["verifier"], unusual)
    monkeypatch.setenv("RESULT_URLS", "public")
    assert insides(parts_of(status.app(StatusSettings.from_env()))["show"]) == show | {"image_urls": PublicUrls}


@pytest.mark.parametrize("guard", ["yes", "no"])
def test_generate_is_made_of_its_settings(unusual: dict[str, str], monkeypatch: pytest.MonkeyPatch, guard: str) -> None:
    monkeypatch.setenv("IAM_GUARDS_GENERATE", guard)

    parts = parts_of(generate.app(GenerateSettings.from_env()))

    assert insides(parts["generate"]) == {
        "executions": firestore.FirestoreExecutions,
        "tasks": cloud_tasks.CloudTasks,
        "images": storage.CloudStorageImageStore,
        "codec": PillowImageCodec,
        "model": GeminiModel,
        "encryption": secret_manager.SecretManagerEncryption,
        "clock": SystemClock,
        "retry": RetryPolicy(timeout_base=70, longest_base=420),
    }
    assert insides(parts["watchdog"]) == {
        "executions": firestore.FirestoreExecutions,
        "reservations": firestore.FirestoreReservations,
        "tasks": cloud_tasks.CloudTasks,
        "clock": SystemClock,
        "rate": 0.5,
        "interval": 90,
    }
    verifier = parts["verifier"]
    assert (verifier.issuer, verifier.audience) == (unusual["TASKS_ISSUER"], unusual["GENERATE_URL"])
    assert (verifier.guarded, verifier.not_before) == (guard == "yes", None)
    assert parts["service_account"] == unusual["TASKS_SERVICE_ACCOUNT"]


def assert_takes_users_tokens(verifier: Any, environment: dict[str, str]) -> None:
    assert verifier.issuer == environment["ID_TOKEN_ISSUER"]
    assert verifier.audience == environment["ID_TOKEN_AUDIENCE"]
    assert (verifier.guarded, verifier.not_before) == (False, NOT_BEFORE)
