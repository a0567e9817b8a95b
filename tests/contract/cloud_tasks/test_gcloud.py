"""The real gcloud, with a configuration folder of its own and no credentials."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.contract.cloud_tasks.support import Target, start_emulator, stop_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.contract.cloud_tasks.support import Emulator

QUEUE = "projects/demo-project/locations/us-central1/queues/q"


@pytest.fixture
def own_emulator() -> Iterator[Emulator]:
    emulator = start_emulator()
    yield emulator
    stop_emulator(emulator)


@pytest.fixture
def gcloud(own_emulator: Emulator, tmp_path: Path) -> Callable[..., str]:
    """Runs `gcloud tasks …` against the emulator and returns what it prints; fails when it fails."""
    program = shutil.which("gcloud")
    assert program, "these tests need the Google Cloud CLI"
    environment = os.environ | {
        "CLOUDSDK_CONFIG": str(tmp_path / "config"),
        "CLOUDSDK_CORE_PROJECT": "demo-project",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDTASKS": f"{own_emulator.rest_url}/",
    }

    def run(*words: str, fails: bool = False) -> str:
        command = [program, "tasks", *words, "--location=us-central1"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - gcloud
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    return run


def test_gcloud_manages_queues(gcloud: Callable[..., str]) -> None:
    gcloud("queues", "create", "q", "--max-dispatches-per-second=1", "--max-attempts=5", "--min-backoff=10s")
    again = gcloud("queues", "create", "q", fails=True)
    gcloud("queues", "update", "q", "--max-concurrent-dispatches=7", "--clear-max-attempts")
    described = yaml.safe_load(gcloud("queues", "describe", "q"))
    gcloud("queues", "pause", "q")
    listed = gcloud("queues", "list", "--format=value(name,state)")
    gcloud("queues", "resume", "q")
    gcloud("queues", "purge", "q")
    gcloud("queues", "add-iam-policy-binding", "q", "--member=user:a@example.com", "--role=roles/viewer")
    policy = yaml.safe_load(gcloud("queues", "get-iam-policy", "q"))
    gcloud("queues", "delete", "q")
    gone = gcloud("queues", "describe", "q", fails=True)

    assert "ALREADY_EXISTS: Queue already exists" in again
    assert described["rateLimits"] == {
        "maxBurstSize": 10,
        "maxConcurrentDispatches": 7,
        "maxDispatchesPerSecond": 1.0,
    }
    assert described["retryConfig"]["maxAttempts"] == 100
    assert described["retryConfig"]["minBackoff"] == "10s"
    assert listed.split()[1] == "PAUSED"
    assert policy["bindings"] == [{"members": ["user:a@example.com"], "role": "roles/viewer"}]
    assert "NOT_FOUND: Queue does not exist." in gone


def test_gcloud_manages_tasks(own_emulator: Emulator, gcloud: Callable[..., str], target: Target) -> None:
    own_emulator.call("POST", f"/v2/{QUEUE.rpartition('/')[0]}", {"name": QUEUE})
    own_emulator.call("POST", f"/v2/{QUEUE}:pause", {})
    arguments = ("--queue=q", f"--url={target.url}", "--header=X-Mine: 1", "--body-content=hello")

    gcloud("create-http-task", "t1", *arguments, "--oidc-service-account-email=a@example.com")
    gcloud("create-http-task", "t2", *arguments)
    listed = gcloud("list", "--queue=q", "--format=value(name)").split()
    described = yaml.safe_load(gcloud("describe", "t1", "--queue=q", "--response-view=full"))
    gcloud("run", "t1", "--queue=q")
    (received,) = target.wait_for(1)
    gcloud("delete", "t2", "--queue=q")
    left = gcloud("list", "--queue=q", "--format=value(name)").split()

    assert [name.rpartition("/")[2] for name in listed] == ["t1", "t2"]
    assert described["httpRequest"]["body"] == "aGVsbG8="
    assert received.body == b"hello"
    assert received.headers["X-Mine"] == "1"
    assert received.headers["Authorization"].startswith("Bearer ")
    assert left == []
