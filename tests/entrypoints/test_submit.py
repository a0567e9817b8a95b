"""A batch is posted: what is answered, what is kept, and what is refused."""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.entrypoints.apps import WORKFLOW
from tests.entrypoints.function import (
    EXECUTE,
    LIGHTHOUSE,
    NOBODY_HAS,
    data_of,
    error_of,
    execution_of,
    faults_of,
    picture,
)

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


def test_the_answer_has_every_key_of_the_contract_and_no_other(submit: Function) -> None:
    answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"model": "gemini-3-pro-image"})

    data = data_of(answer, 202)
    path = f"/api/executions/{data['execution_id']}"
    assert str(uuid.UUID(data["execution_id"])) == data["execution_id"]
    assert data == {
        "execution_id": data["execution_id"],
        "workflow_id": WORKFLOW["id"],
        "status": "queued",
        "prompt_count": 3,
        "estimated_time_seconds": 62,
        "estimated_cost_usd": 0.402,
        "warnings": [],
        "urls": {
            "self": path,
            "results": f"{path}/results.jsonl",
            "cancel": f"{path}/cancel",
            "retry": f"{path}/retry",
        },
    }
    assert answer.headers["Location"] == path
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "application/json"


def test_a_retired_model_is_taken_with_a_warning_that_names_its_successor(submit: Function) -> None:
    answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"model": "gemini-2.5-flash-image"})

    (warning,) = data_of(answer, 202)["warnings"]
    assert "gemini-3.1-flash-lite-image" in warning


def test_a_json_body_may_give_every_field(submit: Function, factory: Factory) -> None:
    body = {
        "prompts": ["  a lighthouse ", {"prompt": "a harbour", "custom_id": "h-1"}],
        "api_key": "the-key",
        "reference_images": [{"mime_type": "image/png", "data": base64.b64encode(picture()).decode()}],
        "model": "gemini-3-pro-image",
        "aspect_ratio": "16:9",
        "resolution": "4K",
        "output_format": "webp",
        "metadata": {"project": "postcards"},
    }

    answer = submit.post(EXECUTE, json=body)

    execution = factory.store.executions[data_of(answer, 202)["execution_id"]]
    parameters = execution.parameters
    assert (parameters.model, parameters.aspect_ratio, parameters.resolution) == ("gemini-3-pro-image", "16:9", "4K")
    assert (parameters.output_format, len(parameters.references)) == ("webp", 1)
    assert execution.metadata == {"project": "postcards"}
    assert [(one.text, one.custom_id) for one in factory.store.chunks[execution.id, 0]] == [
        ("a lighthouse", None),
        ("a harbour", "h-1"),
    ]


def test_a_prompt_given_by_itself_is_trimmed_and_keeps_its_own_lines(submit: Function, factory: Factory) -> None:
    prompts = ["\n  a lighthouse\n\nat night \r\n", {"prompt": "\t\na harbour\n"}]

    answer = submit.post(EXECUTE, json={"prompts": prompts, "api_key": "the-key"})

    kept = [one.text for one in factory.store.chunks[data_of(answer, 202)["execution_id"], 0]]
    assert kept == ["a lighthouse\n\nat night", "a harbour"]


def test_null_is_as_good_as_nothing(submit: Function) -> None:
    names = ("prompts", "reference_images", "model", "aspect_ratio", "resolution", "output_format", "metadata")

    answer = submit.post(EXECUTE, json=LIGHTHOUSE | dict.fromkeys(names))

    data_of(answer, 202)


def test_an_image_may_leave_its_type_out(submit: Function, factory: Factory) -> None:
    images = [{"data": base64.b64encode(picture()).decode()} | more for more in ({}, {"mime_type": None})]

    answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": images})

    (first, second) = factory.store.executions[data_of(answer, 202)["execution_id"]].parameters.references
    assert first.content_type == second.content_type == "image/png"


def test_the_answer_to_many_faults_has_the_first_ten_thousand(submit: Function) -> None:
    body = LIGHTHOUSE | {"prompts_text": None, "prompts": ["a"] * 12_000}

    error = error_of(submit.post(EXECUTE, json=body), 400, "VALIDATION_FAILED")

    assert len(error["details"]) == 10_000
    assert "The first 10000 of 12001 faults" in error["message"]


def test_prompts_keep_control_characters_and_every_oddity_of_unicode(submit: Function, factory: Factory) -> None:
    odd = "a\u0000b \u202e right to left \U0001f469\u200d\U0001f680 e\u0301 \u2028 \ufffd \x1b[31m"

    answer = submit.post(EXECUTE, json={"prompts": [odd], "api_key": "the-key"})

    (kept,) = factory.store.chunks[data_of(answer, 202)["execution_id"], 0]
    assert kept.text == odd


