"""Cloud Logging's metrics, and Cloud Monitoring's policies, channels and dashboards."""

from __future__ import annotations

from tests.infra.cloud.routes import route
from tests.infra.cloud.world import Call, Json, World, missing


@route("GET", r"/v2/(projects/[^/]+)/metrics")
def metrics(world: World, call: Call) -> Json:
    return {"metrics": world.children(f"{call.groups[0]}/metrics")}


@route("POST", r"/v2/(projects/[^/]+)/metrics")
def create_metric(world: World, call: Call) -> Json:
    name = f"{call.groups[0]}/metrics/{call.body['name']}"
    made = world.create(name, call.body)
    # gcloud and the API know a metric by its short name.
    made["name"] = call.body["name"]
    return made


@route("GET", r"/v2/(projects/[^/]+/metrics/[^/]+)")
def metric(world: World, call: Call) -> Json:
    return world.get(call.groups[0])


@route("PUT", r"/v2/(projects/[^/]+/metrics/[^/]+)")
def update_metric(world: World, call: Call) -> Json:
    world.get(call.groups[0])
    world.resources[call.groups[0]] = call.body
    return world.resources[call.groups[0]]


@route("DELETE", r"/v2/(projects/[^/]+/metrics/[^/]+)")
def delete_metric(world: World, call: Call) -> Json:
    return world.delete(call.groups[0])


KINDS = r"(alertPolicies|notificationChannels|dashboards)"


@route("GET", r"/v[13]/(projects/[^/]+)/" + KINDS)
def listed(world: World, call: Call) -> Json:
    parent, kind = call.groups
    return {kind: world.children(f"{parent}/{kind}")}


@route("POST", r"/v[13]/(projects/[^/]+)/" + KINDS)
def created(world: World, call: Call) -> Json:
    parent, kind = call.groups
    return world.create(f"{parent}/{kind}/{world.next()}", {**call.body, "etag": "e1"})


@route("GET", r"/v[13]/(projects/[^/]+/" + KINDS + r"/[^/]+)")
def one(world: World, call: Call) -> Json:
    return world.get(call.groups[0])


@route("PATCH", r"/v[13]/(projects/[^/]+/" + KINDS + r"/[^/]+)")
def patched(world: World, call: Call) -> Json:
    if call.groups[0] not in world.resources:
        raise missing(call.groups[0])
    world.resources[call.groups[0]] |= call.body
    return world.resources[call.groups[0]]


@route("DELETE", r"/v[13]/(projects/[^/]+/" + KINDS + r"/[^/]+)")
def deleted(world: World, call: Call) -> Json:
    return world.delete(call.groups[0])
