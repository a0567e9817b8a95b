"""The connection, and where everything lies."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from google.cloud import firestore

if TYPE_CHECKING:
    from datetime import datetime

    from google.cloud.firestore_v1.collection import CollectionReference
    from google.cloud.firestore_v1.document import DocumentReference


@functools.cache
def client(project: str, database: str) -> firestore.Client:
    """The process's client; honours FIRESTORE_EMULATOR_HOST by itself."""
    return firestore.Client(project=project, database=database)


class Layout:
    """Names of documents."""

    def __init__(self, database: firestore.Client) -> None:
        self.executions: CollectionReference = database.collection("executions")
        self.workflows: CollectionReference = database.collection("workflows")

    def execution(self, execution_id: str) -> DocumentReference:
        """What was asked."""
        reference: DocumentReference = self.executions.document(execution_id)
        return reference

    def counts(self, execution_id: str) -> DocumentReference:
        """The counters."""
        reference: DocumentReference = self.execution(execution_id).collection("progress").document("counts")
        return reference

    def chunk(self, execution_id: str, created_at: datetime, number: int) -> DocumentReference:
        """A chunk of prompts, numbered from 0, of the submit of this moment: a late one writes elsewhere."""
        reference: DocumentReference = (
            self.execution(execution_id).collection("prompts").document(f"{created_at.timestamp():.6f}-{number:03d}")
        )
        return reference

    def results(self, execution_id: str) -> CollectionReference:
        """All results that have a document."""
        collection: CollectionReference = self.execution(execution_id).collection("results")
        return collection

    def result(self, execution_id: str, index: int) -> DocumentReference:
        """One result; the names sort as the indexes do."""
        reference: DocumentReference = self.results(execution_id).document(f"{index:05d}")
        return reference
