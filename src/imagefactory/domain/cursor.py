"""Opaque marks that a client hands back to go on where it was."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from imagefactory.domain.execution import Progress

#: Two commits may become visible in another order than their times say, so a cursor looks back a little:
#: a change may be told twice, never not at all.
LOOK_BACK = timedelta(seconds=5)
#: Above every index; the store takes only integers of 64 bits.
INDEX_END = 1_000_000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ChangeCursor:
    """The place after the changes a client has seen.

    `at` is the moment to look from; `after` an index, where the last page ended among changes of that same moment;
    `version` the progress's version where the client had seen everything.
    """

    at: datetime
    after: int | None = None
    version: str = ""

    @classmethod
    def of(cls, progress: Progress) -> Self:
        """The place after all changes in this progress."""
        return cls(progress.updated_at - LOOK_BACK if progress.updated_at else _BEGINNING, version=progress.version)

    def encode(self) -> str:
        """The cursor as a URL-safe token."""
        text = json.dumps([self.at.isoformat(), self.after, self.version])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, token: str) -> Self:
        """The cursor that this token stands for.

        Raises:
            ValueError: it is no token of ours.
        """
        try:
            padded = token + "=" * (-len(token) % 4)
            at, after, version = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
            moment = datetime.fromisoformat(at)
            since = moment.astimezone(UTC)
        except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError) as wrong:
            raise ValueError("no such cursor") from wrong
        is_index = after is None or (type(after) is int and 0 <= after < INDEX_END)
        if moment.tzinfo is None or not is_index or not isinstance(version, str):
            raise ValueError("no such cursor")
        return cls(since, after, version)
