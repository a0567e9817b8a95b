"""What each method asks for, and the records that it makes of the answer."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagefactory_client import Batch, Counts, Failure, Prompt, StillAccepting
from tests.unit.client.answers import ACCEPTED, ID, WORKFLOW, execution, image, page, result
from tests.unit.client.server import failure, success

if TYPE_CHECKING:
    from imagefactory_client import Client
    from tests.unit.client.server import Clock, Server

ROOT = Path(__file__).resolve().parents[3]
STILL_ACCEPTING = failure(409, "STILL_ACCEPTING", Retry_After="2")


def test_a_batch_is_sent_as_it_is_described(client: Client, server: Server, tmp_path: Path) -> None:
    reference = tmp_path / "fox.png"
    reference.write_bytes(b"\x89PNG")
    prompts: list[str | Prompt] = ["ein Fuchs im Schnee ❄", Prompt("a boat", "b-1")]
    batch = Batch(prompts, [reference], "a-model", "16:9", "2K", "webp", {"name": "foxes"})
    server.answer(success(ACCEPTED, 202))

    accepted = client.submit(batch, workflow_id=WORKFLOW, api_key="a-key", idempotency_key="mine")

    (received,) = server.received
    assert (received.method, received.path) == ("POST", f"/api/workflows/{WORKFLOW}/execute")
    assert (received.headers["idempotency-key"], received.headers["content-type"]) == ("mine", "application/json")
    assert received.json == {
        "prompts": ["ein Fuchs im Schnee ❄", {"prompt": "a boat", "custom_id": "b-1"}],
        "api_key": "a-key",
        "reference_images": [{"data": base64.b64encode(b"\x89PNG").decode()}],
        "model": "a-model",
        "aspect_ratio": "16:9",
        "resolution": "2K",
        "output_format": "webp",
        "metadata": {"name": "foxes"},
    }
    assert (accepted.execution_id, accepted.prompt_count, accepted.estimated_seconds) == (ID, 2, 31)
    assert (accepted.estimated_cost_usd, accepted.warnings, accepted.is_replay) == (0.0672, ("It rains.",), False)


def test_what_is_not_said_is_not_sent(client: Client, server: Server) -> None:
    server.answer(success(ACCEPTED, 202))

    client.submit(Batch("a fox\na boat"), workflow_id=WORKFLOW)

    assert server.received[0].json == {"prompts_text": "a fox\na boat"}


def test_a_submit_that_is_tried_again_keeps_its_fresh_key(client: Client, server: Server) -> None:
    server.answer(failure(503, "UNAVAILABLE"), success(ACCEPTED, 202, Idempotency_Replayed="true"))

    accepted = client.submit(Batch(["a fox"]), workflow_id=WORKFLOW)
    client.submit(Batch(["a fox"]), workflow_id=WORKFLOW)

    keys = [received.headers["idempotency-key"] for received in server.received]
    assert keys[0] == keys[1] != keys[2]
    assert str(uuid.UUID(keys[0])) == keys[0]
    assert accepted.is_replay


def test_a_submit_waits_while_the_first_with_its_key_is_under_way(client: Client, server: Server, clock: Clock) -> None:
    server.answer(STILL_ACCEPTING, STILL_ACCEPTING, success(ACCEPTED, 202))

    client.submit(Batch(["a fox"]), workflow_id=WORKFLOW, idempotency_key="mine")

    assert clock.slept == [2, 2]


def test_a_submit_does_not_wait_for_ever(client: Client, server: Server, clock: Clock) -> None:
    server.answer(failure(409, "STILL_ACCEPTING", Retry_After="60"))

    with pytest.raises(StillAccepting):
        client.submit(Batch(["a fox"]), workflow_id=WORKFLOW, idempotency_key="mine")

    assert 600 < clock.now < 670


def test_an_execution_is_a_record(client: Client, server: Server) -> None:
    server.answer(success(page(1)))

    shown = client.execution(ID)

    assert (server.received[0].path, server.received[0].query) == (f"/api/executions/{ID}", {"limit": "1"})
    assert (shown.id, shown.status, shown.percent, shown.cost_usd, shown.has_ended) == (
        *(ID, "processing", 50, 0.0336),
        False,
    )
    assert shown.counts == Counts(2, 1, 0, 1, 0, 0, 0)
    assert (shown.seconds_left, shown.poll_after_ms, shown.next_since) == (30, 2000, "since-the-page")
    assert shown.created_at == datetime(2026, 11, 22, 15, 4, 5, 678000, tzinfo=UTC)


def test_executions_come_page_by_page(client: Client, server: Server) -> None:
    moment = "2026-11-22T15:04:05.678Z"
    server.answer(
        success({"executions": [execution(0)] * 2, "next_cursor": moment}),
        success({"executions": [execution(2)], "next_cursor": None}),
    )

    shown = [each.percent for each in client.executions(["queued", "completed"])]

    assert shown == [0, 0, 100]
    query = {"limit": "500", "status": "queued,completed"}
    assert [received.query for received in server.received] == [query, query | {"cursor": moment}]


def test_results_come_page_by_page_in_input_order(client: Client, server: Server) -> None:
    error = {"code": "CONTENT_BLOCKED", "message": "No.", "retryable": False, "provider_reason": "SAFETY"}
    server.answer(
        success(page(1, image("http://images/0", 100), next_cursor="1")),
        success(page(1, result(1, status="blocked", custom_id="b-1", error=error))),
    )

    first, second = client.results(ID, status="blocked")

    assert (first.index, first.url, first.bytes, first.error) == (0, "http://images/0", 100, None)
    assert (first.content_type, first.width, first.height) == ("image/png", 8, 4)
    assert (second.index, second.custom_id, second.prompt, second.url) == (1, "b-1", "prompt 1", None)
    assert second.error == Failure("CONTENT_BLOCKED", "No.", is_retryable=False, provider_reason="SAFETY")
    query = {"limit": "500", "status": "blocked"}
    assert [received.query for received in server.received] == [query, query | {"cursor": "1"}]


def test_changes_are_read_to_their_end_and_told_once(client: Client, server: Server) -> None:
    server.answer(
        success(page(0, result(1, attempts=1), has_more=True, next_since="b")),
        success(page(1, result(0), result(1, attempts=2), next_since="c")),
    )

    changes = client.changes(ID, "a")

    assert [(each.index, each.attempts) for each in changes.results] == [(0, 0), (1, 2)]
    assert (changes.execution.percent, changes.next_since) == (50, "c")
    assert [received.query["since"] for received in server.received] == ["a", "b"]


def test_cancel_answers_how_the_execution_then_stands(client: Client, server: Server) -> None:
    server.answer(success(execution(1, status="cancelled")))

    assert client.cancel(ID).has_ended
    assert (server.received[0].method, server.received[0].path) == ("POST", f"/api/executions/{ID}/cancel")


def test_retry_sends_the_filters_that_are_given(client: Client, server: Server) -> None:
    server.answer(success(execution(1, retried=1), 202))

    everything = client.retry(ID)
    client.retry(ID, statuses=["failed"], error_codes=["TIMEOUT"], indexes=[], api_key="a-key")

    assert (everything.count, everything.execution.percent) == (1, 50)
    assert [received.json for received in server.received] == [
        {},
        # An empty filter is for the API to refuse: it is not the same as none.
        {"status": ["failed"], "error_codes": ["TIMEOUT"], "batch_index": [], "api_key": "a-key"},
    ]


def test_a_workflow_is_read_with_its_models(client: Client, server: Server) -> None:
    server.answer(success(json.loads((ROOT / "infra/workflow.json").read_text())))

    workflow = client.workflow(WORKFLOW)

    assert (workflow.id, workflow.requires_api_key, workflow.max_prompts) == (WORKFLOW, True, 10_000)
    model = workflow.models[workflow.default_model]
    assert "1:1" in model.aspect_ratios
    assert model.price_usd["1K"] > 0
    assert model.successor in workflow.models
