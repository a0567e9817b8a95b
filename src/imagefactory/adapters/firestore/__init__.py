"""Executions, results and workflows on Cloud Firestore.

workflows/{id}                        a workflow's configuration
executions/{id}                       what was asked, and how it stands
    prompts/{chunk}                   the prompts, packed
    results/{index}                   one per prompt that anything has happened to
    progress/counts                   the counters, moved only in the commits that move results
"""

from imagefactory.adapters.firestore.client import client
from imagefactory.adapters.firestore.executions import FirestoreExecutions
from imagefactory.adapters.firestore.reservations import FirestoreReservations
from imagefactory.adapters.firestore.workflows import FirestoreWorkflows

__all__ = ["FirestoreExecutions", "FirestoreReservations", "FirestoreWorkflows", "client"]
