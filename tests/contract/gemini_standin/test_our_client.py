"""Every outcome of the stand-in meets the factory's own client: each ends in the right code, none is swallowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emulators.gemini.faults.outcomes import Outcome
from imagefactory.adapters.gemini import GeminiModel
from imagefactory.adapters.pillow import PillowImageCodec
from imagefactory.domain.result import ResultStatus
from imagefactory.domain.retry import RetryPolicy
from imagefactory.testing import ManualClock, some_parameters
from tests.harness.factory import KEY, Factory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagefactory.domain.result import Result
    from tests.contract.gemini_standin.client import Gemini

PRO = "gemini-3-pro-image"
PARAMETERS = some_parameters(model=PRO, image_size="1K")
#: Seconds of an attempt that meets an outcome which takes for ever, and of any other: the stand-in answers at once.
SHORT, LONG = 1.0, 20.0

#: Outcomes with an image, and what is odd about it.
IMAGES = {
    Outcome.OK: (),
    Outcome.SLOW: (),
    Outcome.TEXT_BEFORE: (),
    Outcome.TEXT_AFTER: (),
    Outcome.BARE: (),
    Outcome.INTERIM_IMAGES: (),
    Outcome.THOUGHT_IMAGE: (),
    Outcome.FULL_SIZE: (),
    Outcome.SNAKE_CASE: (),
    Outcome.URL_SAFE: (),
    Outcome.GZIP: (),
    Outcome.DATA_URL: (),
    Outcome.WRAPPED: (),
    Outcome.EXCESS_PADDING: (),
    Outcome.ODD_MIME: (),
    Outcome.SOUND_AFTER: (),
    Outcome.NOTE_AFTER: (),
    Outcome.EMPTY_AFTER: (),
    Outcome.THOUGHT_AFTER: (),
    Outcome.BROKEN_AFTER: (),
    Outcome.EMPTY_FIRST: (),
    Outcome.REFUSED_FIRST: (),
    Outcome.REFUSED_WITH_PICTURE: (),
    Outcome.LISTED: (),
    Outcome.BYTE_ORDER_MARK: (),
    Outcome.BAD_LETTER: (),
    Outcome.BAD_NUMBER: (),
    Outcome.WRONG_SIZE: (
        "asked for 1:1, the image has 512 x 1024 pixels",
        "asked for 1K, the image has 512 x 1024 pixels",
    ),
    Outcome.WRONG_MIME: ("the model called it image/jpeg, it is image/png",),
    Outcome.THOUGHTS_ONLY: ("the model marked it as an interim image, and made no other",),
    Outcome.OTHER_MODEL: (f"asked {PRO}, gemini-9-other-image answered",),
}
#: Outcomes without one: the code, whether another attempt follows, the provider's status and reason.
ERROR_BODIES = {
    **{
        outcome: ("CONTENT_BLOCKED", False, 200, reason)
        for outcome, reason in (
            (Outcome.BLOCKED, "PROHIBITED_CONTENT"),
            (Outcome.BLOCKED_SAFETY, "SAFETY"),
            (Outcome.BLOCKED_OTHER, "OTHER"),
            (Outcome.BLOCKED_BLOCKLIST, "BLOCKLIST"),
            (Outcome.BLOCKED_IMAGE_SAFETY, "IMAGE_SAFETY"),
            (Outcome.BLOCKED_UNSPECIFIED, "BLOCKED_REASON_UNSPECIFIED"),
            (Outcome.BLOCKED_MODEL_ARMOR, "MODEL_ARMOR"),
            (Outcome.BLOCKED_JAILBREAK, "JAILBREAK"),
            (Outcome.IMAGE_BLOCKED, "IMAGE_SAFETY"),
            (Outcome.PARTS_NULL, "IMAGE_SAFETY"),
            (Outcome.IMAGE_PROHIBITED, "IMAGE_PROHIBITED_CONTENT"),
            (Outcome.IMAGE_RECITATION, "IMAGE_RECITATION"),
            (Outcome.THOUGHTS_REFUSED, "IMAGE_SAFETY"),
            (Outcome.SAFETY, "SAFETY"),
            (Outcome.PROHIBITED_CONTENT, "PROHIBITED_CONTENT"),
            (Outcome.RECITATION, "RECITATION"),
            (Outcome.LANGUAGE, "LANGUAGE"),
            (Outcome.BLOCKLIST, "BLOCKLIST"),
            (Outcome.SPII, "SPII"),
            (Outcome.ESCALATION, "ESCALATION"),
            (Outcome.PUP_LIMITED_DISABLED, "PUP_LIMITED_DISABLED"),
            (Outcome.MODEL_ARMOR, "MODEL_ARMOR"),
        )
    },
    **{
        outcome: ("NO_IMAGE", True, 200, reason)
        for outcome, reason in (
            (Outcome.IMAGE_OTHER, "IMAGE_OTHER"),
            (Outcome.CONTENT_MISSING, "IMAGE_OTHER"),
            (Outcome.NO_IMAGE, "NO_IMAGE"),
            (Outcome.TEXT_ONLY, "STOP"),
            (Outcome.OTHER, "OTHER"),
            (Outcome.MALFORMED_RESPONSE, "MALFORMED_RESPONSE"),
            (Outcome.MALFORMED_FUNCTION_CALL, "MALFORMED_FUNCTION_CALL"),
            (Outcome.UNEXPECTED_TOOL_CALL, "UNEXPECTED_TOOL_CALL"),
            (Outcome.TOO_MANY_TOOL_CALLS, "TOO_MANY_TOOL_CALLS"),
            (Outcome.MISSING_THOUGHT_SIGNATURE, "MISSING_THOUGHT_SIGNATURE"),
            (Outcome.CONTINUATION, "CONTINUATION"),
            (Outcome.FINISH_UNSPECIFIED, "FINISH_REASON_UNSPECIFIED"),
            (Outcome.MAX_TOKENS, "MAX_TOKENS"),
            (Outcome.UNKNOWN_FINISH, "A_REASON_OF_TOMORROW"),
            (Outcome.EMPTY_CANDIDATE, None),
            (Outcome.NO_CANDIDATES, None),
        )
    },
    **dict.fromkeys(
        (
            *(Outcome.BAD_REQUEST, Outcome.UNKNOWN_FIELD, Outcome.BAD_RATIO, Outcome.BAD_SIZE),
            *(Outcome.MISSING_SIGNATURE, Outcome.NO_INSTRUCTIONS, Outcome.PAYLOAD_TOO_LARGE, Outcome.PROMPT_ABOUT_KEYS),
        ),
        ("INVALID_REQUEST", False, 400, "INVALID_ARGUMENT"),
    ),
    Outcome.REGION_BLOCKED: ("INVALID_REQUEST", False, 400, "FAILED_PRECONDITION"),
    Outcome.NOT_FOUND: ("INVALID_REQUEST", False, 404, "NOT_FOUND"),
    Outcome.NOT_FOUND_OLD: ("INVALID_REQUEST", False, 404, "NOT_FOUND"),
    Outcome.HTML_TOO_LARGE: ("INVALID_REQUEST", False, 413, None),
    Outcome.INVALID_KEY: ("INVALID_API_KEY", False, 400, "API_KEY_INVALID"),
    Outcome.EXPIRED_KEY: ("INVALID_API_KEY", False, 400, "API_KEY_INVALID"),
    Outcome.INVALID_KEY_WORDS: ("INVALID_API_KEY", False, 400, "INVALID_ARGUMENT"),
    Outcome.EXPIRED_KEY_WORDS: ("INVALID_API_KEY", False, 400, "INVALID_ARGUMENT"),
    Outcome.UNAUTHENTICATED: ("INVALID_API_KEY", False, 401, "UNAUTHENTICATED"),
    Outcome.MISSING_KEY: ("INVALID_API_KEY", False, 403, "PERMISSION_DENIED"),
    Outcome.PERMISSION_DENIED: ("INVALID_API_KEY", False, 403, "PERMISSION_DENIED"),
    Outcome.LEAKED_KEY: ("INVALID_API_KEY", False, 403, "PERMISSION_DENIED"),
    Outcome.SUSPENDED_KEY: ("INVALID_API_KEY", False, 403, "CONSUMER_SUSPENDED"),
    Outcome.API_DISABLED: ("INVALID_API_KEY", False, 403, "SERVICE_DISABLED"),
    Outcome.API_DISABLED_NEW: ("INVALID_API_KEY", False, 403, "SERVICE_DISABLED"),
    **dict.fromkeys(
        (
            *(Outcome.RATE_LIMITED, Outcome.RATE_LIMITED_SHORT, Outcome.RATE_LIMITED_VERTEX),
            *(Outcome.RATE_LIMITED_IMAGES, Outcome.RATE_LIMITED_MINUTES, Outcome.RATE_LIMITED_OBJECT),
            *(Outcome.RATE_LIMITED_NUMBER, Outcome.RATE_LIMITED_SENTENCE, Outcome.RATE_LIMITED_HOURS),
            Outcome.RATE_LIMITED_NONSENSE,
        ),
        ("RATE_LIMIT_EXCEEDED", True, 429, "RESOURCE_EXHAUSTED"),
    ),
    **dict.fromkeys(
        (
            *(Outcome.CREDITS_DEPLETED, Outcome.SPENDING_CAP, Outcome.QUOTA_EXHAUSTED),
            *(Outcome.QUOTA_EXHAUSTED_WORDS, Outcome.LIMIT_ZERO, Outcome.LIMIT_ZERO_VALUE),
        ),
        ("RATE_LIMIT_EXCEEDED", False, 429, "RESOURCE_EXHAUSTED"),
    ),
    Outcome.HTML_RATE_LIMITED: ("RATE_LIMIT_EXCEEDED", True, 429, None),
    Outcome.SERVER_ERROR: ("SERVER_ERROR", True, 500, "INTERNAL"),
    Outcome.SERVER_ERROR_SHORT: ("SERVER_ERROR", True, 500, "INTERNAL"),
    Outcome.LISTED_ERROR: ("SERVER_ERROR", True, 500, "INTERNAL"),
    Outcome.OVERLOADED: ("SERVER_ERROR", True, 503, "UNAVAILABLE"),
    Outcome.OVERLOADED_OLD: ("SERVER_ERROR", True, 503, "UNAVAILABLE"),
    Outcome.OVERLOADED_RETRY: ("SERVER_ERROR", True, 503, "UNAVAILABLE"),
    Outcome.DEADLINE_UNAVAILABLE: ("SERVER_ERROR", True, 503, "UNAVAILABLE"),
    Outcome.LATE_ERROR: ("SERVER_ERROR", True, 503, "UNAVAILABLE"),
    Outcome.DEADLINE_EXCEEDED: ("SERVER_ERROR", True, 504, "DEADLINE_EXCEEDED"),
    Outcome.HTML_ERROR: ("SERVER_ERROR", True, 502, None),
    Outcome.HTML_OVERLOADED: ("SERVER_ERROR", True, 503, None),
    Outcome.HTML_TIMEOUT: ("SERVER_ERROR", True, 408, None),
    Outcome.REDIRECT: ("SERVER_ERROR", True, 302, None),
    Outcome.CUT_JSON: ("SERVER_ERROR", True, 200, None),
    Outcome.EMPTY_BODY: ("SERVER_ERROR", True, 200, None),
    Outcome.BAD_BASE64: ("SERVER_ERROR", True, 200, None),
    Outcome.HUGE: ("SERVER_ERROR", True, 200, None),
    Outcome.GZIP_BOMB: ("SERVER_ERROR", True, 200, None),
    Outcome.NOT_AN_IMAGE: ("SERVER_ERROR", True, None, None),
    Outcome.TRUNCATED: ("SERVER_ERROR", True, None, None),
    Outcome.CONNECTION_RESET: ("SERVER_ERROR", True, None, None),
    Outcome.TIMEOUT: ("TIMEOUT", True, None, None),
    Outcome.DRIP: ("TIMEOUT", True, None, None),
}
#: Seconds until the second attempt, after outcomes that ask for some, and after one whose wish makes no sense.
DELAYS = {
    Outcome.RATE_LIMITED: 3.84422229,
    Outcome.RATE_LIMITED_IMAGES: 4.4,
    Outcome.RATE_LIMITED_MINUTES: 90.5,
    Outcome.RATE_LIMITED_OBJECT: 35.5,
    Outcome.RATE_LIMITED_NUMBER: 35,
    Outcome.RATE_LIMITED_SENTENCE: 20,
    Outcome.RATE_LIMITED_HOURS: 3600,
    Outcome.RATE_LIMITED_NONSENSE: 2,
    Outcome.HTML_RATE_LIMITED: 3,
    Outcome.OVERLOADED_RETRY: 40,
    Outcome.HTML_OVERLOADED: 30,
}


@pytest.fixture
def model(gemini: Gemini) -> Iterator[GeminiModel]:
    model = GeminiModel(gemini.url, max_decodes=1)
    yield model
    model._session.close()  # noqa: SLF001 - a function's process keeps its connections


def after(outcome: Outcome, gemini: Gemini, model: GeminiModel) -> Result:
    """What is kept of a prompt after its first attempt met this outcome."""
    gemini.rule(match=None, outcomes=[outcome.value])
    factory = Factory()
    seconds = SHORT if outcome in {Outcome.TIMEOUT, Outcome.DRIP} else LONG
    generate = replace(factory.generate, model=model, codec=PillowImageCodec(), retry=RetryPolicy(timeout_base=seconds))
    execution = factory.store_execution(
        "a lighthouse", parameters=PARAMETERS, id="x", encrypted_key=factory.encryption.encrypt(KEY, "x")
    )
    generate(execution.id, 0, 1)
    assert [call["outcome"] for call in gemini.calls()] == [outcome.value]
    return factory.read_result(execution.id)


def test_every_outcome_is_walked_through() -> None:
    assert set(Outcome) == set(IMAGES) | set(ERROR_BODIES)


@pytest.mark.parametrize(("outcome", "odd"), IMAGES.items(), ids=[outcome.value for outcome in IMAGES])
def test_an_image_is_kept_with_what_is_odd_about_it(
    gemini: Gemini, model: GeminiModel, outcome: Outcome, odd: tuple[str, ...]
) -> None:
    result = after(outcome, gemini, model)

    assert result.status is ResultStatus.COMPLETED
    assert result.image is not None
    assert result.image.provenance.warnings == odd
    assert (result.image.provenance.model_version is None) is (outcome is Outcome.BARE)


@pytest.mark.parametrize(("outcome", "means"), ERROR_BODIES.items(), ids=[outcome.value for outcome in ERROR_BODIES])
def test_a_failure_has_its_code_and_the_providers_own_words(
    gemini: Gemini, model: GeminiModel, outcome: Outcome, means: tuple[str, bool, int | None, str | None]
) -> None:
    result = after(outcome, gemini, model)

    failure = result.failure
    assert failure is not None
    assert (failure.code, failure.retryable, failure.provider_status, failure.provider_reason) == means
    assert result.image is None
    assert result.status is (ResultStatus.PENDING if failure.retryable else failure.ends_as)
    assert failure.message
    assert "AIza" not in failure.message


@pytest.mark.parametrize(("outcome", "seconds"), DELAYS.items(), ids=[outcome.value for outcome in DELAYS])
def test_the_next_attempt_begins_when_the_provider_asks(
    gemini: Gemini, model: GeminiModel, outcome: Outcome, seconds: float
) -> None:
    result = after(outcome, gemini, model)

    assert result.next_attempt_at == ManualClock().now() + timedelta(seconds=seconds)
