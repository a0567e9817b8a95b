"""The table of routes, and those of the simpler APIs: projects, accounts, policies, queues, secrets."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.infra.cloud.world import NUMBER, Call, Json, Refused, World, missing

Handler = Callable[[World, Call], Any]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []
MOMENT = "2026-11-22T12:00:00Z"


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Serve this method and path (a pattern) with the function below."""

    def register(handler: Handler) -> Handler:
        ROUTES.append((method, re.compile(path), handler))
        return handler

    return register


def answer(world: World, call: Call) -> Any:
    """What Google would say; raises Refused."""
    for fault in world.faults:
        if fault.hits(call):
            if isinstance(fault.answer, Refused):
                raise fault.answer
            return fault.answer
    for method, path, handler in ROUTES:
        if method == call.method and (found := path.fullmatch(call.path)):
            return handler(world, replace(call, groups=found.groups()))
    raise missing(f"{call.method} {call.path}")


def done(name: str, response: Json | None = None, metadata: Json | None = None) -> Json:
    """An operation that has ended."""
    return {"name": name, "done": True, "metadata": metadata or {}, "response": response or {}}


# --- policies -------------------------------------------------------------------------------------------------------


def _owner(path: str) -> str:
    """The resource whose policy it is; accounts are asked for in any project, always of the same."""
    return path.replace("projects/-/", "projects/demo-project/")


@route("GET", r"/v\d\w*/(.+):getIamPolicy")
@route("POST", r"/v\d\w*/(.+):getIamPolicy")
def get_policy(world: World, call: Call) -> Json:
    return world.policy(_owner(call.groups[0]))


@route("POST", r"/v\d\w*/(.+):setIamPolicy")
def set_policy(world: World, call: Call) -> Json:
    return world.set_policy(_owner(call.groups[0]), call.body["policy"])


# --- projects, APIs, accounts ---------------------------------------------------------------------------------------


@route("GET", r"/v1/projects/([^/:]+)")
def project(_: World, call: Call) -> Json:
    return {"projectNumber": NUMBER, "projectId": call.groups[0], "lifecycleState": "ACTIVE", "name": call.groups[0]}


@route("POST", r"/v1/projects/[^/]+/services:batchEnable")
def enable(world: World, call: Call) -> Json:
    world.services.update(call.body["serviceIds"])
    return done("operations/acf.p2-1-batch")


@route("GET", r"/v1/projects/[^/]+/services/([^/:]+)")
def service(world: World, call: Call) -> Json:
    state = "ENABLED" if call.groups[0] in world.services else "DISABLED"
    return {"name": f"projects/{NUMBER}/services/{call.groups[0]}", "state": state}


@route("GET", r"/v1/(projects/[^/]+)/serviceAccounts")
def accounts(world: World, call: Call) -> Json:
    return {"accounts": world.children(f"{call.groups[0]}/serviceAccounts")}


@route("POST", r"/v1/(projects/([^/]+))/serviceAccounts")
def create_account(world: World, call: Call) -> Json:
    parent, project_id = call.groups
    email = f"{call.body['accountId']}@{project_id}.iam.gserviceaccount.com"
    world.unseen[email] = world.newcomers_hide
    facts = {"email": email, "projectId": project_id, "uniqueId": "1" * 21}
    return world.create(f"{parent}/serviceAccounts/{email}", {**call.body.get("serviceAccount", {}), **facts})


@route("DELETE", r"/v1/projects/([^/]+)/serviceAccounts/([^/]+)")
def delete_account(world: World, call: Call) -> Json:
    return world.delete(_owner(f"projects/{call.groups[0]}/serviceAccounts/{call.groups[1]}"))


# --- workload identity ----------------------------------------------------------------------------------------------


@route("POST", r"/v1/(projects/[^/]+/locations/global/workloadIdentityPools)")
def create_pool(world: World, call: Call) -> Json:
    name = f"{call.groups[0]}/{call.query['workloadIdentityPoolId']}"
    return done(f"{name}/operations/1", world.create(name, {**call.body, "state": "ACTIVE"}))


@route("POST", r"/v1/(projects/[^/]+/locations/global/workloadIdentityPools/[^/]+/providers)")
def create_provider(world: World, call: Call) -> Json:
    name = f"{call.groups[0]}/{call.query['workloadIdentityPoolProviderId']}"
    return done(f"{name}/operations/1", world.create(name, {**call.body, "state": "ACTIVE"}))


@route("GET", r"/v1/(projects/[^/]+/locations/global/workloadIdentityPools/[^/]+(?:/providers/[^/]+)?)")
def get_pool(world: World, call: Call) -> Json:
    return world.get(call.groups[0])


@route("GET", r"/v1/(projects/[^/]+/locations/global/workloadIdentityPools/.+/operations/1)")
def pool_operation(world: World, call: Call) -> Json:
    return done(call.groups[0], world.get(call.groups[0].removesuffix("/operations/1")))


# --- queues ---------------------------------------------------------------------------------------------------------

QUEUE = r"/v2/(projects/[^/]+/locations/[^/]+/queues/[^/:]+)"


