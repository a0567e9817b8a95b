"""What a client is told of each fault, word for word: a message is all that most clients show."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from imagefactory.domain.errors import InvalidRequest
from imagefactory.domain.execution import Prompt
from imagefactory.domain.submission import MAX_REFERENCE_BYTES, Submission, Upload, quote_briefly, validate
from imagefactory.testing import a_submission, a_workflow, some_prompts

FAULTS: list[tuple[Submission, str, str]] = [
    (a_submission(prompts=()), "prompts", "at least one prompt is needed: give prompts_text (one a line) or prompts"),
    (
        a_submission(prompts=some_prompts(10_001)),
        "prompts",
        "10001 prompts were given; at most 10000 are taken: split the batch",
    ),
    (
        a_submission("ab\ud800"),
        "prompts",
        "character 3 is half of a surrogate pair, which is not text: send it whole",
    ),
    (a_submission("ab"), "prompts", "the prompt has 2 characters; at least 3 are needed"),
    (a_submission("é" * 50_001), "prompts", "the prompt has 100002 bytes; at most 100000 are taken"),
    (
        a_submission(prompts=(Prompt("a prompt", ""),)),
        "custom_id",
        "a custom_id has 1 to 128 characters",
    ),
    (
        a_submission(prompts=(Prompt("a prompt", "x"), Prompt("another", "x"), Prompt("a third", "x"))),
        "custom_id",
        "this custom_id stands 3 times; each must be unique",
    ),
    (a_submission(api_key=None), "api_key", "the workflow needs your Gemini API key"),
    (a_submission(model="huge"), "model", "“huge” is not offered; choose one of small, large"),
    (
        a_submission(model="large", aspect_ratio="2:1"),
        "aspect_ratio",
        "large does not offer “2:1”; choose one of 1:1, 16:9, 21:9",
    ),
    (
        a_submission(model="large", resolution="8K"),
        "resolution",
        "large does not offer “8K”; choose one of 1K, 2K, 4K",
    ),
    (
        a_submission(references=(Upload(b""),) * 4),
        "reference_images",
        "4 images were given; at most 3 are taken",
    ),
    (
        a_submission(references=(Upload(bytes(MAX_REFERENCE_BYTES + 1)),)),
        "reference_images",
        "the image has more than 5242880 bytes",
    ),
    (
        a_submission(output_format="gif"),
        "output_format",
        "“gif” is not offered; choose one of png, jpg, webp, or leave it out",
    ),
    (
        a_submission(metadata={str(number): "v" for number in range(17)}),
        "metadata",
        "17 pairs were given; at most 16 are taken",
    ),
    (a_submission(metadata={"k" * 65: "v"}), "metadata", f"the key “{'k' * 65}” must have 1 to 64 characters"),
    (a_submission(metadata={"": "v"}), "metadata", "the key “” must have 1 to 64 characters"),
    (a_submission(metadata={"k": "v" * 513}), "metadata", "the value of “k” must have at most 512 characters"),
]


@pytest.mark.parametrize(("asked", "field", "message"), FAULTS, ids=[message[:40] for _, _, message in FAULTS])
def test_a_fault_is_told_by_its_field_and_what_would_mend_it(asked: Submission, field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        validate(asked, a_workflow(), date(2027, 10, 31))

    assert {(fault.field, fault.message) for fault in refusal.value.errors} == {(field, message)}


@pytest.mark.parametrize(
    ("value", "text"), [(None, "“”"), ("4K", "“4K”"), ("a\ud800b", "“a\\ud800b”"), ("x" * 81, f"“{'x' * 80}”")]
)
def test_a_value_is_repeated_in_a_message_short_and_encodable(value: Any, text: str) -> None:
    assert quote_briefly(value) == text
