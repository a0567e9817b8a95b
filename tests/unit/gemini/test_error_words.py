"""What is kept of a provider's words, and what is read from them."""

from __future__ import annotations

from typing import Any

import pytest

from imagefactory.adapters.gemini.failures import failure_of_status, mask_key
from imagefactory.adapters.gemini.values import MAX_TEXT
from imagefactory.domain.result import FailureCode
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
    message = mask_key(said, api_key)

    assert "AIza" not in message
    assert "AQ." not in message
    assert len(message) <= MAX_TEXT


def test_a_providers_reason_is_masked_and_cut_too() -> None:
    failure = failure_of_status(403, error(403, "no", DENIED, reason(f"{KEY} {'x' * 10_000}")), KEY)

    assert failure.provider_reason is not None
    assert failure.provider_reason.startswith("[key] xxx")
    assert len(failure.provider_reason) <= MAX_TEXT


@pytest.mark.parametrize(
    "said",
    [
        "API key not valid. Please pass a valid API key.",
        "API key expired. Please renew the API key.",
        "API Key not found. Please pass a valid API key.",
        "API KEY NOT VALID. PLEASE PASS A VALID API KEY.",
        "  api key is invalid",
        "The provided API key is not valid.",
        "Your API key has expired.",
        "API_KEY expired",
        "Invalid API key.",
        "Error: API key not valid.",
        "[400] Bad Request: API key is missing.",
        "Incorrect API key provided.",
        "Your API key was reported as leaked. Please use another API key.",
        "API_KEY_INVALID",
    ],
)
@pytest.mark.parametrize("details", [[], {}, "none", [7, None], [{"reason": None}], [{"reason": ["API_KEY_INVALID"]}]])
def test_a_sentence_alone_tells_that_the_key_is_wrong(said: str, details: Any) -> None:
    answer = {"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT", "details": details}}

    failure = failure_of_status(400, answer, KEY)

    assert (failure.code, failure.retryable, failure.message) == (FailureCode.INVALID_API_KEY, False, said)
    assert failure.provider_reason == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "details",
    [
        [reason("API_KEY_INVALID")],
        reason("API_KEY_INVALID"),
        [reason("api_key_invalid")],
        [reason("API_KEY_EXPIRED")],
        [{"locale": "en-US", "message": "API key not valid. Please pass a valid API key."}],
    ],
)
def test_details_alone_tell_that_the_key_is_wrong(details: Any) -> None:
    answer = {"error": {"code": 400, "message": "Bad Request", "status": "INVALID_ARGUMENT", "details": details}}

    assert failure_of_status(400, answer, KEY).code is FailureCode.INVALID_API_KEY


@pytest.mark.parametrize(
    "said",
    [
        "Invalid value at 'contents[0].parts[0].text': API key not valid. Please pass a valid API key.",
        "Prompt was refused: \nAPI key not valid. Please pass a valid API key.",
        '"API key expired" cannot be drawn.',
        "API keys are none of the things that can be drawn.",
        "API key: a picture of one cannot be drawn.",
        "API key not validated prompts are refused.",
        "The API of a key expired.",
    ],
)
def test_a_prompt_that_speaks_of_keys_does_not_make_the_key_wrong(said: str) -> None:
    violation = {"fieldViolations": [{"field": "contents", "description": "API key not valid."}]}

    failure = failure_of_status(400, error(400, said, "INVALID_ARGUMENT", violation, reason("BAD_PROMPT")), KEY)

    assert (failure.code, failure.retryable) == (FailureCode.INVALID_REQUEST, False)


@pytest.mark.parametrize("status", [404, 413, 429, 500, 503])
def test_the_sentence_about_keys_counts_with_400_alone(status: int) -> None:
    answer = error(status, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT")

    assert failure_of_status(status, answer, KEY).code is not FailureCode.INVALID_API_KEY
