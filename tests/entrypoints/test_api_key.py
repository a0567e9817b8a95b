"""The API key as it is copied: cleaned of what stands around it, refused where it cannot be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, data_of, faults_of
from tests.entrypoints.spellings import PROMPTS
from tests.hostile.row import FORM_TYPE, part

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


class TestAKey:
    @pytest.mark.parametrize("sent", ['"the-key"', " the-key\r\n", "\ufeffthe-key", "\u201cthe-key\u201d"])
    def test_is_kept_without_what_stands_around_it(self, submit: Function, factory: Factory, sent: str) -> None:
        by_json = submit.post(EXECUTE, json=LIGHTHOUSE | {"api_key": sent})
        body = part("api_key", sent.encode()) + PROMPTS + b"--b--\r\n"
        by_form = submit.post(EXECUTE, data=body, content_type=FORM_TYPE)

        for answer in (by_json, by_form):
            execution = factory.store.executions[data_of(answer, 202)["execution_id"]]
            assert execution.encrypted_key is not None
            assert factory.encryption.decrypt(execution.encrypted_key, execution.id) == "the-key"

    @pytest.mark.parametrize("sent", ["undefined", "null", "YOUR_API_KEY", "GEMINI_API_KEY=AIza1", "AIza1,AIza2"])
    def test_that_cannot_be_one_is_refused_at_submit_and_at_retry(self, submit: Function, sent: str) -> None:
        submitted = submit.post(EXECUTE, json=LIGHTHOUSE | {"api_key": sent})
        execution_id = data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)["execution_id"]
        retried = submit.post(f"/api/executions/{execution_id}/retry", json={"api_key": sent})

        assert faults_of(submitted) == faults_of(retried) == [("api_key", None)]
