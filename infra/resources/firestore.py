"""The database's indexes, exemptions and TTL policies.

infra/firestore.indexes.json states them, in the format of Firebase's own tools.

Everything that no query asks for is exempt (`*`), so that a write costs no index entries. A field that is exempt may
still be part of a composite index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.settings import read_json

FILE = "infra/firestore.indexes.json"
#: How gcloud lists the parts of `Indexes`, but for the database.
LISTS = {
    "indexes": ("firestore", "indexes", "composite", "list"),
    "fields": ("firestore", "indexes", "fields", "list"),
    "ttls": ("firestore", "fields", "ttls", "list"),
}
Described = list[dict[str, Any]]


@dataclass(frozen=True)
class Addition:
    """What the database lacks. `kind` is index, field or ttl; `group` is a collection group.

    `fields` of an index are `PATH:ORDER` each; of a field or a TTL policy it is the one path. `orders` are those of a
    field; without any it is exempt.
    """

    kind: str
    group: str
    fields: tuple[str, ...]
    orders: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((*self.fields, *self.orders))

    @property
    def command(self) -> list[str]:
        """The words that add it with gcloud, but for the database."""
        if self.kind == "index":
            paths = [field.partition(":") for field in self.fields]
            flags = [f"--field-config=field-path={path},order={order}" for path, _, order in paths]
            words = ["indexes", "composite", "create", "--query-scope=collection", *flags]
        elif self.kind == "field":
            flags = [f"--index=order={order}" for order in self.orders] or ["--disable-indexes"]
            words = ["indexes", "fields", "update", *self.fields, *flags]
        else:
            words = ["fields", "ttls", "update", *self.fields, "--enable-ttl"]
        return ["firestore", *words, f"--collection-group={self.group}", "--async"]


@dataclass(frozen=True)
class Indexes:
    """What gcloud lists of a database: composite indexes, the fields' own indexes, TTL policies."""

    composite: Described
    fields: Described
    ttls: Described

    def additions(self) -> list[Addition]:
        """What is missing."""
        desired = read_json(FILE)
        actual = {_index(_place(index["name"])[0], index["fields"]) for index in self.composite}
        indexes = [_index(index["collectionGroup"], index["fields"]) for index in desired["indexes"]]
        return [
            *(index for index in indexes if index not in actual),
            *_missing_fields(desired["fieldOverrides"], self.fields),
            *_missing_ttls(desired["fieldOverrides"], self.ttls),
        ]

    def not_ready(self) -> list[str]:
        """What Google is still building, or has failed to build."""
        indexes = [index["name"] for index in self.composite if index.get("state") != "READY"]
        ttls = [ttl["name"] for ttl in self.ttls if ttl.get("ttlConfig", {}).get("state") not in (None, "ACTIVE")]
        return [
            *(f"an index on {_place(name)[0]}" for name in indexes),
            *(f"the TTL policy on {_place(name)[0]}" for name in ttls),
        ]


def differences(database: dict[str, Any], indexes: Indexes) -> list[str]:
    """What of the database is not as it should be."""
    faults = [
        f"{addition.kind} on {addition.group} {addition.fields[0]} is missing" for addition in indexes.additions()
    ]
    faults += [f"{part} is not ready yet (wait some minutes)" for part in indexes.not_ready()]
    if database.get("deleteProtectionState") != "DELETE_PROTECTION_ENABLED":
        faults.append("it can be deleted by accident (gcloud firestore databases update --delete-protection)")
    return faults


def _index(group: str, fields: Described) -> Addition:
    # Google adds the document's name to every index by itself.
    named = [field for field in fields if field["fieldPath"] != "__name__"]
    return Addition("index", group, tuple(f"{field['fieldPath']}:{field['order'].lower()}" for field in named))


def _missing_fields(overrides: Described, listed: Described) -> list[Addition]:
    actual = {_place(field["name"]): _orders(field["indexConfig"]) for field in listed if "indexConfig" in field}
    exempt = {rule["collectionGroup"] for rule in overrides if rule["fieldPath"] == "*" and not rule["indexes"]}
    missing = []
    for rule in overrides:
        group, path = rule["collectionGroup"], rule["fieldPath"]
        orders = tuple(index["order"].lower() for index in rule["indexes"])
        inherits = group in exempt and path != "*" and not orders
        if not inherits and actual.get((group, path)) != orders:
            missing.append(Addition("field", group, (path,), orders))
    return missing


def _orders(config: dict[str, Any]) -> tuple[str, ...] | None:
    if config.get("usesAncestorConfig"):
        return None
    return tuple(index["fields"][0].get("order", "contains").lower() for index in config.get("indexes", []))


def _missing_ttls(overrides: Described, listed: Described) -> list[Addition]:
    actual = {_place(field["name"]) for field in listed if field.get("ttlConfig")}
    places = [(rule["collectionGroup"], rule["fieldPath"]) for rule in overrides if rule.get("ttl")]
    return [Addition("ttl", group, (path,)) for group, path in places if (group, path) not in actual]


def _place(name: str) -> tuple[str, str]:
    """The collection group and the field of a resource's full name."""
    group, _, rest = name.partition("/collectionGroups/")[2].partition("/")
    return group, rest.partition("/")[2]
