"""The workflows' configurations, read again after a minute at the latest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from imagefactory.adapters.firestore.client import Layout
from imagefactory.adapters.google_errors import CALL_OPTIONS, translate_google_errors
from imagefactory.domain.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.cloud import firestore

MAX_AGE_SECONDS = 60.0


class FirestoreWorkflows:
    """The port Workflows on `workflows/{id}`. `monotonic` is the clock by which the cache ages, in seconds."""

    def __init__(self, database: firestore.Client, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._layout = Layout(database)
        self._monotonic = monotonic
        self._cached: dict[str, tuple[float, Workflow]] = {}

    def get(self, workflow_id: str) -> Workflow | None:
        """The configuration; one that is missing is not remembered."""
        now = self._monotonic()
        read_at, workflow = self._cached.get(workflow_id, (0.0, None))
        if workflow and now - read_at < MAX_AGE_SECONDS:
            return workflow
        with translate_google_errors():
            snapshot = self._layout.workflows.document(workflow_id).get(**CALL_OPTIONS)
        if not snapshot.exists:
            return None
        workflow = Workflow.from_document(workflow_id, snapshot.to_dict() or {})
        self._cached[workflow_id] = (now, workflow)
        return workflow
