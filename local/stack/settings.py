"""The options of the local stack, the numbers of its queues, and its endpoints: the content of the state file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local.stack.ports import HOST
from local.supervision.errors import StackError

if TYPE_CHECKING:
    from local.stack.ports import Ports

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("submit", "generate", "status")

PROJECT = "image-factory-local"
LOCATION = "us-central1"
QUEUE = "image-generation"
BUCKET = f"{PROJECT}-images"
DATABASE = "(default)"
SECRET = "encryption-key"  # noqa: S105 - the secret's name, not the secret


@dataclass(frozen=True)
class Options:
    """The options of one run.

    `dispatch_rate` is in tasks a second; None takes the number of infra/queue.json. `latency` is the Gemini stand-in's,
    as `MIN-MAX` in seconds; None leaves it to the stand-in. `data_dir` keeps images and logs; None deletes both at the
    end. `gemini_url` replaces the stand-in by another Gemini API. `restart` restarts a function when it crashes. Pages
    of `cors_origins` may call, beside those of this machine.
    """

    ports: Ports
    dispatch_rate: float | None = None
    latency: str | None = None
    data_dir: Path | None = None
    state_file: Path | None = None
    gemini_url: str | None = None
    restart: bool = False
    cors_origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise StackError for a rate or a latency out of range."""
        if self.dispatch_rate is not None and not 0 < self.dispatch_rate <= 500:  # noqa: PLR2004 - Cloud Tasks' limit
            raise StackError("--dispatch-rate must be above 0 and at most 500 tasks a second.")
        if self.latency is not None and not _is_range(self.latency):
            raise StackError(f"--gemini-latency must be MIN-MAX in seconds, such as 1-3, not {self.latency}.")


def _is_range(text: str) -> bool:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", text)
    return match is not None and float(match[1]) <= float(match[2])


@dataclass(frozen=True)
class QueueNumbers:
    """The numbers of infra/queue.json or infra/watchdog-queue.json: rates in tasks a second, times in seconds."""

    max_dispatches_per_second: float
    max_concurrent_dispatches: int
    max_attempts: int
    min_backoff_seconds: float
    max_backoff_seconds: float
    max_doublings: int
    dispatch_deadline_seconds: float

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file; raises StackError if a number is missing."""
        numbers = read_json(path)
        try:
            return cls(**{name: numbers[name] for name in cls.__dataclass_fields__})
        except KeyError as error:
            raise StackError(f"{path} does not state {error}.") from error


@dataclass(frozen=True)
class Endpoints:
    """The addresses and names of a running stack: the content of the state file, key by key.

    Addresses of HTTP servers are URLs without a final slash, those of gRPC servers HOST:PORT. `queue` is a short id.
    """

    gateway: str
    submit: str
    generate: str
    status: str
    firestore: str
    storage: str
    bucket: str
    cloud_tasks: str
    cloud_tasks_rest: str
    secret_manager: str
    gemini: str
    identity: str
    project: str
    location: str
    queue: str
    workflow_id: str
    database: str

    @classmethod
    def of(cls, ports: Ports, gemini_url: str | None, workflow_id: str, database: str = DATABASE) -> Self:
        """Derive every address from the ports; `gemini_url` replaces the stand-in's."""
        return cls(
            gateway=url(ports.gateway),
            submit=url(ports.submit),
            generate=url(ports.generate),
            status=url(ports.status),
            firestore=f"{HOST}:{ports.firestore}",
            storage=url(ports.storage),
            bucket=BUCKET,
            cloud_tasks=f"{HOST}:{ports.cloud_tasks}",
            cloud_tasks_rest=url(ports.cloud_tasks_rest),
            secret_manager=f"{HOST}:{ports.secret_manager}",
            gemini=(gemini_url or url(ports.gemini)).rstrip("/"),
            identity=url(ports.identity),
            project=PROJECT,
            location=LOCATION,
            queue=QUEUE,
            workflow_id=workflow_id,
            database=database,
        )

    @property
    def queue_path(self) -> str:
        """The queue's full name, as the Cloud Tasks API spells it."""
        return f"projects/{self.project}/locations/{self.location}/queues/{self.queue}"

    @property
    def watchdog_queue_path(self) -> str:
        """The full name of the watchdogs' queue."""
        return f"{self.queue_path}-watchdog"


def url(port: int) -> str:
    """The address of an HTTP server on this machine."""
    return f"http://{HOST}:{port}"


def workflow_id(path: Path) -> str:
    """Read the workflow's id from its JSON file; raises StackError if it has none."""
    id_ = read_json(path).get("id")
    if not isinstance(id_, str):
        raise StackError(f"{path} does not state the workflow's id.")
    return id_


def read_json(path: Path) -> dict[str, Any]:
    """Read the object in a JSON file; raises StackError if there is none."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise StackError(f"{path} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise StackError(f"{path} must hold one JSON object.")
    return content
