"""What a client asks for, and the rules it must keep: every error is found before anything is refused."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagefactory.domain.api_key import key_errors
from imagefactory.domain.errors import FieldError, InvalidRequest
from imagefactory.domain.execution import Prompt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from imagefactory.domain.workflow import ModelConfig, Workflow

#: Lines of prompts that are read, blank ones included. Each becomes an object of its own, so they are counted before.
MAX_LINES = 100_000
MIN_PROMPT_CHARACTERS = 3
MAX_PROMPT_BYTES = 100_000
MAX_REFERENCE_BYTES = 5 * 1024 * 1024
MAX_CUSTOM_ID_CHARACTERS = 128
MAX_METADATA_PAIRS = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512

# Spaces as people know them. str.strip() and str.splitlines() would also eat control characters, which are part of a
# prompt like any other character.
_SPACES = (
    " \t\v\f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\ufeff"
)
_LINE_END = re.compile(r"[\r\n]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Upload:
    """A reference image as it was sent: its bytes and the MIME type it claims, or why it could not be read."""

    data: bytes = field(repr=False)
    content_type: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A request as it was read: right types, nothing else checked. None means the field was not given."""

    prompts: tuple[Prompt, ...]
    api_key: str | None = field(default=None, repr=False)
    references: tuple[Upload, ...] = ()
    model: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    output_format: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ValidatedSubmission:
    """A submission that keeps all rules, with its defaults filled in."""

    prompts: tuple[Prompt, ...]
    api_key: str | None = field(repr=False)
    references: tuple[Upload, ...]
    model: ModelConfig
    aspect_ratio: str
    resolution: str
    output_format: str | None
    metadata: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def line_count(text: str) -> int:
    """How many lines the text has."""
    return 1 + text.count("\n") + text.count("\r") - text.count("\r\n")


def prompts_of_text(text: str) -> tuple[Prompt, ...]:
    """One prompt a line: lines trimmed, blank lines dropped."""
    lines = (line.strip(_SPACES) for line in _LINE_END.split(text))
    return tuple(Prompt(line) for line in lines if line)


def trim(text: str) -> str:
    """A prompt that was given by itself, without the spaces and line ends around it; those inside are its own."""
    return text.strip(_SPACES + "\r\n")


def validate(
    submission: Submission, workflow: Workflow, today: date, errors_of_reading: Sequence[FieldError] = ()
) -> ValidatedSubmission:
    """Check the submission against the workflow and the rules, as of that day.

    Raises:
        InvalidRequest: with every error, those in `found` (from reading the request) first.
    """
    default = workflow.choose_default(today)
    model = default if submission.model is None else workflow.models.get(submission.model)
    aspect_ratio, resolution = _shape(submission, workflow, model)
    errors = [
        *errors_of_reading,
        *_prompt_errors(submission.prompts, workflow.max_prompts, known={error.field for error in errors_of_reading}),
        *_check_key(submission.api_key, workflow, known={error.field for error in errors_of_reading}),
        *key_errors(submission.api_key),
        *_model_errors(submission.model or workflow.default_model, model, workflow, aspect_ratio, resolution),
        *_reference_errors(submission.references, model, workflow),
        *_format_errors(submission.output_format, workflow),
        *_metadata_errors(submission.metadata),
    ]
    if errors or model is None:
        raise InvalidRequest.of(errors)
    return ValidatedSubmission(
        prompts=submission.prompts,
        api_key=submission.api_key,
        references=submission.references,
        model=model,
        aspect_ratio=aspect_ratio,
        resolution=resolution,
        output_format=submission.output_format,
        metadata=submission.metadata,
        warnings=_warnings(submission.model or workflow.default_model, model, workflow, today),
    )


def _shape(submission: Submission, workflow: Workflow, model: ModelConfig | None) -> tuple[str, str]:
    """Aspect ratio and resolution: as asked, else the workflow's default, or the model's first where it lacks that."""
    aspect_ratio, resolution = workflow.default_aspect_ratio, workflow.default_resolution
    if model is not None:
        aspect_ratio = aspect_ratio if aspect_ratio in model.aspect_ratios else model.aspect_ratios[0]
        resolution = resolution if resolution in model.resolutions else model.resolutions[0]
    return submission.aspect_ratio or aspect_ratio, submission.resolution or resolution


def _warnings(model_id: str, model: ModelConfig, workflow: Workflow, today: date) -> tuple[str, ...]:
    """What the caller should know of the model: it is retired, or it stands in for a default that is."""
    if model.id == model_id:
        return tuple(model.warnings(today))
    retired_on = workflow.models[model_id].retired_on
    return (
        f"{model_id} was announced to be shut down on {retired_on}; this batch names no model, so {model.id} makes it.",
    )


