from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from imagefactory.api.body.requests import read_body, read_json, read_retry, read_submission
from imagefactory.api.body.stream import RequestBody
from imagefactory.api.errors import UnsupportedMediaType
from imagefactory.domain.errors import InvalidRequest, MalformedRequest
from imagefactory.domain.execution import Prompt
from imagefactory.domain.result import FailureCode, ResultStatus
from imagefactory.domain.submission import Submission, Upload
from imagefactory.usecases.retry import RETRYABLE, RetryRequest

DATA = base64.b64encode(b"an image").decode()
SHAPE = 'this must be {"mime_type": a string, "data": base64}'
FIELDS = "prompts_text, prompts, api_key, reference_images, model, aspect_ratio, resolution, output_format, metadata"
NO_KEY = "is what a program writes where it has no key: set the variable that holds yours"
#: Values of other shapes than a reference has.
NO_REFERENCES: tuple[Any, ...] = (
    7,
    DATA,
    [],
    {"data": 7},
    {"data": DATA, "mime_type": 7},
    {"data": DATA, "name": "x"},
)
EMPTY = "an empty list matches nothing: name what to retry, or leave this out for all"


def carrying(body: bytes, content_type: str = "application/json", **headers: str) -> Request:
    builder = EnvironBuilder(method="POST", data=body, content_type=content_type, headers=Headers(headers))
    environ = builder.get_environ()
    return Request(environ | {"wsgi.input": RequestBody(environ)})


def read(**fields: Any) -> tuple[Submission, list[tuple[str, str, int | None]]]:
    body = bytearray(json.dumps(fields).encode())
    submission, errors = read_submission(carrying(bytes(body)), body)
    return submission, [(error.field, error.message, error.index) for error in errors]


def test_json_becomes_a_submission() -> None:
    submission, errors = read(
        prompts=[" a prompt\n", {"prompt": "another ", "custom_id": " 7"}, {"prompt": "a third"}],
        api_key='"the-key"',
        reference_images=[{"mime_type": "image/png", "data": DATA}, f"data:image/webp;base64,{DATA}"],
        model=" large ",
        aspect_ratio="1:1",
        resolution="4K",
        output_format="webp",
        metadata={"job": "42"},
    )

    assert errors == []
    assert submission == Submission(
        prompts=(Prompt("a prompt"), Prompt("another", " 7"), Prompt("a third")),
        api_key="the-key",
        references=(Upload(b"an image", "image/png"), Upload(b"an image", "image/webp")),
        model="large",
        aspect_ratio="1:1",
        resolution="4K",
        output_format="webp",
        metadata={"job": "42"},
    )


def test_lines_become_prompts() -> None:
    assert read(prompts_text="one\n\ntwo")[0].prompts == (Prompt("one"), Prompt("two"))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"prompt": "x"}, ("prompt", f"there is no such field; the fields are {FIELDS}", None)),
        ({"p" * 81: "x"}, ("p" * 80, f"there is no such field; the fields are {FIELDS}", None)),
        (
            {"prompts": ["x"], "prompts_text": "x"},
            ("prompts", "give prompts or prompts_text, not both", None),
        ),
        ({"prompts_text": 7}, ("prompts_text", "this must be a string", None)),
        ({"prompts": "x"}, ("prompts", "this must be a list", None)),
        (
            {"prompts_text": "x" + "\n" * 100_000},
            ("prompts_text", "the text has 100001 lines; at most 100000 are read, blank ones included", None),
        ),
        ({"metadata": {"a": 1}}, ("metadata", "this must be an object whose values are strings", None)),
        ({"metadata": "x"}, ("metadata", "this must be an object whose values are strings", None)),
        *(
            (
                {"prompts": ["x", odd]},
                ("prompts", 'this must be a string, or {"prompt": a string, "custom_id": a string}', 1),
            )
            for odd in (7, None, {}, {"prompt": 7}, {"prompt": "x", "custom_id": 7}, {"prompt": "x", "id": "7"})
        ),
    ],
)
def test_a_field_of_another_shape_is_told(fields: dict[str, Any], fault: tuple[str, str, int | None]) -> None:
    _, errors = read(**fields)

    assert errors == [fault]


def test_a_text_of_the_most_lines_is_read() -> None:
    assert read(prompts_text="x" + "\n" * 99_999) == (Submission(prompts=(Prompt("x"),)), [])


def test_a_prompt_that_cannot_be_read_stands_for_one_that_breaks_no_rule() -> None:
    assert read(prompts=[7])[0].prompts == (Prompt("(unread)"),)


#: Values of other types than a reference's.
ODD: tuple[Any, ...] = (7, DATA, [], {"data": 7}, {"data": DATA, "mime_type": 7}, {"data": DATA, "name": "x"})


