"""The routes from HTTP requests to methods: the transcoding rules of the API's own definition."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulators.cloud_tasks.methods.api import CLOUD_TASKS, LOCATIONS, OPERATIONS

_PROJECT = "projects/[^/]+"
_LOCATION = f"{_PROJECT}/locations/[^/]+"
_QUEUE = f"{_LOCATION}/queues/[^/:]+"
_TASK = f"{_QUEUE}/tasks/[^/:]+"


@dataclass(frozen=True, slots=True)
class Route:
    """A verb and a path pattern; `field` receives the path's resource, `body` the JSON body.

    `body` is a field of the request message, "*" for the whole message, "" for no body.
    """

    verb: str
    pattern: re.Pattern[str]
    method: str
    field: str
    body: str


def _route(verb: str, resource: str, suffix: str, method: str, field: str, *, body: str = "") -> Route:
    return Route(verb, re.compile(f"/v2/({resource}){suffix}"), method, field, body)


ROUTES = (
    _route("GET", _LOCATION, "/queues", f"{CLOUD_TASKS}/ListQueues", "parent"),
    _route("POST", _LOCATION, "/queues", f"{CLOUD_TASKS}/CreateQueue", "parent", body="queue"),
    _route("GET", _QUEUE, "", f"{CLOUD_TASKS}/GetQueue", "name"),
    _route("PATCH", _QUEUE, "", f"{CLOUD_TASKS}/UpdateQueue", "queue.name", body="queue"),
    _route("DELETE", _QUEUE, "", f"{CLOUD_TASKS}/DeleteQueue", "name"),
    _route("POST", _QUEUE, ":purge", f"{CLOUD_TASKS}/PurgeQueue", "name", body="*"),
    _route("POST", _QUEUE, ":pause", f"{CLOUD_TASKS}/PauseQueue", "name", body="*"),
    _route("POST", _QUEUE, ":resume", f"{CLOUD_TASKS}/ResumeQueue", "name", body="*"),
    _route("POST", _QUEUE, ":getIamPolicy", f"{CLOUD_TASKS}/GetIamPolicy", "resource", body="*"),
    _route("POST", _QUEUE, ":setIamPolicy", f"{CLOUD_TASKS}/SetIamPolicy", "resource", body="*"),
    _route("POST", _QUEUE, ":testIamPermissions", f"{CLOUD_TASKS}/TestIamPermissions", "resource", body="*"),
    _route("GET", _QUEUE, "/tasks", f"{CLOUD_TASKS}/ListTasks", "parent"),
    _route("POST", _QUEUE, "/tasks", f"{CLOUD_TASKS}/CreateTask", "parent", body="*"),
    _route("POST", _QUEUE, "/tasks:batchCreate", f"{CLOUD_TASKS}/BatchCreateTasks", "parent", body="*"),
    _route("POST", _QUEUE, "/tasks:batchDelete", f"{CLOUD_TASKS}/BatchDeleteTasks", "parent", body="*"),
    _route("GET", _TASK, "", f"{CLOUD_TASKS}/GetTask", "name"),
    _route("DELETE", _TASK, "", f"{CLOUD_TASKS}/DeleteTask", "name"),
    _route("POST", _TASK, ":run", f"{CLOUD_TASKS}/RunTask", "name", body="*"),
    _route("GET", f"{_LOCATION}/cmekConfig", "", f"{CLOUD_TASKS}/GetCmekConfig", "name"),
    _route(
        "PATCH",
        f"{_LOCATION}/cmekConfig",
        "",
        f"{CLOUD_TASKS}/UpdateCmekConfig",
        "cmek_config.name",
        body="cmek_config",
    ),
    _route("GET", f"{_LOCATION}/operations/[^/]+", "", f"{OPERATIONS}/GetOperation", "name"),
    _route("GET", _LOCATION, "", f"{LOCATIONS}/GetLocation", "name"),
    _route("GET", _PROJECT, "/locations", f"{LOCATIONS}/ListLocations", "name"),
)


def find_route(verb: str, path: str) -> tuple[Route, str] | None:
    """Find the route of a request and the resource in its path; None if there is no route."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path) if route.verb == verb else None
        if match:
            return route, match[1]
    return None
