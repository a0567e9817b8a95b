"""Google's own SDK, unmodified, cannot tell the stand-in from the Gemini API."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import httpx2
import pytest
from google import genai
from google.genai import errors, types
from PIL import Image

from emulators.gemini.faults.error_bodies import ERROR_BODIES
from emulators.gemini.faults.no_image_bodies import NO_IMAGE_CANDIDATES, PROMPT_BLOCK_REASONS
from emulators.gemini.faults.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.gemini_standin.client import Gemini

FLASH = "gemini-2.5-flash-image"

#: Errors as the SDK types them: the outcome, its HTTP status, and Google's word for it.
TYPED = [
    (Outcome.BAD_REQUEST, 400, "INVALID_ARGUMENT"),
    (Outcome.UNKNOWN_FIELD, 400, "INVALID_ARGUMENT"),
    (Outcome.BAD_RATIO, 400, "INVALID_ARGUMENT"),
    (Outcome.BAD_SIZE, 400, "INVALID_ARGUMENT"),
    (Outcome.MISSING_SIGNATURE, 400, "INVALID_ARGUMENT"),
    (Outcome.NO_INSTRUCTIONS, 400, "INVALID_ARGUMENT"),
    (Outcome.PAYLOAD_TOO_LARGE, 400, "INVALID_ARGUMENT"),
    (Outcome.INVALID_KEY, 400, "INVALID_ARGUMENT"),
    (Outcome.EXPIRED_KEY, 400, "INVALID_ARGUMENT"),
    (Outcome.INVALID_KEY_WORDS, 400, "INVALID_ARGUMENT"),
    (Outcome.EXPIRED_KEY_WORDS, 400, "INVALID_ARGUMENT"),
    (Outcome.PROMPT_ABOUT_KEYS, 400, "INVALID_ARGUMENT"),
    (Outcome.REGION_BLOCKED, 400, "FAILED_PRECONDITION"),
    (Outcome.UNAUTHENTICATED, 401, "UNAUTHENTICATED"),
    (Outcome.MISSING_KEY, 403, "PERMISSION_DENIED"),
    (Outcome.PERMISSION_DENIED, 403, "PERMISSION_DENIED"),
    (Outcome.LEAKED_KEY, 403, "PERMISSION_DENIED"),
    (Outcome.SUSPENDED_KEY, 403, "PERMISSION_DENIED"),
    (Outcome.API_DISABLED, 403, "PERMISSION_DENIED"),
    (Outcome.API_DISABLED_NEW, 403, "PERMISSION_DENIED"),
    (Outcome.NOT_FOUND, 404, "NOT_FOUND"),
    (Outcome.NOT_FOUND_OLD, 404, "NOT_FOUND"),
    (Outcome.HTML_TIMEOUT, 408, "Request Timeout"),
    (Outcome.HTML_TOO_LARGE, 413, "Request Entity Too Large"),
    (Outcome.HTML_RATE_LIMITED, 429, "Too Many Requests"),
    (Outcome.RATE_LIMITED, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.RATE_LIMITED_SHORT, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.RATE_LIMITED_VERTEX, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.RATE_LIMITED_IMAGES, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.RATE_LIMITED_MINUTES, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.RATE_LIMITED_OBJECT, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.RATE_LIMITED_NUMBER, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.RATE_LIMITED_SENTENCE, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.RATE_LIMITED_HOURS, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.RATE_LIMITED_NONSENSE, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.CREDITS_DEPLETED, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.SPENDING_CAP, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.QUOTA_EXHAUSTED, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.QUOTA_EXHAUSTED_WORDS, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.LIMIT_ZERO, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.LIMIT_ZERO_VALUE, 429, "RESOURCE_EXHAUSTED"),
    (Outcome.SERVER_ERROR, 500, "INTERNAL"),
    (Outcome.SERVER_ERROR_SHORT, 500, "INTERNAL"),
    (Outcome.LISTED_ERROR, 500, "INTERNAL"),
    (Outcome.HTML_ERROR, 502, "Bad Gateway"),
    (Outcome.OVERLOADED, 503, "UNAVAILABLE"),
    (Outcome.OVERLOADED_OLD, 503, "UNAVAILABLE"),
    (Outcome.OVERLOADED_RETRY, 503, "UNAVAILABLE"),
    (Outcome.HTML_OVERLOADED, 503, "Service Unavailable"),
    (Outcome.DEADLINE_UNAVAILABLE, 503, "UNAVAILABLE"),
    (Outcome.DEADLINE_EXCEEDED, 504, "DEADLINE_EXCEEDED"),
]


@pytest.fixture
def sdk(gemini: Gemini) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=gemini.url, api_version="v1beta", timeout=20_000)
    with genai.Client(api_key="a-key", http_options=options) as client:
        yield client


def generate(client: genai.Client, prompt: object, model: str = FLASH, **image: str) -> types.GenerateContentResponse:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=types.ImageConfig.model_validate(image) if image else None
    )
    return client.models.generate_content(model=model, contents=prompt, config=config)  # type: ignore[arg-type] # str or list


def picture(answer: types.GenerateContentResponse) -> tuple[str, tuple[int, int]]:
    blobs = [part.inline_data for part in answer.parts or [] if part.inline_data]
    [blob] = blobs
    assert blob is not None
    assert blob.data is not None
    with Image.open(io.BytesIO(blob.data)) as image:
        image.load()
        return str(blob.mime_type), image.size


def test_it_makes_an_image_and_reports_its_usage(sdk: genai.Client) -> None:
    answer = generate(sdk, "a blue boat", aspect_ratio="16:9")

    assert picture(answer) == ("image/png", (1344, 768))
    assert answer.model_version == FLASH
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == 1290
    assert answer.usage_metadata.candidates_tokens_details is not None
    assert answer.usage_metadata.candidates_tokens_details[0].modality == types.MediaModality.IMAGE


def test_a_model_with_sizes_makes_the_size_that_is_asked_for(sdk: genai.Client) -> None:
    answer = generate(sdk, "a blue boat", "gemini-3-pro-image", aspect_ratio="1:1", image_size="2K")

    assert picture(answer) == ("image/jpeg", (2048, 2048))


def test_a_reference_image_goes_with_the_prompt(sdk: genai.Client, gemini: Gemini) -> None:
    reference = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(reference, "PNG")

    answer = generate(sdk, [types.Part.from_bytes(data=reference.getvalue(), mime_type="image/png"), "a blue boat"])

    assert picture(answer)[0] == "image/png"
    assert [call["reference_count"] for call in gemini.calls()] == [1]


def test_models_are_listed_and_described(sdk: genai.Client) -> None:
    names = [model.name for model in sdk.models.list()]

    assert f"models/{FLASH}" in names
    assert sdk.models.get(model=FLASH).name == f"models/{FLASH}"


def test_a_model_that_thinks_tells_its_thoughts_and_signs_its_picture(sdk: genai.Client) -> None:
    answer = generate(sdk, "a blue boat", "gemini-3-pro-image")

    usage = answer.usage_metadata
    assert usage is not None
    assert usage.prompt_token_count is not None
    assert usage.candidates_token_count is not None
    assert usage.thoughts_token_count is not None
    assert usage.total_token_count == sum(
        (usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count)
    )
    assert answer.response_id
    assert [part.thought_signature is not None for part in answer.parts or []] == [True]


def test_text_comes_beside_the_picture_where_nobody_says_otherwise(sdk: genai.Client) -> None:
    answer = sdk.models.generate_content(model=FLASH, contents="a blue boat")

    assert answer.text == "Here is the picture you asked for."
    assert picture(answer)[0] == "image/png"


def test_a_picture_as_large_as_googles_arrives_whole(sdk: genai.Client, gemini: Gemini) -> None:
    gemini.rule(match=None, outcomes=["full_size"])

    answer = generate(sdk, "a blue boat", "gemini-3-pro-image", aspect_ratio="16:9", image_size="4K")

    assert picture(answer) == ("image/jpeg", (5504, 3072))


def test_every_error_in_googles_envelope_is_among_the_typed_ones() -> None:
    assert set(ERROR_BODIES) <= {outcome for outcome, _, _ in TYPED}


@pytest.mark.parametrize(("outcome", "status", "word"), TYPED, ids=lambda value: getattr(value, "value", str(value)))
def test_each_failure_is_the_sdks_own_typed_error(
    sdk: genai.Client, gemini: Gemini, outcome: Outcome, status: int, word: str
) -> None:
    gemini.rule(match=None, outcomes=[outcome.value])

    with pytest.raises(errors.ServerError if status >= 500 else errors.ClientError) as raised:
        generate(sdk, "a blue boat")

    assert (raised.value.code, raised.value.status) == (status, word)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome.REDIRECT, errors.ClientError),
        (Outcome.CONNECTION_RESET, httpx2.TransportError),
        (Outcome.TRUNCATED, httpx2.TransportError),
        (Outcome.TIMEOUT, httpx2.TimeoutException),
    ],
)
def test_what_is_no_answer_is_no_answer_to_the_sdk(gemini: Gemini, outcome: Outcome, error: type[Exception]) -> None:
    gemini.rule(match=None, outcomes=[outcome.value])
    options = types.HttpOptions(base_url=gemini.url, timeout=1000)

    with genai.Client(api_key="a-key", http_options=options) as client, pytest.raises(error):
        generate(client, "a blue boat")


@pytest.mark.parametrize(("outcome", "reason"), PROMPT_BLOCK_REASONS.items())
def test_a_refused_prompt_has_its_reason(sdk: genai.Client, gemini: Gemini, outcome: Outcome, reason: str) -> None:
    gemini.rule(match=None, outcomes=[outcome.value])

    answer = generate(sdk, "a blue boat")

    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason is types.BlockedReason(reason)
    assert not answer.candidates


@pytest.mark.parametrize(
    "outcome",
    [one for one in NO_IMAGE_CANDIDATES if one not in {Outcome.UNKNOWN_FINISH, Outcome.EMPTY_CANDIDATE}],
)
def test_an_answer_without_a_picture_has_its_reason(sdk: genai.Client, gemini: Gemini, outcome: Outcome) -> None:
    gemini.rule(match=None, outcomes=[outcome.value])

    answer = generate(sdk, "a blue boat")

    [candidate] = answer.candidates or []
    assert candidate.finish_reason is types.FinishReason(NO_IMAGE_CANDIDATES[outcome]["finishReason"])
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.total_token_count


def test_a_reason_of_tomorrow_is_a_warning_to_the_sdk(sdk: genai.Client, gemini: Gemini) -> None:
    gemini.rule(match=None, outcomes=["unknown_finish"])

    with pytest.warns(UserWarning, match="A_REASON_OF_TOMORROW"):
        generate(sdk, "a blue boat")


def test_the_outcomes_know_every_reason_that_the_sdk_knows() -> None:
    finishes = {candidate.get("finishReason") for candidate in NO_IMAGE_CANDIDATES.values()}

    assert {reason.value for reason in types.FinishReason} - {"STOP"} <= finishes
    assert {reason.value for reason in types.BlockedReason} == set(PROMPT_BLOCK_REASONS.values())