@pytest.mark.parametrize(
    ("item", "upload"),
    [
        ({"data": DATA}, Upload(b"an image")),
        ({"data": f"data:image/png;base64,{DATA}"}, Upload(b"an image", "image/png")),
        ({"data": f"data:image/png;base64,{DATA}", "mime_type": "image/jpeg"}, Upload(b"an image", "image/jpeg")),
        (f"DATA:image/png;base64,{DATA}", Upload(b"an image", "image/png")),
        ({"data": "", "mime_type": "image/png"}, Upload(b"", "image/png")),
        ({"data": "!", "mime_type": "image/png"}, Upload(b"", error="the data are not base64")),
        *((value, Upload(b"", error=SHAPE)) for value in NO_REFERENCES),
        ({"mime_type": "image/png"}, Upload(b"", error=SHAPE)),
        ({"mime_type": "image/png", "data": None}, Upload(b"", error=SHAPE)),
    ],
)
def test_a_reference_is_an_image_or_told_why_not(item: Any, upload: Upload) -> None:
    submission, errors = read(prompts=["x"], reference_images=[item])

    assert (submission.references, errors) == ((upload,), [])


@pytest.mark.parametrize(
    "item",
    [
        None,
        "",
        {},
        {"data": ""},
        {"data": None, "mime_type": None},
        {"data": "", "mime_type": "application/octet-stream"},
    ],
)
def test_a_reference_that_was_not_chosen_is_none(item: Any) -> None:
    assert read(prompts=["x"], reference_images=[item])[0].references == ()


@pytest.mark.parametrize("body", [b"", b" \n", b"null", b" null "])
def test_a_retry_of_nothing_in_particular_is_of_all(body: bytes) -> None:
    assert read_retry(carrying(body, "text/plain")) == RetryRequest()


def test_a_retry_says_what_it_is_of() -> None:
    asked = {"status": ["failed"], "error_codes": ["TIMEOUT", "TIMEOUT"], "batch_index": [0, 7, 7], "api_key": " k "}

    assert read_retry(carrying(json.dumps(asked).encode())) == RetryRequest(
        statuses=(ResultStatus.FAILED,),
        error_codes=(FailureCode.TIMEOUT,),
        indexes=frozenset({0, 7}),
        api_key="k",
    )
    assert read_retry(carrying(b"{}")).statuses == RETRYABLE


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ({"status": ["done"]}, ("status", "this must be one of failed, blocked, cancelled", 0)),
        (
            {"error_codes": ["TIMEOUT", "X"]},
            ("error_codes", f"this must be one of {', '.join(code.value for code in FailureCode)}", 1),
        ),
        ({"batch_index": [0, -1]}, ("batch_index", "this must be a whole number from 0", 1)),
        ({"batch_index": [True]}, ("batch_index", "this must be a whole number from 0", 0)),
        ({"status": []}, ("status", EMPTY, None)),
        ({"error_codes": []}, ("error_codes", EMPTY, None)),
        ({"batch_index": []}, ("batch_index", EMPTY, None)),
        ({"api_key": "-"}, ("api_key", f"the value {NO_KEY}", None)),
        (
            {"all": True},
            ("all", "there is no such field; the fields are status, error_codes, batch_index, api_key", None),
        ),
    ],
)
def test_what_a_retry_cannot_mean_is_told(asked: dict[str, Any], fault: tuple[str, str, int | None]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_retry(carrying(json.dumps(asked).encode()))

    assert [(error.field, error.message, error.index) for error in refusal.value.errors] == [fault]


def test_a_retry_is_json() -> None:
    with pytest.raises(UnsupportedMediaType, match=r"^Send application/json, or no body at all\.$"):
        read_retry(carrying(b"status=failed", "application/x-www-form-urlencoded"))


@pytest.mark.parametrize("encoding", ["", "identity", "utf-8", "None"])
def test_an_encoding_that_changes_nothing_is_passed_over(encoding: str) -> None:
    assert read_body(carrying(b"{}", **{"Content-Encoding": encoding})) == b"{}"


def test_any_other_encoding_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType, match=r"^Send the body as it is, without a Content-Encoding\.$"):
        read_body(carrying(b"{}", **{"Content-Encoding": "gzip"}))
    with pytest.raises(MalformedRequest, match=r"^Send the body without a Transfer-Encoding, or in chunks\.$"):
        read_body(carrying(b"{}", **{"Transfer-Encoding": "gzip"}))
    assert read_body(carrying(b"", **{"Transfer-Encoding": "Chunked"})) == b""


def test_a_body_is_read_in_the_charset_that_its_type_names() -> None:
    request = carrying('{"a": "é"}'.encode("latin-1"), 'application/json; charset=" latin-1 "')

    assert read_json(request) == {"a": "é"}
