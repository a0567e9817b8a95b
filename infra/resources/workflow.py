"""Writes the workflow's configuration into Firestore, but never over somebody's edit unless told to.

Beside the document lies a mark: the digest of what the last deploy wrote. A document that still has that digest was not
edited in between. Both are written in one commit, on the condition that the document is as it was read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infra.settings import read_json

if TYPE_CHECKING:
    from infra.rest import Firestore
    from infra.settings import Settings

Fields = dict[str, Any]
_KINDS = {type(None): "nullValue", bool: "booleanValue", float: "doubleValue", str: "stringValue"}


def encode(value: Any) -> Fields:
    """A JSON value as Firestore writes it."""
    match value:
        case dict():
            return {"mapValue": {"fields": {name: encode(inner) for name, inner in value.items()}}}
        case list():
            return {"arrayValue": {"values": [encode(inner) for inner in value]}}
        case int() if not isinstance(value, bool):
            # 64 bits do not fit into every JSON reader's numbers.
            return {"integerValue": str(value)}
    return {_KINDS[type(value)]: value}


def decode(value: Fields) -> Any:
    """What `encode` was given."""
    ((kind, content),) = value.items()
    match kind:
        case "integerValue":
            return int(content)
        case "arrayValue":
            return [decode(inner) for inner in content.get("values", [])]
        case "mapValue":
            return {name: decode(inner) for name, inner in content.get("fields", {}).items()}
        case _:
            return content


def digest(document: Fields) -> str:
    """A document's fingerprint; the order of its fields does not count."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Stored:
    """The document in Firestore, None when there is none, its mark and its version."""

    document: Fields | None = None
    mark: str = ""
    version: str = ""

    def is_edited(self, desired: Fields) -> bool:
        """Whether somebody changed it since the last deploy, to something else than what is to be written."""
        return self.document not in (None, desired) and self.mark != digest(self.document or {})


def write(settings: Settings, firestore: Firestore) -> str:
    """Bring the document to what the file says; returns a sentence about what was done.

    Raises:
        RestError: Firestore refused.
    """
    file = read_json(settings["WORKFLOW_FILE"])
    name = f"{settings.database_path}/documents/workflows/{file['id']}"
    desired = {key: value for key, value in file.items() if key != "id"}
    stored = _read(settings, firestore, name)
    if stored.document == desired and stored.mark == digest(desired):
        return "the workflow's configuration is in place"
    if stored.is_edited(desired) and settings["WORKFLOW_EDITED"] == "keep":
        actual = stored.document or {}
        keys = sorted(key for key in {*actual, *desired} if actual.get(key) != desired.get(key))
        return (
            f"the workflow's configuration was edited in Firestore and is kept ({', '.join(keys)} differ from "
            f"{settings['WORKFLOW_FILE']}); WORKFLOW_EDITED=replace deploys the file"
        )
    firestore.post(f"{settings.database_path}/documents:commit", {"writes": _writes(name, desired, stored.version)})
    return "the workflow's configuration is written"


def _read(settings: Settings, firestore: Firestore, name: str) -> Stored:
    names = [name, f"{name}/deployed/last"]
    answer = firestore.post(f"{settings.database_path}/documents:batchGet", {"documents": names})
    documents = {row["found"]["name"]: row["found"] for row in answer if "found" in row}
    if name not in documents:
        return Stored()
    mark = decode({"mapValue": {"fields": documents.get(names[1], {}).get("fields", {})}}).get("sha256", "")
    return Stored(decode({"mapValue": {"fields": documents[name]["fields"]}}), mark, documents[name]["updateTime"])


def _writes(name: str, document: Fields, version: str) -> list[Fields]:
    mark = {"sha256": digest(document), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    unchanged = {"updateTime": version} if version else {"exists": False}
    return [
        {"update": {"name": name, "fields": encode(document)["mapValue"]["fields"]}, "currentDocument": unchanged},
        {"update": {"name": f"{name}/deployed/last", "fields": encode(mark)["mapValue"]["fields"]}},
    ]
