"""Firestore: databases, indexes, fields, and as much of documents as a deployment touches."""

from __future__ import annotations

from typing import Any

from tests.infra.cloud.routes import MOMENT, done, route
from tests.infra.cloud.world import Call, Json, Refused, World

TYPE = "type.googleapis.com/google.firestore.admin.v1."
DATABASE = r"/v1/(projects/[^/]+/databases/[^/]+)"
GROUP = DATABASE + r"/collectionGroups/([^/]+)"


@route("POST", r"/v1/(projects/[^/]+)/databases")
def create_database(world: World, call: Call) -> Json:
    name = f"{call.groups[0]}/databases/{call.query['databaseId']}"
    made = world.create(name, {**call.body, "uid": "u", "createTime": MOMENT})
    return done(f"{name}/operations/create", {"@type": TYPE + "Database", **made})


@route("GET", DATABASE)
def get_database(world: World, call: Call) -> Json:
    return world.get(call.groups[0])


@route("PATCH", DATABASE)
def patch_database(world: World, call: Call) -> Json:
    database = world.get(call.groups[0])
    database.update(call.body)
    return done(f"{call.groups[0]}/operations/update", {"@type": TYPE + "Database", **database})


@route("DELETE", DATABASE)
def delete_database(world: World, call: Call) -> Json:
    name = call.groups[0]
    if world.get(name).get("deleteProtectionState") == "DELETE_PROTECTION_ENABLED":
        raise Refused(400, "FAILED_PRECONDITION", "The database has delete protection.")
    for child in [one for one in world.resources if one.startswith(f"{name}/")]:
        del world.resources[child]
    world.documents.clear()
    world.delete(name)
    return done(f"{name}/operations/delete", {"@type": TYPE + "Database"})


@route("GET", DATABASE + r"/operations/.+")
def operation(_: World, call: Call) -> Json:
    return done(call.path.removeprefix("/v1/"), {"@type": "type.googleapis.com/google.protobuf.Empty"})


@route("GET", GROUP + "/indexes")
def indexes(world: World, call: Call) -> Json:
    prefix = f"{call.groups[0]}/collectionGroups/"
    return {
        "indexes": [one for name, one in world.resources.items() if name.startswith(prefix) and "/indexes/" in name]
    }


@route("POST", GROUP + "/indexes")
def create_index(world: World, call: Call) -> Json:
    database, group = call.groups
    name = f"{database}/collectionGroups/{group}/indexes/I{world.next()}"
    fields = [*call.body["fields"], {"fieldPath": "__name__", "order": call.body["fields"][-1]["order"]}]
    made = world.create(name, {**call.body, "fields": fields, "state": "READY"})
    metadata = {"@type": TYPE + "IndexOperationMetadata", "index": name, "state": "SUCCESSFUL"}
    return done(f"{database}/operations/index", {"@type": TYPE + "Index", **made}, metadata)


@route("GET", GROUP + "/fields")
def fields(world: World, call: Call) -> Json:
    prefix = f"{call.groups[0]}/collectionGroups/"
    wanted = "ttlConfig" if "ttlConfig" in call.query.get("filter", "") else "indexConfig"
    found = [one for name, one in world.resources.items() if name.startswith(prefix) and "/fields/" in name]
    return {"fields": [one for one in found if wanted in one]}


@route("PATCH", GROUP + r"/fields/(.+)")
def patch_field(world: World, call: Call) -> Json:
    database, group, path = call.groups
    name = f"{database}/collectionGroups/{group}/fields/{path}"
    change = {key: call.body.get(key, {}) for key in call.query["updateMask"].split(",")}
    if "ttlConfig" in change:
        change["ttlConfig"] = {"state": "ACTIVE"}
    world.resources[name] = {**world.resources.get(name, {}), **change, "name": name}
    return done(f"{database}/operations/field", {"@type": TYPE + "Field", **world.resources[name]})


# --- documents ------------------------------------------------------------------------------------------------------


@route("POST", DATABASE + "/documents:batchGet")
def batch_get(world: World, call: Call) -> list[Json]:
    world.get(call.groups[0])
    return [
        {"found": world.documents[name]} if name in world.documents else {"missing": name}
        for name in call.body["documents"]
    ]


@route("POST", DATABASE + "/documents:commit")
def commit(world: World, call: Call) -> Json:
    world.get(call.groups[0])
    for write in call.body["writes"]:
        name, condition = write["update"]["name"], write.get("currentDocument", {})
        there = world.documents.get(name)
        if condition.get("exists") is False and there:
            raise Refused(409, "ALREADY_EXISTS", "Document already exists.")
        if "updateTime" in condition and (there or {}).get("updateTime") != condition["updateTime"]:
            raise Refused(400, "FAILED_PRECONDITION", "The document was changed.")
    for write in call.body["writes"]:
        put_document(world, write["update"]["name"], write["update"]["fields"])
    return {"commitTime": MOMENT}


@route("POST", DATABASE + "/documents:runQuery")
def run_query(world: World, call: Call) -> list[Json]:
    """Enough for `field == value`, in the order of names, after a cursor on the name."""
    query = call.body["structuredQuery"]
    prefix = f"{call.groups[0]}/documents/{query['from'][0]['collectionId']}/"
    condition = query["where"]["fieldFilter"]
    after = query.get("startAt", {}).get("values", [{}])[0].get("referenceValue", "")

    def fits(name: str, document: Json) -> bool:
        value = document["fields"].get(condition["field"]["fieldPath"])
        return name.startswith(prefix) and name > after and value == condition["value"]

    found = [one for name, one in sorted(world.documents.items()) if fits(name, one)]
    return [{"document": one} for one in found[: query["limit"]]] or [{"readTime": MOMENT}]


def put_document(world: World, name: str, fields_of_it: dict[str, Any]) -> None:
    world.documents[name] = {
        "name": name,
        "fields": fields_of_it,
        "updateTime": f"2026-11-22T12:00:{world.next():02d}Z",
    }
