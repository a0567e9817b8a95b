"""The product as its users meet it: the whole local stack, through the public API."""

from __future__ import annotations

import io
import itertools
import json
import uuid
from typing import TYPE_CHECKING, Any

import requests
from PIL import Image

from tests.harness.stack import RATE

if TYPE_CHECKING:
    from tests.harness.stack import Stack


def image_at(url: str) -> Image.Image:
    answer = requests.get(url, timeout=30)
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as image:
        image.load()
        return image


def reference() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(target, "PNG")
    return target.getvalue()


def test_ten_prompts_with_one_failing_and_one_blocked_end_partially_completed(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    stack.set_faults(match=f"{mark} fails", outcomes=["bad_request"])
    stack.set_faults(match=f"{mark} blocked", outcomes=["blocked"])
    prompts = [f"{mark} prompt {number}" for number in range(8)] + [f"{mark} fails", f"{mark} blocked"]

    accepted = ada.submit(prompts, metadata={"season": "autumn"})
    shown = ada.wait(accepted["execution_id"])

    assert shown["status"] == "partially_completed"
    assert shown["counts"] == {
        "total": 10,
        "pending": 0,
        "processing": 0,
        "completed": 8,
        "failed": 1,
        "blocked": 1,
        "cancelled": 0,
    }
    # The list price of eight images, and what the model thought beside them.
    assert 8 * 0.0336 < shown["cost_usd"] < 8 * 0.035
    assert shown["metadata"] == {"season": "autumn"}
    results = shown["batch_results"]
    assert [result["prompt_text"] for result in results] == prompts
    assert [result["batch_index"] for result in results] == list(range(10))
    assert results[8]["error"]["code"] == "INVALID_REQUEST"
    assert results[9]["status"] == "blocked"
    assert results[9]["error"]["code"] == "CONTENT_BLOCKED"
    for result in results[:8]:
        assert image_at(result["result_url"]).size == (result["width"], result["height"]) == (1024, 1024)
    images = [one["name"] for one in stack.list_objects(f"executions/{accepted['execution_id']}/0")]
    assert len(images) == 8
    assert len(stack.list_calls(mark)) == 10


def test_a_hundred_prompts_make_a_hundred_calls_and_a_hundred_objects_at_the_queues_pace(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex

    accepted = ada.submit([f"{mark} {number}" for number in range(100)])
    shown = ada.wait(accepted["execution_id"])

    assert shown["status"] == "completed"
    calls = stack.list_calls(mark)
    assert len(calls) == 100
    assert {call["outcome"] for call in calls} == {"ok"}
    assert len(stack.list_objects(f"executions/{accepted['execution_id']}/")) == 100
    # Not faster than the queue, after a burst of what the bucket holds.
    assert calls[-1]["start"] - calls[0]["start"] > 80 / RATE


def test_errors_are_retried_two_and_four_seconds_later_and_a_timeout_five(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    stack.set_faults(match=f"{mark} error", outcomes=["server_error", "overloaded"])
    stack.set_faults(match=f"{mark} late", outcomes=["timeout"])
    stack.set_faults(match=f"{mark} hopeless", outcomes=["server_error"] * 5)

    accepted = ada.submit([f"{mark} error", f"{mark} late", f"{mark} hopeless"])
    error, late, hopeless = ada.wait(accepted["execution_id"])["batch_results"]

    assert (error["status"], error["attempts"]) == ("completed", 3)
    assert (late["status"], late["attempts"]) == ("completed", 2)
    assert (hopeless["status"], hopeless["attempts"]) == ("failed", 3)
    assert hopeless["error"]["code"] == "SERVER_ERROR"
    first, second, third = (call["start"] for call in stack.list_calls(f"{mark} error"))
    assert 2 <= second - first < 4
    assert 4 <= third - second < 6
    given_up, again = stack.list_calls(f"{mark} late")
    # The stack's first timeout is ten seconds.
    assert 10 + 5 <= again["start"] - given_up["start"] < 10 + 5 + 3


def test_a_form_with_reference_images_reaches_the_model_and_quality_comes_as_jpeg(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    fields = {
        "prompts_text": f"{mark} first\r\n\r\n  {mark} second  \n",
        "api_key": "a-key",
        "model": "gemini-3-pro-image",
        "aspect_ratio": "16:9",
        "resolution": "2K",
    }
    files = [("reference_images", (f"{number}.png", reference(), "image/png")) for number in range(3)]

    answer = ada.call("POST", f"/api/workflows/{stack.workflow_id}/execute", data=fields, files=files)
    execution_id = answer.json()["data"]["execution_id"]
    shown = ada.wait(execution_id)

    assert [result["prompt_text"] for result in shown["batch_results"]] == [f"{mark} first", f"{mark} second"]
    assert [call["reference_count"] for call in stack.list_calls(mark)] == [3, 3]
    assert [call["image_size"] for call in stack.list_calls(mark)] == ["2K", "2K"]
    assert len(stack.list_objects(f"executions/{execution_id}/references/")) == 3
    first = shown["batch_results"][0]
    assert (first["content_type"], first["width"], first["height"]) == ("image/jpeg", 2752, 1536)
    assert image_at(first["result_url"]).format == "JPEG"
    # The list price of two images, and what the model thought beside them.
    assert 2 * 0.134 < shown["cost_usd"] < 2 * 0.15
    assert first["tokens"]["image"] == 1120
    assert first["model_version"] == "gemini-3-pro-image"
    assert first["warnings"] == []


def test_an_output_format_is_what_the_image_then_is(stack: Stack) -> None:
    ada = stack.client("ada")

    accepted = ada.submit(["a green door in a white wall"], output_format="webp")
    [result] = ada.wait(accepted["execution_id"])["batch_results"]

    assert result["content_type"] == "image/webp"
    assert image_at(result["result_url"]).format == "WEBP"


def test_an_unchanged_execution_is_not_sent_again(stack: Stack) -> None:
    ada = stack.client("ada")
    execution_id = ada.submit(["a quiet harbour"])["execution_id"]
    ada.wait(execution_id)
    path = f"/api/executions/{execution_id}"
    etag = ada.call("GET", path).headers["ETag"]

    answer = ada.call("GET", path, headers={"If-None-Match": etag})

    assert answer.status_code == 304
    assert answer.content == b""
    assert answer.headers["ETag"] == etag


def test_another_users_execution_does_not_exist(stack: Stack) -> None:
    ada, eve = stack.client("ada"), stack.client("eve")
    execution_id = ada.submit(["a locked garden"])["execution_id"]
    path = f"/api/executions/{execution_id}"

    answers = [
        eve.call("GET", path),
        eve.call("GET", f"{path}/results.jsonl"),
        eve.call("POST", f"{path}/cancel"),
        eve.call("POST", f"{path}/retry"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
    listed = eve.call("GET", "/api/executions").json()["data"]["executions"]
    assert execution_id not in [one["id"] for one in listed]


def test_the_same_idempotency_key_gives_the_first_answer_again(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    path = f"/api/workflows/{stack.workflow_id}/execute"
    body = {"prompts": [f"{mark} once"], "api_key": "a-key"}
    headers = {"Idempotency-Key": mark}

    first = ada.call("POST", path, json=body, headers=headers)
    again = ada.call("POST", path, json=body, headers=headers)
    other = ada.call("POST", path, json=body | {"prompts": [f"{mark} twice"]}, headers=headers)

    assert first.status_code == again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    ada.wait(first.json()["data"]["execution_id"])
    assert len(stack.list_calls(mark)) == 1


def test_a_cancelled_batch_keeps_what_it_has_and_can_be_taken_up_again(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    accepted = ada.submit([f"{mark} {number}" for number in range(200)])
    path = f"/api/executions/{accepted['execution_id']}"

    cancelled = ada.call("POST", f"{path}/cancel").json()["data"]
    shown = ada.wait(accepted["execution_id"])

    assert cancelled["counts"]["pending"] == 0
    assert shown["status"] == "cancelled"
    assert shown["counts"]["completed"] + shown["counts"]["cancelled"] == 200
    assert shown["counts"]["cancelled"] > 100
    assert len(stack.list_calls(mark)) == shown["counts"]["completed"]

    few = [result["batch_index"] for result in shown["batch_results"] if result["status"] == "cancelled"][:5]
    without_key = ada.call("POST", f"{path}/retry", json={"batch_index": few})
    retried = ada.call("POST", f"{path}/retry", json={"batch_index": few, "api_key": "a-key"})
    assert without_key.json()["error"]["details"][0]["field"] == "api_key"
    assert (retried.status_code, retried.json()["data"]["retried"]) == (202, 5)
    after = ada.wait(accepted["execution_id"])
    assert after["counts"]["completed"] == shown["counts"]["completed"] + 5


def test_results_come_as_lines_in_the_order_of_the_prompts_and_in_pages(stack: Stack) -> None:
    ada = stack.client("ada")
    mark = uuid.uuid4().hex
    prompts = [{"prompt": f"{mark} {number}", "custom_id": f"id-{number}"} for number in range(7)]
    execution_id = ada.submit(prompts)["execution_id"]  # type: ignore[arg-type] # prompts with ids
    ada.wait(execution_id)

    lines = ada.call("GET", f"/api/executions/{execution_id}/results.jsonl").text.splitlines()
    pages: list[Any] = []
    cursor: str | None = "0"
    while cursor is not None:
        page = ada.show(execution_id, limit=3, cursor=cursor)
        pages.append([result["batch_index"] for result in page["batch_results"]])
        cursor = page["next_cursor"]

    assert [json.loads(line)["custom_id"] for line in lines] == [f"id-{number}" for number in range(7)]
    assert pages == [[0, 1, 2], [3, 4, 5], [6]]


def test_one_users_failing_key_does_not_slow_another(stack: Stack) -> None:
    ada, bob = stack.client("ada"), stack.client("bob")
    mark = uuid.uuid4().hex
    failing = ada.submit([f"{mark} ada {number}" for number in range(20)], api_key="invalid-key")["execution_id"]
    working = bob.submit([f"{mark} bob {number}" for number in range(20)])["execution_id"]

    ended_ada, ended_bob = ada.wait(failing), bob.wait(working)

    assert (ended_ada["status"], ended_bob["status"]) == ("failed", "completed")
    assert {result["error"]["code"] for result in ended_ada["batch_results"]} == {"INVALID_API_KEY"}
    assert {result["attempts"] for result in ended_ada["batch_results"]} == {1}
    starts = [call["start"] for call in stack.list_calls(f"{mark} bob")]
    assert max(later - earlier for earlier, later in itertools.pairwise(starts)) < 2
