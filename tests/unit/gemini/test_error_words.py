"""What is kept of a provider's words, and what is read from them."""

from __future__ import annotations

import pytest

from imagefactory.adapters.gemini.failures import failure_of_status, masked
from imagefactory.adapters.gemini.values import MAX_TEXT
from tests.unit.gemini.calling import KEY
from tests.unit.gemini.test_error_answers import DENIED, error, reason


def test_a_key_that_the_provider_repeats_is_masked() -> None:
    answer = error(403, f"Permission denied: Consumer 'api_key:{KEY}' has been suspended.", "PERMISSION_DENIED")

    failure = failure_of_status(403, answer, KEY)

    assert failure.message == "Permission denied: Consumer 'api_key:[key]' has been suspended."


@pytest.mark.parametrize(
    "said",
    [f"key {KEY}", f"{KEY}{KEY}", f"another key AIza{'x' * 35}", f"a new key AQ.Ab8{'x-_' * 15}", "x" * 490 + KEY],
)
@pytest.mark.parametrize("api_key", [KEY, "", "AQ.Ab8Another"])
def test_no_message_holds_what_looks_like_a_key(said: str, api_key: str) -> None:
    message = masked(said, api_key)

    assert "AIza" not in message
    assert "AQ." not in message
    assert len(message) <= MAX_TEXT


def test_a_providers_reason_is_masked_and_cut_too() -> None:
    failure = failure_of_status(403, error(403, "no", DENIED, reason(f"{KEY} {'x' * 10_000}")), KEY)

    assert failure.provider_reason is not None
    assert failure.provider_reason.startswith("[key] xxx")
    assert len(failure.provider_reason) <= MAX_TEXT
