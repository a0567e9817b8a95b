"""Executions and results on Firestore.

Counters are exact because they move only in the commit that moves a result, and that commit has a precondition on the
result: create it, or update it as it was read. Nothing reads a counter in order to write it, so a hundred attempts may
finish at once. `write_id` in a result names the commit that wrote it last: when a reply is lost, and the client's own
retry then fails on the precondition, the write_id tells our write from somebody else's.
"""

from __future__ import annotations

import functools
import uuid
from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.cloud import firestore
from google.cloud.firestore_v1.field_path import FieldPath

from imagefactory.adapters.firestore import codec
from imagefactory.adapters.firestore.client import Layout
from imagefactory.adapters.google_errors import CALL_OPTIONS, read_all, translate_google_errors
from imagefactory.domain.errors import Conflict
from imagefactory.domain.execution import EncryptedSecret, Execution, ExecutionStatus, Phase, Progress, Prompt
from imagefactory.domain.result import Result, ResultStatus
from imagefactory.ports import Applied, Reopened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.cloud.firestore_v1.base_document import DocumentSnapshot

    from imagefactory.ports import Transition

#: Chunks of prompts that a process remembers; each has at most 900 KB, and never changes.
MAX_CACHED_CHUNKS = 8
_NAME = FieldPath.document_id()


