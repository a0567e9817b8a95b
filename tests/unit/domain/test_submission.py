from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from imagefactory.domain.errors import FieldError, InvalidRequest
from imagefactory.domain.execution import Prompt
from imagefactory.domain.submission import (
    MAX_REFERENCE_BYTES,
    Submission,
    Upload,
    ValidatedSubmission,
    trim,
    validate,
)
from imagefactory.domain.submission import prompts_of_text as read
from imagefactory.testing import a_submission, a_workflow, some_prompts

WORKFLOW = a_workflow()
#: The last day of the default model.
TODAY = date(2027, 10, 31)
TOMORROW = date(2027, 11, 1)


def refused(submission: Submission, *found: FieldError, **workflow: Any) -> list[tuple[str, int | None]]:
    """The fields and indexes of the faults for which the submission is refused."""
    with pytest.raises(InvalidRequest) as refusal:
        validate(submission, a_workflow(**workflow), TODAY, found)
    return [(fault.field, fault.index) for fault in refusal.value.errors]


def texts(text: str) -> list[str]:
    return [prompt.text for prompt in read(text)]


class TestPromptsText:
    @pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
    def test_every_line_end_that_systems_write_ends_a_prompt(self, line_end: str) -> None:
        assert texts(line_end.join(["one", "two", "three"])) == ["one", "two", "three"]

    def test_lines_are_trimmed_and_blank_ones_dropped(self) -> None:
        assert texts("\n  one\t\n\u00a0\u3000\n\n two \n") == ["one", "two"]

    def test_a_byte_order_mark_at_the_start_is_no_part_of_the_first_prompt(self) -> None:
        assert texts("\ufeffone\ntwo") == ["one", "two"]

    @pytest.mark.parametrize(
        "oddity",
        [
            pytest.param("a\x00b", id="NUL"),
            pytest.param("one\x85two", id="next line"),
            pytest.param("one\u2028two\u2029three", id="line and paragraph separators"),
            pytest.param("\u202eright to left\u202c", id="right-to-left override"),
            pytest.param("cafe\u0301", id="decomposed accent"),
            pytest.param("\u200bzero\u200bwidth\u200b", id="zero-width spaces"),
            pytest.param("a\ufeffb", id="byte order mark inside"),
            pytest.param("\x1b[31mred\x1b[0m", id="terminal escape"),
            pytest.param("\x1cfile\x1dgroup\x1erecord\x1f", id="separators that strip() would eat"),
            pytest.param("👩‍👩‍👧 family \U0001f1e6\U0001f1fa", id="emoji sequences"),
            pytest.param("\U0010ffff \ufffe", id="noncharacters"),
        ],
    )
    def test_every_unicode_oddity_inside_a_line_is_kept_as_it_is(self, oddity: str) -> None:
        assert texts(f"before\n{oddity}\nafter") == ["before", oddity, "after"]
        assert validate(a_submission(oddity), WORKFLOW, TODAY).prompts == (Prompt(oddity),)

    def test_a_prompt_is_trimmed_of_spaces_but_not_of_control_characters(self) -> None:
        assert trim("  \x00one\x1f \u2003") == "\x00one\x1f"


def test_what_is_not_given_gets_the_workflows_defaults() -> None:
    valid = validate(a_submission("a lighthouse"), WORKFLOW, TODAY)

    assert valid == ValidatedSubmission(
        prompts=(Prompt("a lighthouse"),),
        api_key="a-key",
        references=(),
        model=WORKFLOW.models["small"],
        aspect_ratio="1:1",
        resolution="1K",
        output_format=None,
        metadata={},
    )


def test_a_default_that_is_retired_gives_way_to_its_successor_and_says_so() -> None:
    valid = validate(a_submission(), WORKFLOW, TOMORROW)

    assert valid.model.id == "large"
    assert valid.warnings == (
        "small was announced to be shut down on 2027-11-01; this batch names no model, so large makes it.",
    )


def test_a_retired_model_that_is_named_is_kept_with_a_warning() -> None:
    valid = validate(a_submission(model="small"), WORKFLOW, TOMORROW)

    assert (valid.model.id, len(valid.warnings)) == ("small", 1)


def test_what_is_asked_must_be_offered_by_the_model_that_follows_the_default() -> None:
    assert validate(a_submission(resolution="4K"), WORKFLOW, TOMORROW).resolution == "4K"
    with pytest.raises(InvalidRequest, match="large does not offer"):
        validate(a_submission(aspect_ratio="2:3"), WORKFLOW, TOMORROW)


def test_a_model_without_the_workflows_default_shape_gets_its_own_first() -> None:
    workflow = a_workflow(default_aspect_ratio="2:3", default_resolution="8K")

    valid = validate(a_submission(model="large"), workflow, TODAY)

    assert (valid.aspect_ratio, valid.resolution) == ("1:1", "1K")


def test_a_default_that_the_workflow_does_not_offer_is_a_fault() -> None:
    assert refused(a_submission(), default_model="gone") == [("model", None)]


def test_what_is_given_is_taken() -> None:
    asked = a_submission(
        model="large", aspect_ratio="21:9", resolution="4K", output_format="webp", metadata={"job": "42"}
    )

    valid = validate(asked, WORKFLOW, TODAY)

    assert (valid.model.id, valid.aspect_ratio, valid.resolution) == ("large", "21:9", "4K")
    assert (valid.output_format, valid.metadata) == ("webp", {"job": "42"})