@route("POST", r"/v2/projects/[^/]+/locations/[^/]+/queues")
def create_queue(world: World, call: Call) -> Json:
    return world.create(call.body["name"], {**call.body, "state": "RUNNING"})


@route("GET", QUEUE)
def get_queue(world: World, call: Call) -> Json:
    return world.get(call.groups[0])


@route("PATCH", QUEUE)
def patch_queue(world: World, call: Call) -> Json:
    queue = world.get(call.groups[0])
    for group in ("rateLimits", "retryConfig"):
        queue[group] = {**queue.get(group, {}), **call.body.get(group, {})}
    return queue


@route("DELETE", QUEUE)
def delete_queue(world: World, call: Call) -> Json:
    return world.delete(call.groups[0])


# --- secrets --------------------------------------------------------------------------------------------------------

SECRET = r"/v1/(projects/[^/]+/secrets/[^/:]+)"


@route("POST", r"/v1/(projects/[^/]+)/secrets")
def create_secret(world: World, call: Call) -> Json:
    return world.create(f"{call.groups[0]}/secrets/{call.query['secretId']}", call.body)


@route("GET", SECRET)
def get_secret(world: World, call: Call) -> Json:
    return world.get(call.groups[0])


@route("DELETE", SECRET)
def delete_secret(world: World, call: Call) -> Json:
    for version in world.children(f"{call.groups[0]}/versions"):
        world.delete(version["name"])
    return world.delete(call.groups[0])


@route("POST", SECRET + ":addVersion")
def add_version(world: World, call: Call) -> Json:
    world.get(call.groups[0])
    number = len(world.children(f"{call.groups[0]}/versions")) + 1
    name = f"{call.groups[0]}/versions/{number}"
    world.payloads[name] = base64.urlsafe_b64decode(call.body["payload"]["data"])
    # gcloud sends a checksum, and takes the upload for broken unless the answer says that it was compared.
    facts = {"state": "ENABLED", "clientSpecifiedPayloadChecksum": True, "createTime": datetime.now(UTC).isoformat()}
    return world.create(name, facts)


@route("GET", SECRET + "/versions")
def versions(world: World, call: Call) -> Json:
    world.get(call.groups[0])
    found = sorted(world.children(f"{call.groups[0]}/versions"), key=lambda one: one["name"], reverse=True)
    return {"versions": found, "totalSize": len(found)}


@route("POST", SECRET + r"/versions/(\d+):(disable|enable)")
def switch_version(world: World, call: Call) -> Json:
    secret, number, verb = call.groups
    version = world.get(f"{secret}/versions/{number}")
    version["state"] = "DISABLED" if verb == "disable" else "ENABLED"
    return version


# --- buckets --------------------------------------------------------------------------------------------------------


@route("POST", r"/storage/v1/b")
def create_bucket(world: World, call: Call) -> Json:
    name = call.body["name"]
    facts = {
        "kind": "storage#bucket",
        "id": name,
        "metageneration": "1",
        "projectNumber": NUMBER,
        "timeCreated": MOMENT,
    }
    made = world.create(f"b/{name}", {**call.body, **facts})
    made["name"] = name
    return made


@route("GET", r"/storage/v1/b/([^/]+)/iam")
def bucket_policy(world: World, call: Call) -> Json:
    return {"kind": "storage#policy", **world.policy(f"b/{call.groups[0]}")}


@route("PUT", r"/storage/v1/b/([^/]+)/iam")
def set_bucket_policy(world: World, call: Call) -> Json:
    return world.set_policy(f"b/{call.groups[0]}", call.body)


@route("GET", r"/storage/v1/b/([^/]+)")
def get_bucket(world: World, call: Call) -> Json:
    return world.get(f"b/{call.groups[0]}")


@route("PATCH", r"/storage/v1/b/([^/]+)")
def patch_bucket(world: World, call: Call) -> Json:
    bucket = world.get(f"b/{call.groups[0]}")
    bucket.update(call.body)
    return bucket


@route("DELETE", r"/storage/v1/b/([^/]+)")
def delete_bucket(world: World, call: Call) -> None:
    if any(name.startswith(f"o/{call.groups[0]}/") for name in world.resources):
        raise Refused(409, "conflict", "The bucket you tried to delete is not empty.")
    world.delete(f"b/{call.groups[0]}")


@route("GET", r"/storage/v1/b/([^/]+)/o")
def objects(world: World, call: Call) -> Json:
    prefix = f"o/{call.groups[0]}/"
    found = [one for name, one in world.resources.items() if name.startswith(prefix)]
    return {"kind": "storage#objects", "items": found}


@route("DELETE", r"/storage/v1/b/([^/]+)/o/(.+)")
def delete_object(world: World, call: Call) -> None:
    world.delete(f"o/{call.groups[0]}/{call.groups[1]}")


@route("GET", r"/storage/v1/b/([^/]+)/storageLayout")
def layout(world: World, call: Call) -> Json:
    return {"kind": "storage#storageLayout", "bucket": world.get(f"b/{call.groups[0]}")["name"]}


@route("GET", r"/storage/v1/b/([^/]+)/managedFolders")
def folders(_: World, __: Call) -> Json:
    return {"items": []}