class FirestoreExecutions:
    """The port Executions."""

    def __init__(self, database: firestore.Client) -> None:
        self._database = database
        self._layout = Layout(database)
        self._chunk = functools.lru_cache(MAX_CACHED_CHUNKS)(self._read_chunk)

    def get(self, execution_id: str) -> Execution | None:
        """Read the execution's document."""
        with translate_google_errors():
            return _execution(self._layout.execution(execution_id).get(**CALL_OPTIONS))

    def load(self, execution_id: str, index: int) -> tuple[Execution | None, Result | None]:
        """Read both documents in one call."""
        execution, result = self._layout.execution(execution_id), self._layout.result(execution_id, index)
        with translate_google_errors():
            snapshots = read_all(functools.partial(self._database.get_all, [execution, result]))
            by_path = {snapshot.reference.path: snapshot for snapshot in snapshots}
        return _execution(by_path[execution.path]), _result(by_path[result.path])

    def read_progress(self, execution_id: str) -> Progress | None:
        """Read the counters."""
        with translate_google_errors():
            return _progress(execution_id, self._layout.counts(execution_id).get(**CALL_OPTIONS))

    def read_all_progress(self, execution_ids: Sequence[str]) -> list[Progress]:
        """Read the counters of several executions in one call."""
        if not execution_ids:
            return []
        names = {self._layout.counts(execution_id).path: execution_id for execution_id in execution_ids}
        with translate_google_errors():
            references = [self._layout.counts(execution_id) for execution_id in execution_ids]
            snapshots = read_all(functools.partial(self._database.get_all, references))
        by_id = {names[snapshot.reference.path]: snapshot for snapshot in snapshots}
        counted = (_progress(execution_id, by_id[execution_id]) for execution_id in execution_ids)
        return [progress for progress in counted if progress]

    def prompts(self, execution: Execution, indexes: Sequence[int]) -> dict[int, Prompt]:
        """Read the chunks that hold these prompts, unless they are remembered."""
        prompts = {}
        for index in indexes:
            number = bisect_right(execution.chunks, index) - 1
            prompts[index] = self._chunk(execution.id, execution.created_at, number)[index - execution.chunks[number]]
        return prompts

    def apply(self, execution: Execution, transitions: Sequence[Transition]) -> Applied:
        """Write results and counters in one commit."""
        return self._commit(self._database.batch(), execution, transitions, uuid.uuid4().hex)

    def reopen(
        self, execution: Execution, encrypted_key: EncryptedSecret | None, transitions: Sequence[Transition]
    ) -> Reopened:
        """Write the execution too, in the same commit: so its version is that of the results."""
        write_id = uuid.uuid4().hex
        batch = self._database.batch()
        option = self._database.write_option(last_update_time=execution.version)
        change = {"state": codec.OPEN, "cancel_requested": False, "sealed_key": codec.secret_document(encrypted_key)}
        batch.update(self._layout.execution(execution.id), change | {"write_id": write_id}, option=option)
        results = self._commit(batch, execution, transitions, write_id).results
        opened = replace(execution, final_status=None, cancel_requested=False, encrypted_key=encrypted_key)
        return Reopened(replace(opened, version=results[0].version), results)

    def _commit(self, batch: Any, execution: Execution, transitions: Sequence[Transition], write_id: str) -> Applied:
        """Commit the batch with these transitions and the counters that they change."""
        transforms = _transforms(transitions)
        batch.update(self._layout.counts(execution.id), transforms)
        for transition in transitions:
            self._write(batch, execution, transition, write_id)
        try:
            with translate_google_errors():
                counted, *written = batch.commit(**CALL_OPTIONS)[-1 - len(transitions) :]
        except Conflict:
            return self._resolve_lost_reply(execution, transitions, write_id)
        # A commit reports its transforms' results in the order of their fields' names.
        ended = counted.transform_results[sorted(transforms).index("ended")].integer_value
        versions = (result.update_time for result in written)
        return Applied(
            tuple(
                replace(transition.after, version=version)
                for transition, version in zip(transitions, versions, strict=True)
            ),
            ended,
        )

    def _write(self, batch: Any, execution: Execution, transition: Transition, write_id: str) -> None:
        reference = self._layout.result(execution.id, transition.after.index)
        document = codec.result_document(transition.after) | {
            "write_id": write_id,
            "updated_at": firestore.SERVER_TIMESTAMP,
            "expires_at": execution.expires_at,
        }
        if transition.before is None:
            batch.create(reference, document)
        else:
            option = self._database.write_option(last_update_time=transition.before.version)
            batch.update(reference, document, option=option)

    def _resolve_lost_reply(self, execution: Execution, transitions: Sequence[Transition], write_id: str) -> Applied:
        """Find out whether a commit that failed on its precondition had been ours all along."""
        counts = self._layout.counts(execution.id)
        references = [self._layout.result(execution.id, transition.after.index) for transition in transitions]
        with translate_google_errors():
            read = read_all(functools.partial(self._database.get_all, [counts, *references]))
        by_path = {snapshot.reference.path: snapshot for snapshot in read}
        snapshots = [by_path[reference.path] for reference in references]
        if any(not snapshot.exists or snapshot.get("write_id") != write_id for snapshot in snapshots):
            raise Conflict("a result was moved by somebody else")
        results = tuple(
            replace(transition.after, version=snapshot.update_time)
            for transition, snapshot in zip(transitions, snapshots, strict=True)
        )
        return Applied(results, by_path[counts.path].get("ended"))

    def results(self, execution_id: str, first: int, count: int) -> dict[int, Result]:
        """Query a range of document names: what has no document costs nothing."""
        start, end = self._layout.result(execution_id, first), self._layout.result(execution_id, first + count)
        query = self._layout.results(execution_id).where(filter=firestore.FieldFilter(_NAME, ">=", start))
        query = query.where(filter=firestore.FieldFilter(_NAME, "<", end)).order_by(_NAME)
        return {result.index: result for result in self._read_found(query)}

    def results_in(self, execution_id: str, statuses: Iterable[ResultStatus], first: int, limit: int) -> list[Result]:
        """Query by status, in the order of indexes."""
        wanted = [status.value for status in statuses]
        query = self._layout.results(execution_id).where(filter=firestore.FieldFilter("status", "in", wanted))
        query = query.order_by("index").start_at({"index": first}).limit(limit)
        return self._read_found(query)

    def results_since(
        self, execution_id: str, since: datetime, after: int | None, limit: int
    ) -> list[tuple[datetime, Result]]:
        """Query by the moment of change, then by index."""
        query = self._layout.results(execution_id).order_by("updated_at").order_by("index")
        if after is None:
            query = query.start_at({"updated_at": since, "index": 0})
        else:
            query = query.start_after({"updated_at": since, "index": after})
        with translate_google_errors():
            snapshots = read_all(query.limit(limit).stream)
        return [
            (snapshot.get("updated_at"), codec.result_of(snapshot.to_dict() or {}, snapshot.update_time))
            for snapshot in snapshots
        ]

    def list_by_user(
        self, user: str, final_statuses: Sequence[ExecutionStatus | None] | None, before: datetime | None, limit: int
    ) -> list[Execution]:
        """Query by owner and state, newest first."""
        ended = [status for status in ExecutionStatus if status.is_terminal]
        states = [status.value if status else codec.OPEN for status in final_statuses or [None, *ended]]
        query = self._layout.executions.where(filter=firestore.FieldFilter("user", "==", user))
        query = query.where(filter=firestore.FieldFilter("state", "in", states))
        query = query.order_by("created_at", direction=firestore.Query.DESCENDING)
        if before is not None:
            query = query.start_after({"created_at": before})
        with translate_google_errors():
            snapshots = read_all(query.limit(limit).stream)
        return [execution for snapshot in snapshots if (execution := _execution(snapshot))]

    def note_recovery(self, execution: Execution) -> Execution:
        """Count it, if the execution is still as it was read."""
        option = self._database.write_option(last_update_time=execution.version)
        recovery_count = execution.recovery_count + 1
        with translate_google_errors():
            reference = self._layout.execution(execution.id)
            written = reference.update({"recoveries": recovery_count}, option=option, **CALL_OPTIONS)
        return replace(execution, recovery_count=recovery_count, version=written.update_time)

    def request_cancel(self, execution_id: str) -> None:
        """Set the write_id that every claim reads."""
        with translate_google_errors():
            self._layout.execution(execution_id).update({"cancel_requested": True}, **CALL_OPTIONS)

    def close(self, execution: Execution, status: ExecutionStatus) -> None:
        """Note the status and overwrite the key, if the execution is still as it was read.

        The write_id makes it a new version even where nothing else changes.
        """
        option = self._database.write_option(last_update_time=execution.version)
        with translate_google_errors():
            change = {"state": status.value, "sealed_key": None, "write_id": uuid.uuid4().hex}
            self._layout.execution(execution.id).update(change, option=option, **CALL_OPTIONS)

    def _read_found(self, query: Any) -> list[Result]:
        with translate_google_errors():
            return [result for snapshot in read_all(query.stream) if (result := _result(snapshot))]

    def _read_chunk(self, execution_id: str, created_at: datetime, number: int) -> list[Prompt]:
        with translate_google_errors():
            document = self._layout.chunk(execution_id, created_at, number).get(**CALL_OPTIONS).to_dict() or {}
        texts = document["texts"]
        custom_ids = document["custom_ids"] or [None] * len(texts)
        return [Prompt(text, custom_id) for text, custom_id in zip(texts, custom_ids, strict=True)]


