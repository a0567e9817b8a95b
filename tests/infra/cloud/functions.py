"""Cloud Functions and Cloud Run: runtimes, uploads, deployments, and the services behind them."""

from __future__ import annotations

from tests.infra.cloud.routes import MOMENT, done, route
from tests.infra.cloud.world import NUMBER, Call, Json, World

TYPE = "type.googleapis.com/google.cloud.functions.v2."
FUNCTIONS = r"/v2/(projects/[^/]+/locations/[^/]+)/functions"


@route("GET", r"/v2/projects/[^/]+/locations/[^/]+/runtimes")
def runtimes(_: World, __: Call) -> Json:
    names = ("python311", "python312", "python313")
    return {"runtimes": [{"name": one, "environment": "GEN_2", "stage": "GA", "displayName": one} for one in names]}


@route("POST", FUNCTIONS + ":generateUploadUrl")
def upload_url(world: World, call: Call) -> Json:
    name = f"source-{world.next()}.zip"
    source = {"bucket": f"gcf-v2-uploads-{NUMBER}", "object": name}
    return {"uploadUrl": f"{call.base}/upload/{name}?X-Goog-Signature=fake", "storageSource": source}


@route("PUT", r"/upload/(.+)")
def upload(world: World, call: Call) -> None:
    world.uploads[call.groups[0]] = call.raw


@route("POST", FUNCTIONS)
def create(world: World, call: Call) -> Json:
    name = f"{call.groups[0]}/functions/{call.query['functionId']}"
    world.create(name, {**call.body, "state": "ACTIVE", "environment": "GEN_2"})
    return _rolled_out(world, call, name, "CREATE_FUNCTION")


@route("PATCH", FUNCTIONS + r"/([^/]+)")
def update(world: World, call: Call) -> Json:
    name = f"{call.groups[0]}/functions/{call.groups[1]}"
    function = world.get(name)
    for key, value in call.body.items():
        function[key] = {**function.get(key, {}), **value} if isinstance(value, dict) else value
    return _rolled_out(world, call, name, "UPDATE_FUNCTION")


@route("GET", FUNCTIONS + r"/([^/]+)")
def get(world: World, call: Call) -> Json:
    function = world.get(f"{call.groups[0]}/functions/{call.groups[1]}")
    # Where the fake stands in for the deployed function.
    return function | {"serviceConfig": function["serviceConfig"] | {"uri": f"{call.base}/run/{call.groups[1]}"}}


@route("DELETE", FUNCTIONS + r"/([^/]+)")
def delete(world: World, call: Call) -> Json:
    parent, name = call.groups
    world.policies.pop(f"{parent}/services/{name}", None)
    world.delete(f"{parent}/functions/{name}")
    return _operation(f"{parent}/operations/delete-{name}", f"{parent}/functions/{name}", "DELETE_FUNCTION")


@route("GET", r"/v2/(projects/[^/]+/locations/[^/]+/operations/(?:create|update|delete)-([^/]+))")
def operation(_: World, call: Call) -> Json:
    return _operation(call.groups[0], call.groups[1], "CREATE_FUNCTION")


@route("GET", r"/apis/serving.knative.dev/v1/namespaces/([^/]+)/services/([^/]+)")
def run_service(_: World, call: Call) -> Json:
    """The service of a function; its annotation has both of its addresses."""
    name = call.groups[1]
    urls = f'["https://{name}-{NUMBER}.us-central1.run.app","https://{name}-abc123-uc.a.run.app"]'
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NUMBER, "annotations": {"run.googleapis.com/urls": urls}},
        "spec": {"template": {"metadata": {}, "spec": {"containers": [{"image": "x"}]}}},
        "status": {"url": f"https://{name}-abc123-uc.a.run.app"},
    }


def _rolled_out(world: World, call: Call, name: str, verb: str) -> Json:
    function = world.get(name)
    short = name.rpartition("/")[2]
    function["updateTime"] = f"2026-11-22T12:00:{world.next():02d}Z"
    function["serviceConfig"] |= {
        "service": f"{call.groups[0]}/services/{short}",
        "revision": f"{short}-{world.next():05d}",
    }
    return _operation(f"{call.groups[0]}/operations/{verb[:6].lower()}-{short}", name, verb)


def _operation(name: str, target: str, verb: str) -> Json:
    stages = [{"name": stage, "state": "COMPLETE", "message": "done"} for stage in ("BUILD", "SERVICE")]
    metadata = {"@type": TYPE + "OperationMetadata", "target": target, "operationType": verb, "apiVersion": "v2"}
    return done(name, metadata={**metadata, "createTime": MOMENT, "endTime": MOMENT, "stages": stages})
