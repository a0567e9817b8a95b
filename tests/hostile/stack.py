"""A local stack in processes of its own, and what can be measured from outside: memory, and all that is stored."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.contract.emulators import a_database
from tests.servers import local_stack

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from google.cloud.firestore import Client as Database


@dataclass(frozen=True)
class Stack:
    """A running stack and its addresses."""

    process: subprocess.Popen[bytes]
    state: dict[str, str]

    def address(self, function: str) -> str:
        """Where a function listens."""
        return self.state[function]

    def token(self, **query: str) -> str:
        """A token of the users' issuer."""
        answer = requests.get(f"{self.state['identity']}/token", params=query, timeout=10)
        token: str = answer.json()["id_token"]
        return token

    def call(self, method: str, path: str, **request: Any) -> requests.Response:
        """A request as the user ada, through the gateway."""
        headers = {"Authorization": f"Bearer {self.token(user='ada')}"}
        return requests.request(method, self.state["gateway"] + path, headers=headers, timeout=60, **request)

    def executed(self, prompts: list[str]) -> str:
        """The id of an execution of these prompts that has ended, with its watchdog."""
        path = f"/api/workflows/{self.state['workflow_id']}/execute"
        answer = self.call("POST", path, json={"prompts": prompts, "api_key": "a-key"})
        assert answer.status_code == 202, answer.text
        self.settle()
        execution_id: str = answer.json()["data"]["execution_id"]
        return execution_id

    def settle(self) -> None:
        """Wait until no queue has anything to do."""
        address = f"{self.state['cloud_tasks_rest']}/_local/wait-idle"
        requests.post(address, params={"timeout": "60"}, timeout=70).raise_for_status()

    def task_token(self) -> str:
        """The token with which the queue called generate last."""
        deliveries = requests.get(f"{self.state['cloud_tasks_rest']}/_local/deliveries", timeout=10).json()
        headers = {name.lower(): value for name, value in deliveries["deliveries"][-1]["headers"].items()}
        return str(headers["authorization"]).removeprefix("Bearer ")

    def keys(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The public keys of the users' issuer and of the queue's."""
        addresses = f"{self.state['identity']}/jwks.json", f"{self.state['cloud_tasks_rest']}/oauth2/v3/certs"
        users, queues = (requests.get(address, timeout=10).json()["keys"][0] for address in addresses)
        return users, queues

    def stored(self) -> Stored:
        """Everything there is."""
        cloud = f"{self.state['storage']}/storage/v1/b/{self.state['bucket']}/o"
        objects = requests.get(cloud, params={"maxResults": "5000"}, timeout=10).json().get("items", [])
        queues = requests.get(f"{self.state['cloud_tasks_rest']}/_local/queues", timeout=10).json()
        deliveries = requests.get(f"{self.state['cloud_tasks_rest']}/_local/deliveries", timeout=10).json()
        with contextlib.closing(a_database(self.state["firestore"], self.state["project"])) as database:
            documents = dict(_documents(database))
        return Stored(
            documents,
            {one["name"]: str(one["generation"]) for one in objects},
            {one["name"]: one["tasks"] for one in queues["queues"]},
            deliveries["total"],
        )

    def worker(self, function: str) -> Worker:
        """The process that serves this function's requests."""
        found = {pid for pid in _children(self.process.pid) if f"--target {function} " in _command(pid)}
        (worker,) = (pid for pid in found if not found & _children(pid))
        return Worker(worker)


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
def a_stack(folder: Path) -> Iterator[Stack]:
    """A stack with a quick queue, a quick model and quick watchdogs, for as long as the block runs."""
    options = ("--dispatch-rate", "50", "--gemini-latency", "0.02-0.05")
    with local_stack(folder, *options, WATCHDOG_INTERVAL_SECONDS="1") as (process, state):
        yield Stack(process, state)


def _documents(database: Database) -> Iterator[tuple[str, str]]:
    waiting = list(database.collections())
    while waiting:
        # Documents without fields of their own are listed too, for what lies below them.
        for reference in waiting.pop().list_documents():
            snapshot = reference.get()
            yield reference.path, hashlib.sha256(repr(snapshot.to_dict()).encode()).hexdigest()
            waiting += reference.collections()


def _children(pid: int) -> set[int]:
    """All descendants of a process."""
    own = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in own} | {one for child in own for one in _children(int(child))}


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