def _prompt_errors(prompts: Sequence[Prompt], most: int, known: set[str]) -> Iterator[FieldError]:
    if not prompts and known.isdisjoint({"prompts", "prompts_text"}):
        yield FieldError("prompts", "at least one prompt is needed: give prompts_text (one a line) or prompts")
    if len(prompts) > most:
        yield FieldError("prompts", f"{len(prompts)} prompts were given; at most {most} are taken: split the batch")
    for index, prompt in enumerate(prompts):
        if message := _text_errors(prompt.text):
            yield FieldError("prompts", message, index)
    yield from _custom_id_errors(prompts)


def _text_errors(text: str) -> str | None:
    if match := _SURROGATE.search(text):
        return f"character {match.start() + 1} is half of a surrogate pair, which is not text: send it whole"
    if len(text) < MIN_PROMPT_CHARACTERS:
        return f"the prompt has {len(text)} characters; at least {MIN_PROMPT_CHARACTERS} are needed"
    if (size := len(text.encode())) > MAX_PROMPT_BYTES:
        return f"the prompt has {size} bytes; at most {MAX_PROMPT_BYTES} are taken"
    return None


def _custom_id_errors(prompts: Sequence[Prompt]) -> Iterator[FieldError]:
    times = Counter(prompt.custom_id for prompt in prompts if prompt.custom_id is not None)
    for index, prompt in enumerate(prompts):
        custom_id = prompt.custom_id
        if custom_id is None:
            continue
        if not 1 <= len(custom_id) <= MAX_CUSTOM_ID_CHARACTERS or _SURROGATE.search(custom_id):
            yield FieldError("custom_id", f"a custom_id has 1 to {MAX_CUSTOM_ID_CHARACTERS} characters", index)
        if times[custom_id] > 1:
            yield FieldError("custom_id", f"this custom_id stands {times[custom_id]} times; each must be unique", index)


def _check_key(api_key: str | None, workflow: Workflow, known: set[str]) -> Iterator[FieldError]:
    if not api_key and workflow.requires_api_key and "api_key" not in known:
        yield FieldError("api_key", "the workflow needs your Gemini API key")


def _model_errors(
    model_id: str | None, model: ModelConfig | None, workflow: Workflow, aspect_ratio: str, resolution: str
) -> Iterator[FieldError]:
    if model is None:
        yield FieldError(
            "model", f"{quote_briefly(model_id)} is not offered; choose one of {', '.join(workflow.models)}"
        )
        return
    if aspect_ratio not in model.aspect_ratios:
        offered = ", ".join(model.aspect_ratios)
        yield FieldError(
            "aspect_ratio", f"{model.id} does not offer {quote_briefly(aspect_ratio)}; choose one of {offered}"
        )
    if resolution not in model.resolutions:
        offered = ", ".join(model.resolutions)
        yield FieldError(
            "resolution", f"{model.id} does not offer {quote_briefly(resolution)}; choose one of {offered}"
        )


def _reference_errors(
    references: Sequence[Upload], model: ModelConfig | None, workflow: Workflow
) -> Iterator[FieldError]:
    most = min(workflow.max_reference_images, model.max_reference_images if model else workflow.max_reference_images)
    if len(references) > most:
        yield FieldError("reference_images", f"{len(references)} images were given; at most {most} are taken")
    for index, reference in enumerate(references):
        if len(reference.data) > MAX_REFERENCE_BYTES:
            # Not how many: of a file in a form, no more than one byte too many is read.
            yield FieldError("reference_images", f"the image has more than {MAX_REFERENCE_BYTES} bytes", index)


def _format_errors(output_format: str | None, workflow: Workflow) -> Iterator[FieldError]:
    if output_format is not None and output_format not in workflow.supported_formats:
        offered = ", ".join(workflow.supported_formats)
        yield FieldError(
            "output_format", f"{quote_briefly(output_format)} is not offered; choose one of {offered}, or leave it out"
        )


def _metadata_errors(metadata: Mapping[str, str]) -> Iterator[FieldError]:
    if len(metadata) > MAX_METADATA_PAIRS:
        yield FieldError("metadata", f"{len(metadata)} pairs were given; at most {MAX_METADATA_PAIRS} are taken")
    for key, value in metadata.items():
        if not 1 <= len(key) <= MAX_METADATA_KEY or _SURROGATE.search(key):
            yield FieldError("metadata", f"the key {quote_briefly(key)} must have 1 to {MAX_METADATA_KEY} characters")
        if len(value) > MAX_METADATA_VALUE or _SURROGATE.search(value):
            yield FieldError(
                "metadata", f"the value of {quote_briefly(key)} must have at most {MAX_METADATA_VALUE} characters"
            )


def quote_briefly(value: str | None) -> str:
    """A value as an error message may repeat it: short, and encodable."""
    text = (value or "").encode("utf-8", "backslashreplace").decode()
    return f"“{text[:80]}”"
