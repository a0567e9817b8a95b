"""A batch is posted as a form, with files."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.entrypoints.function import (
    EXECUTE,
    LIGHTHOUSE,
    data_of,
    faults_of,
    picture,
)

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


def test_a_form_may_give_every_field(submit: Function, factory: Factory) -> None:
    form = {
        "prompts_text": "a lighthouse\r\n\r\n  a harbour  ",
        "api_key": "the-key",
        "model": "gemini-3-pro-image",
        "aspect_ratio": "16:9",
        "resolution": "2K",
        "output_format": "png",
        "metadata": '{"project": "postcards"}',
        "reference_images": [(io.BytesIO(picture(kind)), f"a.{kind}") for kind in ("PNG", "JPEG", "WEBP")],
    }

    answer = submit.post(EXECUTE, data=form)

    execution = factory.store.executions[data_of(answer, 202)["execution_id"]]
    assert [one.content_type for one in execution.parameters.references] == ["image/png", "image/jpeg", "image/webp"]
    assert (execution.parameters.resolution, execution.parameters.output_format) == ("2K", "png")
    assert execution.metadata == {"project": "postcards"}
    assert [one.text for one in factory.store.chunks[execution.id, 0]] == ["a lighthouse", "a harbour"]


def test_empty_fields_of_a_form_count_as_not_filled_in(submit: Function) -> None:
    empty = dict.fromkeys(("model", "aspect_ratio", "resolution", "output_format", "metadata"), "")
    no_file = (io.BytesIO(b""), "")

    answer = submit.post(EXECUTE, data=LIGHTHOUSE | empty | {"reference_images": no_file})

    data_of(answer, 202)


def test_the_prompts_of_a_form_may_be_a_file(submit: Function, factory: Factory) -> None:
    file = (io.BytesIO("\ufeffa lighthouse\nein Böötchen\n".encode()), "prompts.txt")

    answer = submit.post(EXECUTE, data={"api_key": "the-key", "prompts_text": file})

    execution_id = data_of(answer, 202)["execution_id"]
    assert [one.text for one in factory.store.chunks[execution_id, 0]] == ["a lighthouse", "ein Böötchen"]


@pytest.mark.parametrize(
    ("files", "faults"),
    [
        pytest.param([picture()] * 4, [("reference_images", None)], id="four images"),
        pytest.param([b""], [("reference_images", 0)], id="an empty file"),
        pytest.param([picture(), b"GIF89a..."], [("reference_images", 1)], id="another format"),
        pytest.param([picture(size=(64, 64))[:60]], [("reference_images", 0)], id="a truncated image"),
        pytest.param([b"\0" * (5 * 1024 * 1024 + 1)], [("reference_images", 0)], id="more than 5 MiB"),
    ],
)
def test_bad_reference_images_are_refused_by_their_place(
    submit: Function, files: list[bytes], faults: list[tuple[str, int | None]]
) -> None:
    uploads = [(io.BytesIO(data), f"{place}.png", "image/png") for place, data in enumerate(files)]

    answer = submit.post(EXECUTE, data=LIGHTHOUSE | {"reference_images": uploads})

    assert faults_of(answer) == faults


def test_a_reference_that_lies_about_its_type_is_refused(submit: Function) -> None:
    upload = (io.BytesIO(picture("JPEG")), "photo.png", "image/png")

    answer = submit.post(EXECUTE, data=LIGHTHOUSE | {"reference_images": upload})

    assert faults_of(answer) == [("reference_images", 0)]


def test_a_reference_that_says_nothing_of_its_type_is_kept_as_what_it_is(submit: Function, factory: Factory) -> None:
    upload = (io.BytesIO(picture("JPEG")), "photo.png", "application/octet-stream")

    answer = submit.post(EXECUTE, data=LIGHTHOUSE | {"reference_images": upload})

    (reference,) = factory.store.executions[data_of(answer, 202)["execution_id"]].parameters.references
    assert (reference.content_type, reference.name.endswith(".jpg")) == ("image/jpeg", True)


def test_a_file_without_a_name_is_kept_when_it_has_bytes(submit: Function, factory: Factory) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="prompts_text"\r\n\r\na lighthouse\r\n'
        b'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\nthe-key\r\n'
        b'--b\r\nContent-Disposition: form-data; name="reference_images"; filename=""\r\n\r\n'
        + picture()
        + b"\r\n--b--\r\n"
    )

    answer = submit.post(EXECUTE, data=body, content_type="multipart/form-data; boundary=b")

    assert len(factory.store.executions[data_of(answer, 202)["execution_id"]].parameters.references) == 1


def test_prompts_given_twice_in_a_form_are_refused_not_dropped(submit: Function) -> None:
    file = (io.BytesIO(b"a harbour"), "prompts.txt")

    both = submit.post(EXECUTE, data=LIGHTHOUSE | {"prompts_text": ["a lighthouse", file]})
    two_files = submit.post(
        EXECUTE,
        data={"api_key": "k", "prompts_text": [(io.BytesIO(b"a harbour"), "a"), (io.BytesIO(b"a gull"), "b")]},
    )
    two_texts = submit.post(
        EXECUTE,
        data=LIGHTHOUSE | {"prompts_text": ["a lighthouse", "a harbour"]},
        content_type="multipart/form-data",
    )

    for answer in (both, two_files, two_texts):
        assert faults_of(answer) == [("prompts_text", None)]


def test_a_file_input_left_empty_does_not_wipe_the_text_of_the_same_name(submit: Function) -> None:
    answer = submit.post(EXECUTE, data=LIGHTHOUSE | {"prompts_text": ["a lighthouse", (io.BytesIO(b""), "")]})

    assert data_of(answer, 202)["prompt_count"] == 1


def test_a_form_carries_every_character(submit: Function, factory: Factory) -> None:
    odd = "a \ufffd b \x00 \u202e \U0001f469\u200d\U0001f680"

    answer = submit.post(EXECUTE, data=LIGHTHOUSE | {"prompts_text": odd}, content_type="multipart/form-data")

    assert [one.text for one in factory.store.chunks[data_of(answer, 202)["execution_id"], 0]] == [odd]


def test_what_is_longest_in_a_form_is_taken(submit: Function, factory: Factory) -> None:
    pairs = {f"{number:02d}" + "\U0001f600" * 62: "\U0001f600" * 512 for number in range(16)}
    fields = {"api_key": "k" * 512, "metadata": json.dumps(pairs)}

    answer = submit.post(EXECUTE, data=LIGHTHOUSE | fields, content_type="multipart/form-data")

    assert factory.store.executions[data_of(answer, 202)["execution_id"]].metadata == pairs


def test_an_image_of_exactly_the_largest_size_is_taken_and_a_byte_more_is_not(submit: Function) -> None:
    largest = picture() + bytes(5 * 1024 * 1024 - len(picture()))

    taken = submit.post(EXECUTE, data=LIGHTHOUSE | {"reference_images": (io.BytesIO(largest), "a.png")})
    refused = submit.post(EXECUTE, data=LIGHTHOUSE | {"reference_images": (io.BytesIO(largest + b"x"), "a.png")})

    data_of(taken, 202)
    assert faults_of(refused) == [("reference_images", 0)]