def _execution(snapshot: DocumentSnapshot[Any]) -> Execution | None:
    if not snapshot.exists:
        return None
    execution = codec.execution_of(snapshot.id, snapshot.to_dict() or {}, snapshot.update_time)
    return None if execution.phase is Phase.RESERVED else execution


def _result(snapshot: DocumentSnapshot[Any]) -> Result | None:
    return codec.result_of(snapshot.to_dict() or {}, snapshot.update_time) if snapshot.exists else None


def _progress(execution_id: str, snapshot: DocumentSnapshot[Any]) -> Progress | None:
    if not snapshot.exists:
        return None
    return codec.progress_of(execution_id, snapshot.to_dict() or {}, snapshot.update_time.rfc3339())


def _transforms(transitions: Sequence[Transition]) -> codec.Document:
    """How the counters change with these transitions."""
    deltas: Counter[str] = Counter({"ended": 0})
    for transition in transitions:
        before = transition.before or Result(transition.after.index)
        for result, step in ((before, -1), (transition.after, 1)):
            # Pending ones are what the others leave of the total, so they have no counter.
            if result.status is not ResultStatus.PENDING:
                deltas[result.status.value] += step
            deltas["ended"] += step * result.status.is_terminal
            deltas["cost_microusd"] += step * result.cost_microusd
    transforms: codec.Document = {name: firestore.Increment(delta) for name, delta in deltas.items()}
    if any(transition.after.status is ResultStatus.PROCESSING for transition in transitions):
        transforms["started_ms"] = firestore.Minimum(round(datetime.now(UTC).timestamp() * 1000))
    return transforms | {"updated_at": firestore.SERVER_TIMESTAMP}