def test_every_fault_is_told_at_once_with_its_index() -> None:
    asked = Submission(
        prompts=(Prompt("ab"), Prompt("good", "same"), Prompt("x" * 100_001), Prompt("also good", "same")),
        api_key="has a space",
        references=(Upload(b""), Upload(bytes(MAX_REFERENCE_BYTES + 1)), Upload(b""), Upload(b"")),
        aspect_ratio="2:1",
        resolution="8K",
        output_format="gif",
        metadata={"": "v", "k": "v" * 513},
    )

    assert refused(asked) == [
        ("prompts", 0),
        ("prompts", 2),
        ("custom_id", 1),
        ("custom_id", 3),
        ("api_key", None),
        ("aspect_ratio", None),
        ("resolution", None),
        ("reference_images", None),
        ("reference_images", 1),
        ("output_format", None),
        ("metadata", None),
        ("metadata", None),
    ]


def test_faults_found_while_reading_come_first_and_are_not_told_twice() -> None:
    found = (FieldError("prompts_text", "this must be a string"), FieldError("api_key", "this must be a string"))

    assert refused(Submission(prompts=()), *found) == [("prompts_text", None), ("api_key", None)]


def test_the_message_names_the_first_fault_and_counts_the_others() -> None:
    with pytest.raises(InvalidRequest, match=r"^prompts: the prompt has 2 .* All 2 faults are in details"):
        validate(a_submission("ab", "cd"), WORKFLOW, TODAY)


@pytest.mark.parametrize(
    ("count", "fault"), [(0, ("prompts", None)), (10_001, ("prompts", None)), (1, None), (10_000, None)]
)
def test_a_batch_has_one_to_ten_thousand_prompts(count: int, fault: tuple[str, None] | None) -> None:
    asked = Submission(some_prompts(count), api_key="k")

    if fault:
        assert refused(asked) == [fault]
    else:
        assert len(validate(asked, WORKFLOW, TODAY).prompts) == count


@pytest.mark.parametrize("text", ["abc", "日本語", "x" * 100_000, "é" * 50_000, "e\u0301x"])
def test_prompts_at_the_limits_are_taken(text: str) -> None:
    assert validate(a_submission(text), WORKFLOW, TODAY).prompts[0].text == text


@pytest.mark.parametrize("text", ["", "ab", "日本", "x" * 100_001, "é" * 50_001])
def test_prompts_beyond_the_limits_are_refused(text: str) -> None:
    assert refused(a_submission("good prompt", text)) == [("prompts", 1)]


@pytest.mark.parametrize("text", ["half \ud83d of a pair", "\udc00 first", "last \udfff"])
def test_half_of_a_surrogate_pair_is_no_text(text: str) -> None:
    assert refused(a_submission(text)) == [("prompts", 0)]


@pytest.mark.parametrize("custom_id", ["", "x" * 129, "\ud800"])
def test_custom_ids_beyond_the_limits_are_refused(custom_id: str) -> None:
    asked = Submission((Prompt("good prompt", custom_id),), api_key="k")

    assert refused(asked) == [("custom_id", 0)]


def test_custom_ids_may_be_given_for_some_prompts_only() -> None:
    prompts = (Prompt("good prompt", "a"), Prompt("good prompt"), Prompt("good prompt", "x" * 128))

    assert validate(Submission(prompts, api_key="k"), WORKFLOW, TODAY).prompts == prompts


@pytest.mark.parametrize("api_key", [None, ""])
def test_a_key_is_needed_where_the_workflow_requires_one(api_key: str | None) -> None:
    assert refused(a_submission(api_key=api_key)) == [("api_key", None)]


def test_a_workflow_may_do_without_a_key() -> None:
    assert validate(a_submission(api_key=None), a_workflow(requires_api_key=False), TODAY).api_key is None


@pytest.mark.parametrize("api_key", ["with space", "new\nline", "k" * 513, "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_repeated(api_key: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        validate(a_submission(api_key=api_key), WORKFLOW, TODAY)

    assert api_key not in str(refusal.value)
    assert [fault.field for fault in refusal.value.errors] == ["api_key"]


@pytest.mark.parametrize("model", ["gpt", "SMALL", "\ud800", "x" * 1000])
def test_an_unknown_model_is_refused_with_the_list_of_those_there_are(model: str) -> None:
    with pytest.raises(InvalidRequest, match="choose one of small, large") as refusal:
        validate(a_submission(model=model), WORKFLOW, TODAY)

    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


def test_a_model_without_sizes_takes_its_only_resolution_and_no_other() -> None:
    assert validate(a_submission(resolution="1K"), WORKFLOW, TODAY).resolution == "1K"
    assert refused(a_submission(resolution="2K")) == [("resolution", None)]


@pytest.mark.parametrize(("model", "most"), [("small", 3), ("large", 2), ("unknown", 3)])
def test_the_model_and_the_workflow_bound_the_references(model: str, most: int) -> None:
    asked = a_submission(model=model, references=(Upload(b""),) * (most + 1))

    assert ("reference_images", None) in refused(asked)


def test_a_reference_of_exactly_five_mebibytes_is_taken() -> None:
    asked = a_submission(references=(Upload(bytes(MAX_REFERENCE_BYTES)),))

    assert len(validate(asked, WORKFLOW, TODAY).references) == 1


def test_sixteen_pairs_of_metadata_are_taken_and_seventeen_refused() -> None:
    pairs = {f"{number}".ljust(64, "k"): "v" * 512 for number in range(17)}

    assert refused(a_submission(metadata=pairs)) == [("metadata", None)]
    pairs.popitem()
    assert validate(a_submission(metadata=pairs), WORKFLOW, TODAY).metadata == pairs


@pytest.mark.parametrize("pair", [("k" * 65, "v"), ("\ud800", "v"), ("k", "\udfff"), ("k", "v" * 513)])
def test_metadata_beyond_the_limits_is_refused(pair: tuple[str, str]) -> None:
    assert refused(a_submission(metadata=dict([pair]))) == [("metadata", None)]
