"""What the use cases need of the outside world. Adapters keep these promises on real services, `testing` in memory.

Every method may raise `Unavailable` when the service behind it fails; nothing is then half done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from imagefactory.domain.provenance import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from imagefactory.domain.execution import Execution, ExecutionStatus, Prompt, Recipe, Sealed, Tally
    from imagefactory.domain.provenance import Provenance
    from imagefactory.domain.result import Result, ResultStatus, StoredImage
    from imagefactory.domain.task import Task, Watch
    from imagefactory.domain.workflow import Workflow


class Clock(Protocol):
    """The time of day."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        ...


class Workflows(Protocol):
    """The configurations of the workflows."""

    def get(self, workflow_id: str) -> Workflow | None:
        """The configuration, at most 60 s old; None when there is no such workflow."""
        ...


@dataclass(frozen=True, slots=True)
class Move:
    """One result's step from `before` (None: it had no document yet) to `after`.

    The store commits it together with the counters it moves, or not at all.
    """

    before: Result | None
    after: Result


@dataclass(frozen=True, slots=True)
class Moved:
    """What a commit of moves left: the results with their new versions, and how many of the execution have ended."""

    results: tuple[Result, ...]
    ended: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Who has an execution's id: ours, ready to be accepted, or another's."""

    execution: Execution
    is_ours: bool


class Submits(Protocol):
    """How an execution comes to be: reserved, given its prompts, accepted, enqueued."""

    def reserve(self, execution: Execution) -> Reservation:
        """Take the execution's id, unless it is taken: then nothing is written."""
        ...

    def take_over(self, stale: Execution, execution: Execution) -> Reservation:
        """Replace a reservation whose submit died.

        Raises:
            Conflict: somebody else did first.
        """
        ...

    def release(self, execution: Execution) -> None:
        """Give a reservation back that led to nothing; an execution past its commit point stays."""
        ...

    def expire(self, execution_id: str, now: datetime) -> None:
        """Delete a reservation whose time to be accepted is over, so that it never will be; one with time left stays.

        Raises:
            Conflict: it is past its commit point.
        """
        ...

    def write_prompts(self, execution: Execution, prompts: Sequence[Prompt]) -> tuple[int, ...]:
        """Store the prompts in chunks; returns the index of each chunk's first prompt."""
        ...

    def accept(self, execution: Execution) -> None:
        """The commit point: from here on the execution exists, with its counters at zero.

        Raises:
            Conflict: the reservation was taken over meanwhile.
        """
        ...

    def mark_enqueued(self, execution_id: str) -> None:
        """Note that every first task has been created."""
        ...

    def remaining(self, limit: int) -> Sequence[Tally]:
        """The tallies of up to `limit` executions that have not ended, for the estimate of time."""
        ...


class Executions(Protocol):
    """Executions and their results. An execution exists here from its commit point on."""

    def get(self, execution_id: str) -> Execution | None:
        """What was asked, and how it stands."""
        ...

    def load(self, execution_id: str, index: int) -> tuple[Execution | None, Result | None]:
        """An execution and one of its results; None for what does not exist (yet)."""
        ...

    def tally(self, execution_id: str) -> Tally | None:
        """The counters: one read."""
        ...

    def tallies(self, execution_ids: Sequence[str]) -> list[Tally]:
        """The counters of several executions, in their order; those that do not exist are left out."""
        ...

    def prompts(self, execution: Execution, indexes: Sequence[int]) -> dict[int, Prompt]:
        """The prompts with these indexes."""
        ...

    def move(self, execution: Execution, moves: Sequence[Move]) -> Moved:
        """Commit these steps and their counters at once.

        Raises:
            Conflict: a result was no longer as in `before`; nothing was written.
        """
        ...

    def results(self, execution_id: str, first: int, count: int) -> dict[int, Result]:
        """Those results with indexes from `first`, at most `count` of them on, that have a document."""
        ...

    def results_in(self, execution_id: str, statuses: Iterable[ResultStatus], first: int, limit: int) -> list[Result]:
        """Up to `limit` results in these states, by index, from `first` on. A result without a document is in none."""
        ...

    def results_since(
        self, execution_id: str, since: datetime, after: int | None, limit: int
    ) -> list[tuple[datetime, Result]]:
        """Up to `limit` results changed at or after `since`, oldest change first, each with the moment it changed.

        With `after`, results changed exactly at `since` begin behind that index.
        """
        ...

    def listed(
        self, user: str, closed: Sequence[ExecutionStatus | None] | None, before: datetime | None, limit: int
    ) -> list[Execution]:
        """Up to `limit` of the user's executions, newest first, created before `before`.

        With `closed`, only those noted to have ended in one of these ways; None among them stands for not ended.
        """
        ...

    def note_recovery(self, execution: Execution) -> Execution:
        """Count that lost tasks are about to be created anew.

        Raises:
            Conflict: the execution changed since it was read.
        """
        ...

    def request_cancel(self, execution_id: str) -> None:
        """Let no further attempt begin."""
        ...

    def reopen(self, execution: Execution, sealed_key: Sealed | None) -> None:
        """Let attempts begin again, with this key where one is given."""
        ...

    def close(self, execution: Execution, status: ExecutionStatus) -> None:
        """Note how the execution ended, and delete its encrypted key.

        Raises:
            Conflict: the execution changed since it was read.
        """
        ...


