"""Answers that every reader understands, and a batch that works on the day it is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, data_of

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_no_answer_has_a_line_end_inside_a_value(submit: Function, status: Function, sign: str) -> None:
    text = f"a lighthouse{sign}at night"
    execution_id = data_of(submit.post(EXECUTE, json={"prompts": [text] * 3, "api_key": "k"}), 202)["execution_id"]

    lines = status.get(f"/api/executions/{execution_id}/results.jsonl").get_data(as_text=True).splitlines()
    shown = status.get(f"/api/executions/{execution_id}")

    assert [json.loads(line)["prompt_text"] for line in lines] == [text] * 3
    assert len(shown.get_data(as_text=True).splitlines()) == 1
    assert data_of(shown)["batch_results"][0]["prompt_text"] == text


@pytest.mark.parametrize("header", ["*", '"a", {etag}', "W/{etag}"])
def test_whoever_has_the_execution_as_it_is_gets_it_no_second_time(
    submit: Function, status: Function, header: str
) -> None:
    path = f"/api/executions/{data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)['execution_id']}"
    etag = status.get(path).headers["ETag"]

    answer = status.get(path, headers={"If-None-Match": header.format(etag=etag)})

    assert (answer.status_code, answer.headers["ETag"]) == (304, etag)


def test_a_batch_that_names_no_model_is_made_by_one_that_is_not_retired(submit: Function, factory: Factory) -> None:
    data = data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)

    execution = factory.store.executions[data["execution_id"]]
    assert execution.parameters.model == "gemini-3.1-flash-lite-image"
    assert data["estimated_cost_usd"] == pytest.approx(3 * 0.0336)
    (warning,) = data["warnings"]
    assert "gemini-2.5-flash-image was announced to be shut down on 2026-10-02" in warning
    assert "so gemini-3.1-flash-lite-image makes it" in warning
