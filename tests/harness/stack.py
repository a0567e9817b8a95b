"""A whole local stack in processes of its own, as a user starts it: its addresses, clients of it, what it stores."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import requests
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf.field_mask_pb2 import FieldMask

from local.stack.settings import ROOT
from tests.harness.servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A test's batch is small; a machine with two busy cores may still take its time, and more when others use them too.
BATCH_SECONDS = 240
STOP_SECONDS = 20
#: A quick queue, in tasks a second, and a quick model.
RATE = 40
QUICK = ("--dispatch-rate", str(RATE), "--gemini-latency", "0.05-0.2")


@dataclass(frozen=True)
class Stack:
    """A running stack: its process, its addresses, and the folder with its state file and its output."""

    process: subprocess.Popen[bytes]
    state: dict[str, str]
    folder: Path

    def __getattr__(self, name: str) -> str:
        """An address of the state file."""
        return self.state[name]

    @property
    def state_file(self) -> Path:
        """Where the addresses are published."""
        return self.folder / "state.json"

    def read_output(self) -> str:
        """What it has printed."""
        return (self.folder / "output.txt").read_text()

    def token(self, **query: str) -> str:
        """A token of the users' issuer."""
        answer = requests.get(f"{self.identity}/token", params=query, timeout=10)
        token: str = answer.json()["id_token"]
        return token

    def client(self, user: str = "ada") -> Client:
        """A client of the API who is this user."""
        return Client(self, self.token(user=user))

    def set_faults(self, **rule: Any) -> None:
        """Tell the model's stand-in how to fail."""
        requests.post(f"{self.gemini}/_local/faults", json=rule, timeout=10).raise_for_status()

    def list_calls(self, part: str) -> list[dict[str, Any]]:
        """The calls of the model so far whose prompt has this part, in the order they came."""
        calls = requests.get(f"{self.gemini}/_local/calls", timeout=30).json()
        matching = [call for call in calls if part in (call["prompt"] or "")]
        return sorted(matching, key=lambda call: float(call["start"]))

    def list_objects(self, prefix: str = "") -> list[dict[str, Any]]:
        """The objects in the bucket whose names begin so."""
        address = f"{self.storage}/storage/v1/b/{self.bucket}/o"
        answer = requests.get(address, params={"prefix": prefix, "maxResults": "5000"}, timeout=30).json()
        items: list[dict[str, Any]] = answer.get("items", [])
        return items

    def list_documents(self) -> list[dict[str, Any]]:
        """Every document in the database, as Firestore's REST API shows it."""
        root = f"projects/{self.project}/databases/{self.database}/documents"
        everything = {"structuredQuery": {"from": [{"allDescendants": True}]}}
        address, headers = f"http://{self.firestore}/v1/{root}:runQuery", {"Authorization": "Bearer owner"}
        answer = requests.post(address, json=everything, headers=headers, timeout=60)
        answer.raise_for_status()
        return [row["document"] for row in answer.json() if "document" in row]

    def list_deliveries(self) -> dict[str, Any]:
        """What the queues have delivered: how much in all, and the last deliveries."""
        deliveries: dict[str, Any] = requests.get(f"{self.cloud_tasks_rest}/_local/deliveries", timeout=30).json()
        return deliveries

    def order(self, verb: str) -> None:
        """Tell the prompts' queue what its operator would."""
        queue = f"projects/{self.project}/locations/{self.location}/queues/{self.queue}"
        requests.post(f"{self.cloud_tasks_rest}/v2/{queue}:{verb}", json={}, timeout=10).raise_for_status()

    def limit_concurrency(self, dispatches: int) -> None:
        """Let the prompts' queue have so many calls under way at once."""
        name = f"projects/{self.project}/locations/{self.location}/queues/{self.queue}"
        queue = tasks_v2.Queue(name=name, rate_limits={"max_concurrent_dispatches": dispatches})
        mask = FieldMask(paths=["rate_limits.max_concurrent_dispatches"])
        with grpc.insecure_channel(self.cloud_tasks) as channel:
            client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
            client.update_queue(queue=queue, update_mask=mask)

    def settle(self) -> None:
        """Wait until no queue has anything to do."""
        address, seconds = f"{self.cloud_tasks_rest}/_local/wait-idle", BATCH_SECONDS
        requests.post(address, params={"timeout": str(seconds)}, timeout=seconds + 10).raise_for_status()

    def execute(self, prompts: list[str]) -> str:
        """The id of an execution of these prompts that has ended, with its watchdog."""
        execution_id: str = self.client().submit(prompts)["execution_id"]
        self.settle()
        return execution_id

    def read_task_token(self) -> str:
        """The token with which the queue called generate last."""
        headers = {name.lower(): value for name, value in self.list_deliveries()["deliveries"][-1]["headers"].items()}
        return str(headers["authorization"]).removeprefix("Bearer ")

    def read_keys(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The public keys of the users' issuer and of the queue's."""
        addresses = f"{self.identity}/jwks.json", f"{self.cloud_tasks_rest}/oauth2/v3/certs"
        users, queues = (requests.get(address, timeout=10).json()["keys"][0] for address in addresses)
        return users, queues

    def read_stored(self) -> Stored:
        """Everything there is."""
        queues = requests.get(f"{self.cloud_tasks_rest}/_local/queues", timeout=10).json()
        return Stored(
            {one["name"]: hashlib.sha256(repr(one["fields"]).encode()).hexdigest() for one in self.list_documents()},
            {one["name"]: str(one["generation"]) for one in self.list_objects()},
            {one["name"]: one["tasks"] for one in queues["queues"]},
            self.list_deliveries()["total"],
        )

    def find_worker(self, function: str) -> Worker:
        """The process that serves this function's requests."""
        family = {pid for pid in _descendants(self.process.pid) if f"--target {function} " in _command(pid)}
        (worker,) = (pid for pid in family if not family & _descendants(pid))
        return Worker(worker)


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

    def wait(self, execution_id: str) -> dict[str, Any]:
        """How the execution ended, once it has."""
        deadline = time.monotonic() + BATCH_SECONDS
        while time.monotonic() < deadline:
            # A page of one result is quick to make, and to look at again and again.
            shown = self.show(execution_id, limit=1)
            assert sum(shown["counts"].values()) == 2 * shown["counts"]["total"], "counts sum to the total, always"
            if shown["progress"] == 100:
                return self.show(execution_id, limit=500)
            time.sleep(0.2)
        raise AssertionError(f"not ended after {BATCH_SECONDS} s: {shown['counts']}")


@dataclass(frozen=True)
class Stored:
    """What is stored: a digest by document, a generation by object, the number of tasks by queue, and of deliveries."""

    documents: dict[str, str]
    objects: dict[str, str]
    tasks: dict[str, int]
    deliveries: int


@dataclass(frozen=True)
class Worker:
    """A process, measured in MB (of 2**20 bytes)."""

    pid: int

    def memory(self) -> float:
        """What it holds now."""
        return self._status("VmRSS")

    def peak(self) -> float:
        """The most it held since `forget`."""
        return self._status("VmHWM")

    def forget(self) -> None:
        """Begin a new peak."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status(self, key: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))


@contextlib.contextmanager
def run_stack(folder: Path, *options: str, **settings: str) -> Iterator[Stack]:
    """A quick stack with these options and settings, until the block ends, if it has not ended before."""
    state_file, output = folder / "state.json", folder / "output.txt"
    command = [sys.executable, "-m", "local", "--free-ports", *QUICK, "--state-file", str(state_file), *options]
    with output.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | settings)  # noqa: S603 - our own
        try:
            wait_until(state_file.exists, process)
            yield Stack(process, json.loads(state_file.read_text()), folder)
        except AssertionError as failure:
            failure.add_note(output.read_text())
            raise
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)


def _descendants(pid: int) -> set[int]:
    own = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in own} | {one for child in own for one in _descendants(int(child))}


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
