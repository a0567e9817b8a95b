"""Each function put together as in the cloud, on clients that have nobody to talk to: only what needs none is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from imagefactory.adapters import cloud_tasks, firestore, secret_manager, storage
from imagefactory.clock import SystemClock
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
