"""Bodies on their way in: torn, and several large ones at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagefactory.api.body import large_request_lock
from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, NOBODY_HAS, data_of, error_of, picture
from tests.hostile.bodies import encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory

BODY = json.dumps(LIGHTHOUSE).encode()


@pytest.mark.parametrize("path", [EXECUTE, f"/api/executions/{NOBODY_HAS}/retry"])
def test_a_body_that_ends_before_its_length_is_malformed_even_where_it_is_whole_json(
    submit: Function, factory: Factory, path: str
) -> None:
    length = {"CONTENT_LENGTH": str(len(BODY) + 1)}

    answer = submit.post(path, data=BODY, content_type="application/json", environ_overrides=length)

    error_of(answer, 400, "MALFORMED_REQUEST")
    assert factory.store.executions == {}


def test_half_a_character_in_a_name_is_told_in_json(submit: Function) -> None:
    answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"model": "\ud800"})

    assert "\\ud800" in error_of(answer, 400, "VALIDATION_FAILED")["message"]


LARGE = BODY.ljust(large_request_lock.LARGE_BYTES + 1)
PICTURED = json.dumps(LIGHTHOUSE | {"reference_images": encoded(picture())}).encode()


@pytest.fixture
def somebodys_turn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another request has its turn, and keeps it."""
    monkeypatch.setattr(large_request_lock, "MAX_WAIT_SECONDS", 0.1)
    with large_request_lock.LargeRequestLock():
        yield


@pytest.mark.parametrize("body", [pytest.param(LARGE, id="large"), pytest.param(PICTURED, id="with an image")])
@pytest.mark.usefixtures("somebodys_turn")
def test_what_takes_much_memory_waits_for_its_turn_and_is_told_to_come_again(
    submit: Function, factory: Factory, body: bytes
) -> None:
    answer = submit.post(EXECUTE, data=body, content_type="application/json")

    error_of(answer, 503, "UNAVAILABLE")
    assert answer.headers["Retry-After"]
    assert factory.store.executions == {}


@pytest.mark.usefixtures("somebodys_turn")
def test_a_large_retry_waits_for_its_turn_too(submit: Function) -> None:
    answer = submit.post(
        f"/api/executions/{NOBODY_HAS}/retry", data=b"{}".ljust(len(LARGE)), content_type="application/json"
    )

    error_of(answer, 503, "UNAVAILABLE")


@pytest.mark.usefixtures("somebodys_turn")
def test_what_takes_little_does_not_wait(submit: Function) -> None:
    data_of(submit.post(EXECUTE, data=BODY, content_type="application/json"), 202)


@pytest.mark.parametrize("body", [LARGE, LARGE.replace(b"a lighthouse", b"no", 1), b"x" * len(LARGE)])
def test_a_turn_ends_with_its_request_however_that_ends(
    submit: Function, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_request_lock, "MAX_WAIT_SECONDS", 0.1)

    statuses = [submit.post(EXECUTE, data=body, content_type="application/json").status_code for _ in range(2)]

    assert statuses[0] == statuses[1]
    assert statuses[0] in (202, 400)
