"""Which versions of the encryption key nothing needs any more.

A version is needed while it is the newest, for a while after (instances of submit remember the newest for a minute, and
a submit under way has encrypted its key before anybody can see its execution), and as long as the key of an open
execution was encrypted with it. An execution that has ended keeps no key.
"""

from __future__ import annotations

import itertools
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.rest import Firestore
    from infra.settings import Settings

GRACE = timedelta(minutes=10)
KEY_BYTES = 32
PAGE = 300


def new_key() -> bytes:
    """A random key."""
    return secrets.token_bytes(KEY_BYTES)


def unneeded_versions(versions: list[dict[str, Any]], in_use: set[str], now: datetime) -> tuple[list[str], list[str]]:
    """The numbers of versions that can be disabled, and a sentence for each older one that cannot."""
    newest_first = sorted(versions, key=lambda version: int(_number(version["name"])), reverse=True)
    free, kept = [], []
    for newer, version in itertools.pairwise(newest_first):
        number = _number(version["name"])
        if number in in_use:
            kept.append(f"Version {number} stays: open executions were encrypted with it. Sweep when they have ended.")
        elif now - _moment(newer["createTime"]) < GRACE:
            minutes = GRACE.total_seconds() / 60
            kept.append(f"Version {number} stays: it was in use until just now. Sweep in {minutes:.0f} minutes.")
        else:
            free.append(number)
    return free, kept


def versions_in_use(settings: Settings, firestore: Firestore) -> set[str]:
    """The numbers of the versions with which open executions were encrypted.

    Raises:
        RestError: Firestore refused.
    """
    in_use: set[str] = set()
    after = ""
    while True:
        page = firestore.post(f"{settings.database_path}/documents:runQuery", {"structuredQuery": _query(after)})
        documents = [row["document"] for row in page if "document" in row]
        for document in documents:
            sealed = document.get("fields", {}).get("sealed_key", {}).get("mapValue", {}).get("fields", {})
            if sealed:
                in_use.add(_number(sealed["key_version"]["stringValue"]))
        if len(documents) < PAGE:
            return in_use
        after = documents[-1]["name"]


def _query(after: str) -> dict[str, Any]:
    is_open = {"field": {"fieldPath": "state"}, "op": "EQUAL", "value": {"stringValue": "open"}}
    query: dict[str, Any] = {
        "select": {"fields": [{"fieldPath": "sealed_key.key_version"}]},
        "from": [{"collectionId": "executions"}],
        "where": {"fieldFilter": is_open},
        "orderBy": [{"field": {"fieldPath": "__name__"}}],
        "limit": PAGE,
    }
    return query | ({"startAt": {"values": [{"referenceValue": after}], "before": False}} if after else {})


def _number(name: str) -> str:
    return name.rpartition("/")[2]


def _moment(text: str) -> datetime:
    # Google tells nanoseconds, which Python's datetime does not take.
    return datetime.fromisoformat(text.rstrip("Z").partition(".")[0].partition("+")[0]).replace(tzinfo=UTC)
