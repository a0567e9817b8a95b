"""Bodies that are too large, or not as long as they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagefactory.api.body.json_limits import MAX_DEPTH
from imagefactory.api.body.stream import MAX_BODY_BYTES
from imagefactory.api.errors import MAX_FORM_PARTS
from tests.entrypoints.function import (
    EXECUTE,
    LIGHTHOUSE,
    NOBODY_HAS,
    data_of,
    error_of,
)

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory

PADDED = json.dumps(LIGHTHOUSE).encode()


def test_a_body_of_exactly_the_limit_is_taken(submit: Function) -> None:
    body = PADDED.ljust(MAX_BODY_BYTES)

    with_length = submit.post(EXECUTE, data=body, content_type="application/json")
    without = submit.chunked(EXECUTE, body, "application/json")

    for answer in (with_length, without):
        data_of(answer, 202)


@pytest.mark.parametrize("path", [EXECUTE, f"/api/executions/{NOBODY_HAS}/retry"])
def test_a_byte_more_is_too_large_with_a_length_and_without(submit: Function, factory: Factory, path: str) -> None:
    body = PADDED.ljust(MAX_BODY_BYTES + 1)

    with_length = submit.post(path, data=body, content_type="application/json")
    without = submit.chunked(path, body, "application/json")

    for answer in (with_length, without):
        error_of(answer, 413, "PAYLOAD_TOO_LARGE")
    assert factory.store.executions == {}


def test_a_form_over_the_limit_is_too_large_with_a_length_and_without(submit: Function) -> None:
    file = b'--b\r\nContent-Disposition: form-data; name="reference_images"; filename="a"\r\n\r\n'
    body = file + b"\0" * MAX_BODY_BYTES + b"\r\n--b--\r\n"

    with_length = submit.post(EXECUTE, data=body, content_type="multipart/form-data; boundary=b")
    without = submit.chunked(EXECUTE, body, "multipart/form-data; boundary=b")

    for answer in (with_length, without):
        error_of(answer, 413, "PAYLOAD_TOO_LARGE")


def test_a_form_of_too_many_parts_is_too_large_and_says_so(submit: Function) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="prompts_text"\r\n\r\na lighthouse\r\n'
    body = part * (MAX_FORM_PARTS + 1) + b"--b--\r\n"

    answer = submit.post(EXECUTE, data=body, content_type="multipart/form-data; boundary=b")

    assert str(MAX_FORM_PARTS) in error_of(answer, 413, "PAYLOAD_TOO_LARGE")["message"]


def test_json_is_read_as_deep_as_the_limit_and_no_deeper_on_every_python(submit: Function) -> None:
    # The body and the metadata are two of the levels.
    lists = [b"[" * depth + b"]" * depth for depth in (MAX_DEPTH - 2, MAX_DEPTH - 1)]
    bodies = [PADDED.replace(b"{", b'{"metadata": {"a": %s}, ' % deep) for deep in lists]

    full, over = (submit.post(EXECUTE, data=body, content_type="application/json") for body in bodies)

    error_of(full, 400, "VALIDATION_FAILED")
    assert str(MAX_DEPTH) in error_of(over, 400, "MALFORMED_REQUEST")["message"]


def test_brackets_in_a_text_or_side_by_side_are_not_deep(submit: Function) -> None:
    prompts = [{"prompt": f"{'[{' * MAX_DEPTH} {number}"} for number in range(MAX_DEPTH + 1)]

    answer = submit.post(EXECUTE, json={"prompts": prompts, "api_key": LIGHTHOUSE["api_key"]})

    data_of(answer, 202)


@pytest.mark.parametrize("length", ["32000001", str(10**30)])
def test_a_length_that_lies_is_believed_when_it_is_too_large(submit: Function, length: str) -> None:
    answer = submit.post(
        EXECUTE, data=PADDED, content_type="application/json", environ_overrides={"CONTENT_LENGTH": length}
    )

    error_of(answer, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("length", ["-1", "ten", "1e3", "5"])
def test_any_other_length_that_lies_is_at_worst_malformed(submit: Function, length: str) -> None:
    answer = submit.post(
        EXECUTE, data=PADDED, content_type="application/json", environ_overrides={"CONTENT_LENGTH": length}
    )

    assert answer.status_code in (202, 400)


@pytest.mark.parametrize("path", ["/nowhere", f"/api/executions/{NOBODY_HAS}/cancel"])
def test_a_large_body_where_none_is_read_does_not_break_the_answer(submit: Function, path: str) -> None:
    body = b"\0" * (MAX_BODY_BYTES + 1)

    with_length = submit.post(path, data=body)
    without = submit.chunked(path, body, "application/json")

    error_of(with_length, 413, "PAYLOAD_TOO_LARGE")
    error_of(without, 404, "NOT_FOUND")