class Tasks(Protocol):
    """The queue."""

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Create these tasks. One that exists already, or existed, is left as it is."""
        ...

    def delete(self, tasks: Sequence[Task]) -> None:
        """Delete these tasks where they still wait."""
        ...

    def missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Those of these tasks that are not in the queue, under none of the names their recoveries gave them."""
        ...

    def watch(self, watch: Watch) -> None:
        """Create this round of a watchdog, in the watchdogs' own queue, unless it exists or existed."""
        ...


class Images(Protocol):
    """The bucket."""

    def put_reference(self, execution_id: str, number: int, picture: Picture) -> str:
        """Store a reference image; returns its object's name."""
        ...

    def reference(self, name: str) -> bytes:
        """The bytes of a reference image."""
        ...

    def put(self, execution_id: str, index: int, picture: Picture, made: Provenance) -> StoredImage:
        """Store the image of this prompt, once: when one is there already, that one is returned."""
        ...

    def find(self, execution_id: str, index: int) -> StoredImage | None:
        """The image of this prompt, if an earlier attempt stored it."""
        ...


class Links(Protocol):
    """Addresses under which a client fetches images."""

    def url(self, image: StoredImage, now: datetime) -> tuple[str, datetime | None]:
        """The image's address, and when it stops working (None: never)."""
        ...

    def window(self, now: datetime) -> str:
        """A mark that changes when addresses handed out before should be replaced."""
        ...


class PictureFormat(StrEnum):
    """The image formats the factory knows, by the extension of their files."""

    PNG = "png"
    JPG = "jpg"
    WEBP = "webp"

    @property
    def content_type(self) -> str:
        """The MIME type."""
        return "image/jpeg" if self is PictureFormat.JPG else f"image/{self.value}"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image whose bytes were opened: its format and its size in pixels."""

    data: bytes = field(repr=False)
    format: PictureFormat
    width: int
    height: int


class Pictures(Protocol):
    """Looks into images, and converts them."""

    def opened(self, data: bytes) -> Picture:
        """The image that these bytes are.

        Raises:
            ValueError: they are no whole PNG, JPEG or WebP image, or one too large to open; the message says which.
        """
        ...

    def converted(self, picture: Picture, wanted: PictureFormat) -> Picture:
        """The image in this format; itself where it already is."""
        ...


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the model is asked: one prompt, how its image is made, and the reference images as (MIME type, bytes)."""

    prompt: str
    recipe: Recipe
    references: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Generated:
    """What the model made: the bytes of one image with the MIME type it claims, and what it reported of it."""

    data: bytes = field(repr=False)
    content_type: str
    tokens: Tokens = field(default_factory=Tokens)
    model_version: str | None = None
    response_id: str | None = None


class Model(Protocol):
    """The provider's image model."""

    def generate(self, drawing: Drawing, api_key: str, timeout: float) -> AbstractContextManager[Generated]:
        """Make one image within `timeout` seconds; while it is in use, only so many others are.

        Raises:
            AttemptFailed: with the reason, and whether another attempt may help.
        """
        ...


class Vault(Protocol):
    """Encrypts what must not be readable at rest."""

    def seal(self, secret: str, context: str) -> Sealed:
        """Encrypt; only the same `context` opens it again."""
        ...

    def open(self, sealed: Sealed, context: str) -> str:
        """Decrypt.

        Raises:
            ValueError: the key's version is gone, or this is not what was sealed in that context.
        """
        ...
