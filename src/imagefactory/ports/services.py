"""The services around the executions: time, configuration, the queue, the bucket, the encryption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from imagefactory.domain.execution import EncryptedSecret
    from imagefactory.domain.image import Provenance, StoredImage
    from imagefactory.domain.task import Task, WatchdogCheck
    from imagefactory.domain.workflow import Workflow
    from imagefactory.ports.images import DecodedImage


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


class Tasks(Protocol):
    """The queue."""

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Create these tasks. One that exists already, or existed, is left as it is."""
        ...

    def delete(self, tasks: Sequence[Task]) -> None:
        """Delete these tasks where they still wait."""
        ...

    def find_missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Those of these tasks that are not in the queue, under none of the names their recoveries gave them."""
        ...

    def enqueue_check(self, check: WatchdogCheck) -> None:
        """Create this check of a watchdog, in the watchdogs' own queue, unless it exists or existed."""
        ...


class ImageStore(Protocol):
    """The bucket."""

    def put_reference(self, execution_id: str, number: int, image: DecodedImage) -> str:
        """Store a reference image; returns its object's name. What is there already is never overwritten."""
        ...

    def reference(self, name: str) -> bytes:
        """The bytes of a reference image."""
        ...

    def put(self, execution_id: str, index: int, image: DecodedImage, provenance: Provenance) -> StoredImage:
        """Store the image of this prompt, once: when one is there already, that one is returned."""
        ...

    def find(self, execution_id: str, index: int) -> StoredImage | None:
        """The image of this prompt, if an earlier attempt stored it."""
        ...


class ImageUrls(Protocol):
    """Addresses under which a client fetches images."""

    def urls(self, images: Sequence[StoredImage], now: datetime) -> list[tuple[str, datetime | None]]:
        """The images' addresses, and when each stops working (None: never)."""
        ...

    def window(self, now: datetime) -> str:
        """A mark that changes when addresses handed out before should be replaced."""
        ...


class Encryption(Protocol):
    """Encrypts what must not be readable at rest."""

    def encrypt(self, secret: str, context: str) -> EncryptedSecret:
        """Encrypt; only the same `context` opens it again."""
        ...

    def decrypt(self, encrypted: EncryptedSecret, context: str) -> str:
        """Decrypt.

        Raises:
            ValueError: the key's version is gone, or this is not what was encrypted in that context.
        """
        ...