def test_the_key_is_encrypted_and_stands_in_no_answer(submit: Function, factory: Factory) -> None:
    answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"api_key": "AIza-very-secret"})

    execution = factory.store.executions[data_of(answer, 202)["execution_id"]]
    assert execution.encrypted_key is not None
    assert factory.encryption.decrypt(execution.encrypted_key, execution.id) == "AIza-very-secret"
    assert "AIza-very-secret" not in answer.get_data(as_text=True)
    assert "AIza-very-secret" not in str(factory.tasks.created)


def test_tasks_are_created_one_second_apart(submit: Function, factory: Factory) -> None:
    execution_of(submit)

    moments = [task.schedule_at.timestamp() for task in factory.tasks.created]
    assert [later - moments[0] for later in moments] == [0, 1, 2]


def test_every_fault_is_told_at_once_and_nothing_is_stored(submit: Function, factory: Factory) -> None:
    body = {
        "prompts": [
            "a lighthouse",
            "no",
            {"prompt": 7},
            {"prompt": "a gull", "custom_id": "x"},
            {"prompt": "a harbour", "custom_id": "x"},
        ],
        "aspect_ratio": "5:1",
        "resolution": "4K",
        "output_format": "gif",
        "metadata": {"": "x"},
        "reference_images": [{"mime_type": "image/png", "data": base64.b64encode(b"not an image").decode()}, "x"],
        "colour": "red",
    }

    answer = submit.post(EXECUTE, json=body)

    assert sorted(faults_of(answer), key=str) == sorted(
        [
            ("colour", None),
            ("prompts", 2),
            ("reference_images", 0),
            ("reference_images", 1),
            ("prompts", 1),
            ("custom_id", 3),
            ("custom_id", 4),
            ("api_key", None),
            ("aspect_ratio", None),
            ("resolution", None),
            ("output_format", None),
            ("metadata", None),
        ],
        key=str,
    )
    assert (factory.store.executions, factory.images.objects, factory.tasks.created) == ({}, {}, [])


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        pytest.param({"prompts_text": " \n\t\n"}, ("prompts", None), id="blank lines only"),
        pytest.param({"prompts_text": "ab"}, ("prompts", 0), id="a short prompt"),
        pytest.param({"prompts_text": "a lighthouse\n" * 10_001}, ("prompts", None), id="too many prompts"),
        pytest.param({"prompts_text": "é" * 50_001}, ("prompts", 0), id="a prompt of too many bytes"),
        pytest.param({"api_key": ""}, ("api_key", None), id="an empty key"),
        pytest.param({"api_key": "two words"}, ("api_key", None), id="a key with a space"),
        pytest.param({"api_key": "k" * 513}, ("api_key", None), id="a long key"),
        pytest.param({"model": "gpt-image"}, ("model", None), id="an unknown model"),
        pytest.param({"aspect_ratio": "1:2"}, ("aspect_ratio", None), id="an unknown ratio"),
        pytest.param({"resolution": "2K"}, ("resolution", None), id="a resolution on a model without one"),
        pytest.param({"output_format": "PNG"}, ("output_format", None), id="an unknown format"),
        pytest.param({"metadata": {str(n): "" for n in range(17)}}, ("metadata", None), id="too much metadata"),
        pytest.param({"metadata": {"k" * 65: ""}}, ("metadata", None), id="a long key of metadata"),
        pytest.param({"metadata": {"k": "v" * 513}}, ("metadata", None), id="a long value of metadata"),
    ],
)
def test_a_broken_rule_is_refused_by_its_field(
    submit: Function, fields: dict[str, Any], fault: tuple[str, int | None]
) -> None:
    answer = submit.post(EXECUTE, json=LIGHTHOUSE | fields)

    assert faults_of(answer) == [fault]


def test_ten_thousand_prompts_are_taken(submit: Function, factory: Factory) -> None:
    text = "\n".join(f"a lighthouse, view {number}" for number in range(10_000))

    answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"prompts_text": text})

    assert data_of(answer, 202)["prompt_count"] == 10_000
    assert len(factory.tasks.created) == 10_000


def test_an_unknown_workflow_is_not_found(submit: Function) -> None:
    answer = submit.post(f"/api/workflows/{NOBODY_HAS}/execute", json=LIGHTHOUSE)

    error_of(answer, 404, "NOT_FOUND")
