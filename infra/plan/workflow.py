"""Writes the workflow's configuration into Firestore, but never over somebody's edit unless told to.

Beside the document lies a mark: the digest of what the last deploy wrote. A document that still has that digest was not
edited in between. Both are written in one commit, on the condition that the document is as it was read.
"""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from typing import Any

from infra.plan.rest import RestError, firestore
from infra.plan.settings import Settings, read_json

Fields = dict[str, Any]
_KINDS = {type(None): "nullValue", bool: "booleanValue", float: "doubleValue", str: "stringValue"}


def encoded(value: Any) -> Fields:
    """A JSON value as Firestore writes it."""
    match value:
        case dict():
            return {"mapValue": {"fields": {name: encoded(one) for name, one in value.items()}}}
        case list():
            return {"arrayValue": {"values": [encoded(one) for one in value]}}
        case int() if not isinstance(value, bool):
            # 64 bits do not fit into every JSON reader's numbers.
            return {"integerValue": str(value)}
    return {_KINDS[type(value)]: value}


def decoded(value: Fields) -> Any:
    """What `encoded` was given."""
    ((kind, content),) = value.items()
    match kind:
        case "integerValue":
            return int(content)
        case "arrayValue":
            return [decoded(one) for one in content.get("values", [])]
        case "mapValue":
            return {name: decoded(one) for name, one in content.get("fields", {}).items()}
        case _:
            return content


def digest(document: Fields) -> str:
    """A document's fingerprint; the order of its fields does not count."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def write(settings: Settings) -> str:
    """Bring the document to what the file says; returns a sentence about what was done.

    Raises:
        RestError: Firestore refused.
    """
    file = read_json(settings["WORKFLOW_FILE"])
    name = f"{settings.database_path}/documents/workflows/{file['id']}"
    wanted = {key: value for key, value in file.items() if key != "id"}
    there, mark, version = _read(settings, name)
    if there == wanted and mark == digest(wanted):
        return "the workflow's configuration is in place"
    edited = there is not None and there != wanted and mark != digest(there)
    if edited and settings["WORKFLOW_EDITED"] == "keep":
        changed = sorted(key for key in {*there, *wanted} if there.get(key) != wanted.get(key))
        return (
            f"the workflow's configuration was edited in Firestore and is kept ({', '.join(changed)} differ from "
            f"{settings['WORKFLOW_FILE']}); WORKFLOW_EDITED=replace deploys the file"
        )
    _commit(settings, name, wanted, version)
    return "the workflow's configuration is written"


def _read(settings: Settings, name: str) -> tuple[Any, str, str]:
    """The document (None when there is none), its mark and its version."""
    names = [name, f"{name}/deployed/last"]
    answer = firestore(f"{settings.database_path}/documents:batchGet", {"documents": names})
    found = {one["found"]["name"]: one["found"] for one in answer if "found" in one}
    if name not in found:
        return None, "", ""
    mark = decoded({"mapValue": {"fields": found.get(names[1], {}).get("fields", {})}}).get("sha256", "")
    return decoded({"mapValue": {"fields": found[name]["fields"]}}), mark, found[name]["updateTime"]


def _commit(settings: Settings, name: str, document: Fields, version: str) -> None:
    mark = {"sha256": digest(document), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    unchanged = {"updateTime": version} if version else {"exists": False}
    writes = [
        {"update": {"name": name, "fields": encoded(document)["mapValue"]["fields"]}, "currentDocument": unchanged},
        {"update": {"name": f"{name}/deployed/last", "fields": encoded(mark)["mapValue"]["fields"]}},
    ]
    firestore(f"{settings.database_path}/documents:commit", {"writes": writes})


def main() -> int:
    """Write it, and say what was done."""
    try:
        sys.stdout.write(f"  {write(Settings.from_env())}\n")
    except RestError as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
