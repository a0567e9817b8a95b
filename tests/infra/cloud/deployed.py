"""Stands in for the deployed functions, as far as verify uses them: one batch that is done at the second look."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.settings import read_json
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


@route("POST", r"/run/[^/]+-submit/api/workflows/([^/]+)/execute")
def submit(world: World, call: Call) -> Reply:
    if not _is_user(call):
        return STRANGER
    execution = str(uuid.UUID(int=world.next()))
    world.batches[execution] = {"prompts": call.body["prompts"], "polls": 0, "key": call.body["api_key"]}
    accepted = {
        "execution_id": execution,
        "workflow_id": call.groups[0],
        "status": "queued",
        "prompt_count": len(call.body["prompts"]),
        "estimated_time_seconds": 30,
        "estimated_cost_usd": 0.0,
        "warnings": [],
    }
    return _success(accepted, 202)


@route("GET", r"/run/[^/]+-status/api/executions/([^/]+)")
def show(world: World, call: Call) -> Reply:
    batch = world.batches.get(call.groups[0])
    if not _is_user(call) or batch is None:
        return STRANGER
    batch["polls"] += 1
    is_done = batch["polls"] > 1
    total = len(batch["prompts"])
    counts = dict.fromkeys(("processing", "failed", "blocked", "cancelled"), 0)
    counts |= {"total": total, "completed": total * is_done, "pending": total * (not is_done)}
    page = {
        "id": call.groups[0],
        "workflow_id": "",
        "status": "completed" if is_done else "processing",
        "progress": 100 * is_done,
        "counts": counts,
        "cost_usd": 0.0,
        "model": "",
        "aspect_ratio": "1:1",
        "resolution": "1K",
        "metadata": {},
        "created_at": "2026-11-22T00:00:00Z",
        "started_at": None,
        "completed_at": None,
        "expires_at": "2026-12-22T00:00:00Z",
        "poll_after_ms": 10,
        "batch_results": [_result(call, index, is_done=is_done) for index in range(total)],
        "next_cursor": None,
    }
    return _success(page)


def _result(call: Call, index: int, *, is_done: bool) -> Json:
    result = {"batch_index": index, "prompt_text": "", "custom_id": None, "attempts": int(is_done)}
    if not is_done:
        return result | {"status": "pending"}
    image = {"result_url": f"{call.base}/image/x.png", "content_type": "image/png", "bytes": len(PIXEL)}
    return result | {"status": "completed"} | image


@route("GET", r"/run/[^/]+-status/api/workflows/([^/]+)")
def workflow(_: World, call: Call) -> Reply:
    return _success(read_json("infra/workflow.json")) if _is_user(call) else STRANGER


@route("GET", r"/image/x.png")
def image(_: World, __: Call) -> Reply:
    return Reply(200, {"Content-Type": "image/png"}, PIXEL)


@route("POST", r"/v1/accounts:signInWithPassword")
def sign_in(_: World, __: Call) -> Reply:
    return Reply(200, {"Content-Type": "application/json"}, json.dumps({"idToken": TOKEN}).encode())
