"""Requests that no honest client sends: each gets a 4xx in the usual form, and leaves nothing behind."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import ClientError
from tests.entrypoints.function import EXECUTE, NOBODY_HAS, error_of
from tests.hostile import bodies, retries
from tests.hostile.row import FORM_TYPE, MALFORMED, body

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory
    from tests.hostile.row import Row

RETRY = f"/api/executions/{NOBODY_HAS}/retry"
STATUSES = {kind.code: kind.status for kind in ClientError.__subclasses__()}


def named(rows: list[Row]) -> list[object]:
    return [pytest.param(row, id=row.name) for row in rows]


def posted(function: Function, path: str, row: Row) -> TestResponse:
    return function.post(path, data=row.body, content_type=row.content_type, headers=list(row.headers))


@pytest.mark.parametrize("row", named(bodies.EXECUTE))
def test_a_hostile_submission_is_refused(submit: Function, factory: Factory, row: Row) -> None:
    answer = posted(submit, EXECUTE, row)

    error_of(answer, STATUSES[row.code], row.code)
    assert (factory.store.executions, factory.images.objects, factory.tasks.created) == ({}, {}, [])


@pytest.mark.parametrize("row", named(retries.RETRIES))
def test_a_hostile_retry_is_refused(submit: Function, row: Row) -> None:
    answer = posted(submit, RETRY, row)

    error_of(answer, STATUSES[row.code], row.code)


def test_a_body_that_breaks_off_in_its_chunks_is_malformed(submit: Function) -> None:
    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise RuntimeError("the chunk has no size")

    for path, kind in ((EXECUTE, "application/json"), (EXECUTE, FORM_TYPE), (RETRY, "application/json")):
        answer = submit.post(
            path, input_stream=Broken(), content_type=kind, environ_overrides={"HTTP_TRANSFER_ENCODING": "chunked"}
        )
        error_of(answer, 400, MALFORMED)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-None-Match",
        "Origin",
        "X-Cloud-Trace-Context",
        "X-Request-Id",
    ],
)
@pytest.mark.parametrize("value", ["\x7f", "\x01\x02", "ÿ" * 200, "%0d%0aSet-Cookie: a=b", '"' * 500, "," * 2000])
def test_odd_bytes_in_a_header_never_break_the_answer(
    submit: Function, status: Function, name: str, value: str
) -> None:
    posted = submit.post(EXECUTE, data=body(), headers={"Content-Type": "application/json"} | {name: value})
    read = status.get("/api/executions", headers={name: value})

    for answer in (posted, read):
        assert answer.status_code < 500
        assert "Set-Cookie" not in answer.headers
        assert answer.get_json()["success"] is (answer.status_code < 400)
