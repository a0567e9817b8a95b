"""One local stack for all end-to-end tests, started as a user starts it, and a client of its public API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.servers import local_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: An end-to-end test's batch is small; a machine with two busy cores may still take its time.
END_SECONDS = 120


@dataclass(frozen=True)
class Stack:
    """A running stack: its addresses, and the folder with its logs and images."""

    state: dict[str, str]
    folder: Path

    def __getattr__(self, name: str) -> str:
        """An address of the state file."""
        return self.state[name]

    def client(self, user: str) -> Client:
        """A client of the API who is this user."""
        answer = requests.get(f"{self.identity}/token", params={"user": user}, timeout=10)
        return Client(self, answer.json()["id_token"])

    def faults(self, **rule: Any) -> None:
        """Tell the model's stand-in how to fail."""
        requests.post(f"{self.gemini}/_local/faults", json=rule, timeout=10).raise_for_status()

    def calls(self, part: str) -> list[dict[str, Any]]:
        """The calls of the model so far whose prompt has this part, in the order they came."""
        calls = requests.get(f"{self.gemini}/_local/calls", timeout=10).json()
        found = [call for call in calls if part in (call["prompt"] or "")]
        return sorted(found, key=lambda call: float(call["start"]))

    def objects(self, prefix: str) -> list[dict[str, Any]]:
        """The objects in the bucket whose names begin so."""
        address = f"{self.storage}/storage/v1/b/{self.bucket}/o"
        answer = requests.get(address, params={"prefix": prefix, "maxResults": "2000"}, timeout=10).json()
        items: list[dict[str, Any]] = answer.get("items", [])
        return items


@dataclass(frozen=True)
class Client:
    """A user of the public API, through the gateway."""

    stack: Stack
    token: str

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request with the user's token."""
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return requests.request(method, f"{self.stack.gateway}{path}", headers=headers, timeout=60, **options)

    def submit(self, prompts: list[str], **fields: Any) -> dict[str, Any]:
        """Submit these prompts as JSON; the data of the 202."""
        body = {"prompts": prompts, "api_key": "a-key"} | fields
        answer = self.call("POST", f"/api/workflows/{self.stack.workflow_id}/execute", json=body)
        assert answer.status_code == 202, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def show(self, execution_id: str, **query: Any) -> dict[str, Any]:
        """How the execution stands."""
        answer = self.call("GET", f"/api/executions/{execution_id}", params=query)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def ended(self, execution_id: str) -> dict[str, Any]:
        """How the execution ended, once it has."""
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            shown = self.show(execution_id, limit=500)
            assert sum(shown["counts"].values()) == 2 * shown["counts"]["total"], "counts sum to the total, always"
            if shown["progress"] == 100:
                return shown
            time.sleep(0.3)
        raise AssertionError(f"not ended after {END_SECONDS} s: {shown['counts']}")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, with a quick queue, a quick model, and a first timeout of ten seconds for the model's calls."""
    folder = tmp_path_factory.mktemp("stack")
    options = ("--dispatch-rate", "20", "--gemini-latency", "0.05-0.2")
    settings = {"MODEL_TIMEOUT_SECONDS": "10", "WATCHDOG_INTERVAL_SECONDS": "2", "LOG_LEVEL": "debug"}
    with local_stack(folder, *options, **settings) as (_, state):
        yield Stack(state, folder)
