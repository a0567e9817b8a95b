"""How an execution comes to be, on Firestore."""

from __future__ import annotations

import functools
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from imagefactory.adapters.firestore import codec
from imagefactory.adapters.firestore.client import Layout
from imagefactory.adapters.google_errors import CALL_OPTIONS, read_all, translate_google_errors
from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import Phase
from imagefactory.domain.limits import InFlight
from imagefactory.ports import Reservation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from imagefactory.domain.execution import Execution, Progress, Prompt

#: A document may have 1 MiB, a commit 10 MiB, and the emulator's 4; the field names and the envelope take their part.
CHUNK_BYTES = 900_000
CHUNK_PROMPTS = 500
COMMIT_BYTES = 3_000_000


class FirestoreReservations:
    """The port Reservations.

    `write_id` in a document names its last write: it tells our write, whose reply was lost, from somebody else's.
    """

    def __init__(self, database: firestore.Client) -> None:
        self._database = database
        self._layout = Layout(database)

    def reserve(self, execution: Execution) -> Reservation:
        """Create the execution's document."""
        reference = self._layout.execution(execution.id)
        write_id = uuid.uuid4().hex
        try:
            with translate_google_errors():
                written = reference.create(codec.execution_document(execution) | {"write_id": write_id}, **CALL_OPTIONS)
        except Conflict:
            with translate_google_errors():
                snapshot = reference.get(**CALL_OPTIONS)
            # Released in between: the next request finds the id free.
            if not snapshot.exists:
                raise
            holder = codec.execution_of(execution.id, snapshot.to_dict() or {}, snapshot.update_time)
            return Reservation(holder, is_ours=snapshot.get("write_id") == write_id)
        return Reservation(replace(execution, version=written.update_time), is_ours=True)

    def take_over(self, stale: Execution, execution: Execution) -> Reservation:
        """Overwrite the dead submit's document, if it is still as it was read."""
        version = self._update(stale, codec.execution_document(execution))
        return Reservation(replace(execution, version=version), is_ours=True)

    def release(self, execution: Execution) -> None:
        """Delete the reservation, if it is still as it was made."""
        option = self._database.write_option(last_update_time=execution.version)
        try:
            with translate_google_errors():
                self._layout.execution(execution.id).delete(option=option, **CALL_OPTIONS)
        except Conflict:
            return

    def expire(self, execution_id: str, now: datetime) -> None:
        """Delete an overdue reservation, if it is still as it was read."""
        reference = self._layout.execution(execution_id)
        with translate_google_errors():
            snapshot = reference.get(**CALL_OPTIONS)
            if not snapshot.exists:
                return
            execution = codec.execution_of(execution_id, snapshot.to_dict() or {}, snapshot.update_time)
            if execution.phase is not Phase.RESERVED:
                raise Conflict("the execution exists")
            if execution.is_overdue(now):
                option = self._database.write_option(last_update_time=execution.version)
                reference.delete(option=option, **CALL_OPTIONS)

    def write_prompts(self, execution: Execution, prompts: Sequence[Prompt]) -> tuple[int, ...]:
        """Pack the prompts into as few documents, and these into as few commits, as the limits allow."""
        firsts: list[int] = []
        expiry = {"expires_at": execution.expires_at}
        batch, size = self._database.batch(), 0
        for number, (first, chunk) in enumerate(_chunks(prompts)):
            firsts.append(first)
            chunk_size = sum(_size(prompt) for prompt in chunk)
            if size + chunk_size > COMMIT_BYTES:
                self._commit(batch)
                batch, size = self._database.batch(), 0
            batch.set(self._layout.chunk(execution.id, execution.created_at, number), _chunk_document(chunk) | expiry)
            size += chunk_size
        self._commit(batch)
        return tuple(firsts)

    def accept(self, execution: Execution) -> None:
        """Write the execution and its counters in one commit."""
        counters: codec.Document = dict.fromkeys(
            ("processing", "completed", "failed", "blocked", "cancelled", "ended", "cost_microusd"), 0
        )
        facts = {"user": execution.user, "total": execution.prompt_count, "expires_at": execution.expires_at}
        self._update(
            execution,
            codec.execution_document(execution),
            counters=counters | facts | {"updated_at": firestore.SERVER_TIMESTAMP},
        )

    def mark_enqueued(self, execution_id: str) -> None:
        """Note the phase; nothing else changes."""
        with translate_google_errors():
            self._layout.execution(execution_id).update({"phase": "enqueued"}, **CALL_OPTIONS)

    def in_flight(self, user: str, besides: str, now: datetime) -> InFlight:
        """Read the user's open executions and reservations, and the counters of the former."""
        query = self._layout.executions.where(filter=firestore.FieldFilter("user", "==", user))
        query = query.where(filter=firestore.FieldFilter("state", "in", [codec.OPEN, codec.RESERVED]))
        # The order that the index has, of which the other queries for a user's executions make use.
        query = query.order_by("created_at", direction=firestore.Query.DESCENDING)
        with translate_google_errors():
            read = read_all(query.select(["state", "prompt_count", "accepting_until"]).stream)
        others = [snapshot for snapshot in read if snapshot.id != besides]
        running = [snapshot.id for snapshot in others if snapshot.get("state") == codec.OPEN]
        reserved = [
            snapshot
            for snapshot in others
            if snapshot.get("state") == codec.RESERVED and snapshot.get("accepting_until") > now
        ]
        prompts = sum(progress.total - progress.ended for progress in self._progress(running))
        prompts += sum(snapshot.get("prompt_count") for snapshot in reserved)
        return InFlight(len(running) + len(reserved), prompts)

    def count_pending_elsewhere(self, limit: int) -> list[int]:
        """Find the executions, then read their counters in one call."""
        query = self._layout.executions.where(filter=firestore.FieldFilter("state", "==", codec.OPEN))
        with translate_google_errors():
            snapshots = read_all(query.select([]).limit(limit).stream)
        return [progress.pending for progress in self._progress([snapshot.id for snapshot in snapshots])]

    def _progress(self, execution_ids: Sequence[str]) -> list[Progress]:
        names = [self._layout.counts(execution_id) for execution_id in execution_ids]
        with translate_google_errors():
            counts = read_all(functools.partial(self._database.get_all, names)) if names else []
        return [
            codec.progress_of("", snapshot.to_dict() or {}, snapshot.update_time.rfc3339())
            for snapshot in counts
            if snapshot.exists
        ]

    def _update(self, read: Execution, document: codec.Document, counters: codec.Document | None = None) -> object:
        reference = self._layout.execution(read.id)
        write_id = uuid.uuid4().hex
        batch = self._database.batch()
        option = self._database.write_option(last_update_time=read.version)
        batch.update(reference, document | {"write_id": write_id}, option=option)
        if counters is not None:
            batch.create(self._layout.counts(read.id), counters)
        try:
            with translate_google_errors():
                return batch.commit(**CALL_OPTIONS)[0].update_time
        except Conflict:
            with translate_google_errors():
                snapshot = reference.get(["write_id"], **CALL_OPTIONS)
            if not snapshot.exists or snapshot.get("write_id") != write_id:
                raise
            return snapshot.update_time

    def _commit(self, batch: Any) -> None:
        with translate_google_errors():
            batch.commit(**CALL_OPTIONS)


def _size(prompt: Prompt) -> int:
    return len(prompt.text.encode()) + len((prompt.custom_id or "").encode()) + 2


def _chunks(prompts: Sequence[Prompt]) -> Iterator[tuple[int, Sequence[Prompt]]]:
    first, size = 0, 0
    for index, prompt in enumerate(prompts):
        if index > first and (size + _size(prompt) > CHUNK_BYTES or index - first >= CHUNK_PROMPTS):
            yield first, prompts[first:index]
            first, size = index, 0
        size += _size(prompt)
    yield first, prompts[first:]


def _chunk_document(chunk: Sequence[Prompt]) -> codec.Document:
    custom_ids = [prompt.custom_id for prompt in chunk]
    return {
        "texts": [prompt.text for prompt in chunk],
        "custom_ids": custom_ids if any(custom_id is not None for custom_id in custom_ids) else None,
    }
