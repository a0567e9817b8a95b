"""Stands in for the deployed functions, as far as verify uses them: one batch that is done at the second look."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.infra.cloud.routes import route

if TYPE_CHECKING:
    from tests.infra.cloud.world import Call, Json, World

PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(100)
TOKEN = "a-user's-token"
ORIGIN = "https://app.example.com"


@dataclass(frozen=True)
class Reply:
    """An answer that is not plain JSON with 200."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None


def _success(data: Json, status: int = 200) -> Reply:
    return Reply(status, {"Content-Type": "application/json"}, {"success": True, "data": data})


def _is_user(call: Call) -> bool:
    return call.headers.get("authorization") == f"Bearer {TOKEN}"


STRANGER = Reply(401, {}, {"success": False, "error": {"code": "UNAUTHENTICATED", "message": "No token."}})


@route("OPTIONS", r"/run/[^/]+/api/.*")
def preflight(_: World, call: Call) -> Reply:
    allowed = {"Access-Control-Allow-Origin": ORIGIN} if call.headers.get("origin") == ORIGIN else {}
    return Reply(204, allowed)


@route("POST", r"/run/[^/]+-generate/")
def generate(_: World, __: Call) -> Reply:
    return Reply(404, {"Content-Type": "text/html"}, b"<html>not from outside</html>")


@route("POST", r"/run/[^/]+-submit/api/workflows/[^/]+/execute")
def submit(world: World, call: Call) -> Reply:
    if not _is_user(call):
        return STRANGER
    execution = str(uuid.UUID(int=world.next()))
    world.batches[execution] = {"prompts": call.body["prompts"], "polls": 0, "key": call.body["api_key"]}
    return _success({"execution_id": execution, "prompt_count": len(call.body["prompts"])}, 202)


@route("GET", r"/run/[^/]+-status/api/executions/([^/]+)")
def show(world: World, call: Call) -> Reply:
    batch = world.batches.get(call.groups[0])
    if not _is_user(call) or batch is None:
        return STRANGER
    batch["polls"] += 1
    is_done = batch["polls"] > 1
    image = {"result_url": f"{call.base}/image/x.png", "content_type": "image/png", "bytes": len(PIXEL), "attempts": 1}
    results = [
        {"batch_index": index, "status": "completed", **image}
        if is_done
        else {"batch_index": index, "status": "pending"}
        for index in range(len(batch["prompts"]))
    ]
    status = "completed" if is_done else "processing"
    return _success({"status": status, "progress": 100 * is_done, "poll_after_ms": 10, "batch_results": results})


@route("GET", r"/run/[^/]+-status/api/workflows/([^/]+)")
def workflow(_: World, call: Call) -> Reply:
    return _success({"id": call.groups[0]}) if _is_user(call) else STRANGER


@route("GET", r"/image/x.png")
def image(_: World, __: Call) -> Reply:
    return Reply(200, {"Content-Type": "image/png"}, PIXEL)


@route("POST", r"/v1/accounts:signInWithPassword")
def sign_in(_: World, __: Call) -> Reply:
    return Reply(200, {"Content-Type": "application/json"}, json.dumps({"idToken": TOKEN}).encode())
