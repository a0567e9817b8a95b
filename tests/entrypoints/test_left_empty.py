"""What was left empty was not filled in, however a client says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, data_of, faults_of
from tests.entrypoints.spellings import NO_NAME, PROMPTS, accepted, disposed, prompts_of, refusal_of
from tests.hostile.row import part

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


class TestWhatWasLeftEmpty:
    @pytest.mark.parametrize(
        "empty",
        [
            pytest.param(part("reference_images", b""), id="a reference as a text"),
            pytest.param(part("reference_images", b"", disposed()), id="an untouched file input"),
            pytest.param(
                part("reference_images", b"", disposed("undefined", "application/octet-stream")), id="undefined"
            ),
            pytest.param(
                part("reference_images", b"", disposed("blob", "application/octet-stream")), id="an empty blob"
            ),
            pytest.param(part("reference_images", b"", NO_NAME + b"application/octet-stream"), id="no name, a type"),
            pytest.param(part("model", b"", disposed()), id="a file where a text is meant"),
            pytest.param(part("output_format", b"", disposed("blob", "text/plain")), id="a blob where a text is meant"),
            pytest.param(part("metadata", b"  \r\n "), id="metadata of spaces"),
            pytest.param(part("metadata", b"", disposed("blob", "application/json")), id="metadata of nothing"),
            pytest.param(part("aspect_ratio", b" "), id="a ratio of a space"),
            pytest.param(part("resolution", b"\r\n"), id="a resolution of a line end"),
            pytest.param(part("prompts_text", b"", disposed("undefined")), id="a second field of prompts"),
            pytest.param(part("reference_images", b"undefined"), id="what a script makes of nothing"),
            pytest.param(part("model", b"null"), id="what a script makes of null"),
            pytest.param(part("metadata", b"[]"), id="what PHP makes of an empty map"),
            pytest.param(part("metadata", "\ufeff\u00a0".encode()), id="metadata of marks"),
        ],
    )
    def test_in_a_form_was_not_filled_in(self, submit: Function, factory: Factory, empty: bytes) -> None:
        execution = accepted(submit, factory, PROMPTS, empty)

        assert (execution.parameters.references, execution.metadata, prompts_of(factory, execution)) == (
            (),
            {},
            ["a lighthouse"],
        )

    @pytest.mark.parametrize(
        "empty",
        [
            *({name: ""} for name in ("model", "aspect_ratio", "resolution", "output_format", "metadata", "prompts")),
            {"reference_images": ""},
            {"model": " \n"},
            {"reference_images": [None, "", {"data": ""}, {"mime_type": "application/octet-stream", "data": ""}]},
            {"prompts_text": "", "prompts": ["a lighthouse"]},
            {"metadata": []},
            {"reference_images": [{}, {"mime_type": None, "data": None}]},
        ],
        ids=json.dumps,
    )
    def test_in_json_was_not_filled_in(self, submit: Function, empty: dict[str, Any]) -> None:
        data_of(submit.post(EXECUTE, json=LIGHTHOUSE | empty), 202)

    def test_and_is_needed_is_told(self, submit: Function) -> None:
        answer = submit.post(EXECUTE, json={"prompts_text": "", "api_key": " "})

        assert faults_of(answer) == [("prompts", None), ("api_key", None)]

    @pytest.mark.parametrize("named", [disposed("fox.png"), disposed("IMG_1", "image/jpeg")])
    def test_in_a_file_that_somebody_chose_is_told(self, submit: Function, named: bytes) -> None:
        field, index, message = refusal_of(submit, PROMPTS, part("reference_images", b"", named))

        assert (field, index) == ("reference_images", 0)
        assert "empty" in message


class TestARetry:
    @pytest.mark.parametrize("kind", ["application/json", "text/plain;charset=UTF-8"])
    def test_of_null_is_one_without_a_body_whatever_its_type(self, submit: Function, kind: str) -> None:
        execution_id = data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)["execution_id"]
        submit.post(f"/api/executions/{execution_id}/cancel")

        answer = submit.post(f"/api/executions/{execution_id}/retry", data=b" " * 40 + b"null\n", content_type=kind)

        assert faults_of(answer) == [("api_key", None)]

    @pytest.mark.parametrize("sent", [b"", b"null", b" \r\n", b"{}", b'{"status": null, "api_key": ""}'])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_without_anything_in_its_body_takes_all(self, submit: Function, sent: bytes, *, chunked: bool) -> None:
        execution_id = data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)["execution_id"]
        submit.post(f"/api/executions/{execution_id}/cancel")
        path = f"/api/executions/{execution_id}/retry"

        kind = "application/json"
        answer = submit.chunked(path, sent, kind) if chunked else submit.post(path, data=sent, content_type=kind)

        # It asks for the key, which was deleted with the end: so the body was read as none.
        assert faults_of(answer) == [("api_key", None)]
