"""What only the real protocol can show: what a task says, and whom it calls."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from google.cloud import tasks_v2

from imagefactory.adapters import cloud_tasks as adapter
from imagefactory.domain.task import Task, first_check
from imagefactory.settings import GenerateSettings
from local.stack.credentials import write_service_account
from tests.contract.tasks.conftest import SERVICE_ACCOUNT, URL

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from imagefactory.adapters.cloud_tasks import CloudTasks

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
EXECUTION = "f8b20b59-7d06-4599-8413-64da74225b0c"


def tasks_of(count: int) -> list[Task]:
    return [Task(EXECUTION, index, 1, SOON) for index in range(count)]


class TestATask:
    def test_says_whom_to_call_when_as_whom_and_with_what(
        self, client: tasks_v2.CloudTasksClient, queues: tuple[str, str], cloud_tasks: CloudTasks
    ) -> None:
        task = Task(EXECUTION, 7, 2, SOON + timedelta(microseconds=250_000), generation=1)
        cloud_tasks.enqueue([task])

        found = client.get_task(
            request=tasks_v2.GetTaskRequest(name=f"{queues[0]}/tasks/{task.id}", response_view=tasks_v2.Task.View.FULL)
        )

        request = found.http_request
        assert (request.url, request.http_method) == (URL, tasks_v2.HttpMethod.POST)
        assert json.loads(request.body) == {"execution_id": EXECUTION, "batch_index": 7, "attempt": 2}
        assert request.headers["Content-Type"] == "application/json"
        assert request.oidc_token.service_account_email == SERVICE_ACCOUNT
        assert request.oidc_token.audience == URL
        assert found.schedule_time == task.schedule_at
        assert found.dispatch_deadline == timedelta(minutes=10)

    def test_of_a_watchdog_says_what_the_next_round_must_know(
        self, client: tasks_v2.CloudTasksClient, queues: tuple[str, str], cloud_tasks: CloudTasks
    ) -> None:
        check = first_check(EXECUTION, SOON, 60)
        cloud_tasks.enqueue_check(check)

        found = client.get_task(
            request=tasks_v2.GetTaskRequest(name=f"{queues[1]}/tasks/{check.id}", response_view=tasks_v2.Task.View.FULL)
        )

        assert json.loads(found.http_request.body) == {
            "execution_id": EXECUTION,
            "watch": {"since": SOON.isoformat(), "round": 1, "seen": "", "idle": 0},
        }
        assert found.schedule_time == SOON + timedelta(minutes=1)


def test_the_queue_is_found_by_the_settings(cloud_tasks_host: str, queues: tuple[str, str]) -> None:
    adapter.client.cache_clear()
    settings = GenerateSettings(
        project_id="contract",
        bucket="b",
        dispatch_rate=1.0,
        queue=queues[0],
        watchdog_queue=queues[1],
        generate_url=URL,
        tasks_service_account=SERVICE_ACCOUNT,
        encryption_key_secret="s",
        dispatch_deadline_seconds=600.0,
        cloud_tasks_emulator_host=cloud_tasks_host,
        gemini_api_url="g",
        tasks_issuer="i",
        tasks_jwks_url="j",
    )

    tasks = adapter.of(settings)
    tasks.enqueue(tasks_of(2))

    assert tasks.find_missing(tasks_of(3)) == tasks_of(3)[2:]
    adapter.client(cloud_tasks_host).transport.close()
    adapter.client.cache_clear()


def test_in_the_cloud_the_client_is_googles_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key_file = tmp_path / "key.json"
    write_service_account(key_file, "contract", "http://127.0.0.1:9/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    adapter.client.cache_clear()

    client = adapter.client()

    assert client.api_endpoint.endswith(".googleapis.com")
    assert adapter.client() is client
    client.transport.close()
    adapter.client.cache_clear()
