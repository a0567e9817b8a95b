"""The database's indexes, exemptions and TTL policies.

infra/firestore.indexes.json states them, in the format of Firebase's own tools.

Everything that no query asks for is exempt (`*`), so that a write costs no index entries. A field that is exempt may
still be part of a composite index.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from infra.plan.settings import read_json

FILE = "infra/firestore.indexes.json"
Described = list[dict[str, Any]]


def todo(indexes: Described, fields: Described, ttls: Described) -> list[tuple[str, str, str, str]]:
    """What is missing: what to make (index, field or ttl), the collection group, the field or first field, the rest.

    The arguments are what gcloud lists. A field is followed by its orders, an index by its other fields; a field of an
    index has its order behind a colon.
    """
    wanted = read_json(FILE)
    there = {_index(_group(one["name"]), one["fields"]) for one in indexes}
    composite = [_index(one["collectionGroup"], one["fields"]) for one in wanted["indexes"]]
    return [
        *(("index", one[0], one[1], " ".join(one[2:])) for one in composite if one not in there),
        *_fields(wanted["fieldOverrides"], fields),
        *_ttls(wanted["fieldOverrides"], ttls),
    ]


def not_ready(indexes: Described, ttls: Described) -> list[str]:
    """What Google is still building, or has failed to build."""
    found = [f"an index on {_group(one['name'])}" for one in indexes if one.get("state") != "READY"]
    policies = [one for one in ttls if one.get("ttlConfig", {}).get("state") not in (None, "ACTIVE")]
    return found + [f"the TTL policy on {_group(one['name'])}" for one in policies]


def _index(group: str, fields: Described) -> tuple[str, ...]:
    # Google adds the document's name to every index by itself.
    named = [one for one in fields if one["fieldPath"] != "__name__"]
    return (group, *(f"{one['fieldPath']}:{one['order'].lower()}" for one in named))


def _fields(overrides: Described, listed: Described) -> list[tuple[str, str, str, str]]:
    there = {_place(one["name"]): _orders(one["indexConfig"]) for one in listed if "indexConfig" in one}
    exempt = {one["collectionGroup"] for one in overrides if one["fieldPath"] == "*" and not one["indexes"]}
    found = []
    for one in overrides:
        place, orders = (one["collectionGroup"], one["fieldPath"]), [each["order"].lower() for each in one["indexes"]]
        inherits = place[0] in exempt and place[1] != "*" and not orders
        if not inherits and there.get(place) != orders:
            found.append(("field", *place, " ".join(orders)))
    return found


def _orders(config: dict[str, Any]) -> list[str] | None:
    if config.get("usesAncestorConfig"):
        return None
    return [one["fields"][0].get("order", "contains").lower() for one in config.get("indexes", [])]


def _ttls(overrides: Described, listed: Described) -> list[tuple[str, str, str, str]]:
    there = {_place(one["name"]) for one in listed if one.get("ttlConfig")}
    places = [(one["collectionGroup"], one["fieldPath"]) for one in overrides if one.get("ttl")]
    return [("ttl", *place, "") for place in places if place not in there]


def _group(name: str) -> str:
    return _place(name)[0]


def _place(name: str) -> tuple[str, str]:
    group, _, rest = name.partition("/collectionGroups/")[2].partition("/")
    return group, rest.partition("/")[2]


def main() -> int:
    """Print what is missing, a line of four tab-separated words each; the arguments are gcloud's lists in files."""
    lists = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    sys.stdout.writelines("\t".join(line) + "\n" for line in todo(*lists))
    return 0


if __name__ == "__main__":
    sys.exit(main())
