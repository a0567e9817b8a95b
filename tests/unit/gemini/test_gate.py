from __future__ import annotations

import pytest

from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.result import FailureCode
from tests.unit.gemini.calling import ANSWER, KEY, REQUEST, a_model
from tests.unit.gemini.server import answering_json, serving


def test_waiting_at_the_gate_counts_as_the_attempts_time() -> None:
    with serving(answering_json(ANSWER)) as server, a_model(server, max_decodes=1) as model:
        with model.generate(REQUEST, KEY, 5), pytest.raises(AttemptFailed) as late, model.generate(REQUEST, KEY, 0.2):
            pass

        assert late.value.failure.code is FailureCode.TIMEOUT
        # The place that was not got is not given back either: the next one passes, alone.
        with model.generate(REQUEST, KEY, 5) as generated:
            assert generated.content_type == "image/png"
