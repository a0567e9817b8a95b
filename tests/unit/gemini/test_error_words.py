"""What is kept of a provider's words, and what is read from them."""

from __future__ import annotations

from typing import Any

import pytest

from imagefactory.adapters.gemini.failures import failure_of_status, masked
from imagefactory.adapters.gemini.values import MAX_TEXT
from tests.unit.gemini.calling import KEY
from tests.unit.gemini.test_error_answers import DENIED, error, reason, retry_info


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


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        ("30", (), 30.0),
        ("30", (retry_info("35s"),), 35.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", (), 0.0),
        ("-1", (), 0.0),
        (None, (), 0.0),
    ],
)
def test_a_header_tells_the_delay_where_nothing_else_does(
    header: str | None, details: tuple[dict[str, Any], ...], seconds: float
) -> None:
    answer = error(429, "Resource has been exhausted.", "RESOURCE_EXHAUSTED", *details)

    assert failure_of_status(429, answer, KEY, header).retry_after == seconds
