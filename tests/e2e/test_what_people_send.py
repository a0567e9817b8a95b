"""What phones, pages, other servers and copied examples send, through the gateway to the staged functions."""

from __future__ import annotations

import base64
import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from tests.hostile import images

if TYPE_CHECKING:
    import requests

    from tests.harness.stack import Client, Stack

TEXT = "ein Böötchen, blau"
OCTETS = "application/octet-stream"


@pytest.fixture
def ada(stack: Stack) -> Client:
    return stack.client("ada")


def post_form(ada: Client, *parts: tuple[str, Any], key: str = "a-key") -> requests.Response:
    """A form of these parts, as `requests` writes them: text, or (file name, content, type, headers)."""
    fields = [(name, part if isinstance(part, tuple) else (None, part)) for name, part in (("api_key", key), *parts)]
    return ada.call("POST", f"/api/workflows/{ada.stack.workflow_id}/execute", files=fields)


def read_prompts(ada: Client, answer: requests.Response) -> list[str]:
    """The prompts of the batch that was accepted; cancels it, since they are all that matters."""
    assert answer.status_code == 202, answer.text
    path = f"/api/executions/{answer.json()['data']['execution_id']}"
    ada.call("POST", f"{path}/cancel")
    return [result["prompt_text"] for result in ada.call("GET", path).json()["data"]["batch_results"]]


def read_faults(answer: requests.Response) -> list[tuple[str, str]]:
    """The fields at fault and what is told of them."""
    assert answer.status_code == 400, answer.text
    return [(detail["field"], detail["message"]) for detail in answer.json()["error"]["details"]]


def test_a_line_of_results_is_one_line_to_every_reader(ada: Client) -> None:
    prompts = [f"a lighthouse{sign}at night" for sign in ("\x85", "\u2028", "\u2029", "\x0b", "\x1e", "\r\n")]
    path = f"/api/executions/{ada.submit(prompts)['execution_id']}/results.jsonl"
    headers = {"Authorization": f"Bearer {ada.token}"}

    with httpx.stream("GET", ada.stack.gateway + path, headers=headers, timeout=60) as answer:
        lines = list(answer.iter_lines())

    assert [json.loads(line)["prompt_text"] for line in lines] == prompts


@pytest.mark.parametrize(
    "empty",
    [
        pytest.param(("reference_images", ""), id="a reference as a text"),
        pytest.param(("reference_images", ("", b"", OCTETS)), id="an untouched file input"),
        pytest.param(("reference_images", ("undefined", b"", OCTETS)), id="a file input handed on"),
        pytest.param(("model", ("", b"", OCTETS)), id="a file where a text is meant"),
        pytest.param(("metadata", " \r\n"), id="metadata of spaces"),
    ],
)
def test_an_empty_field_was_not_filled_in(ada: Client, empty: tuple[str, Any]) -> None:
    assert read_prompts(ada, post_form(ada, ("prompts_text", TEXT), empty)) == [TEXT]


@pytest.mark.parametrize(
    ("declared", "is_taken"),
    [
        *((declared, True) for declared in (OCTETS, "application/x-octet-stream", "*/*", "image/jpg", "null", None)),
        *((declared, False) for declared in ("image/png", "image/webp", "image/heic")),
    ],
)
def test_a_reference_is_judged_by_content(ada: Client, declared: str | None, *, is_taken: bool) -> None:
    part = ("photo", images.picture("JPEG"), declared) if declared else (None, images.picture("JPEG"))

    answer = post_form(ada, ("prompts_text", TEXT), ("reference_images", part))

    if is_taken:
        assert read_prompts(ada, answer) == [TEXT]
    else:
        assert [field for field, _ in read_faults(answer)] == ["reference_images"]


@pytest.mark.parametrize(
    ("content", "content_type", "headers"),
    [
        (base64.encodebytes(TEXT.encode()), "text/plain", {"Content-Transfer-Encoding": "base64"}),
        (b"ein B=C3=B6=C3=B6tchen, blau", "text/plain", {"Content-Transfer-Encoding": "quoted-printable"}),
        (TEXT.encode("latin-1"), "text/plain; charset=iso-8859-1", {}),
        (TEXT.encode("utf-16"), "text/plain; charset=utf-16", {}),
    ],
)
def test_a_part_that_says_how_it_is_written_is_read_so(
    ada: Client, content: bytes, content_type: str, headers: dict[str, str]
) -> None:
    answer = post_form(ada, ("prompts_text", ("prompts.txt", content, content_type, headers)))

    assert read_prompts(ada, answer) == [TEXT]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (("prompts.txt", b"x", "text/plain", {"Content-Transfer-Encoding": "x-uuencode"}), "x-uuencode"),
        (("prompts.txt", b"x", "text/plain; charset=klingon"), "klingon"),
        (("prompts.rtf", b"{\\rtf1 a lighthouse}", "application/rtf"), "RTF"),
        (("prompts.xlsx", b"PK", OCTETS), "Excel"),
        (("prompts.csv", b"prompt\na lighthouse", "text/csv"), "CSV"),
    ],
)
def test_a_part_that_cannot_be_read_as_it_says_is_refused_by_name(
    ada: Client, part: tuple[Any, ...], told: str
) -> None:
    [(field, message)] = read_faults(post_form(ada, ("prompts_text", part)))

    assert field == "prompts_text"
    assert told in message


def test_pictures_that_every_viewer_opens_reach_the_model(ada: Client) -> None:
    mark = uuid.uuid4().hex
    photograph = io.BytesIO()
    Image.linear_gradient("L").save(photograph, "JPEG")
    pictures = [
        images.with_text("a" * 2_000_000),
        images.picture(icc_profile=bytes(3_000_000)),
        photograph.getvalue().removesuffix(b"\xff\xd9"),
    ]

    answer = post_form(ada, ("prompts_text", mark), *(("reference_images", ("photo", one)) for one in pictures))

    assert ada.wait(answer.json()["data"]["execution_id"])["status"] == "completed"
    assert [call["reference_count"] for call in ada.stack.list_calls(mark)] == [3]


@pytest.mark.parametrize("key", ['"a-key"', " a-key\r\n", "\ufeffa-key"])
def test_what_copying_leaves_around_a_key_does_no_harm(ada: Client, key: str) -> None:
    answer = post_form(ada, ("prompts_text", TEXT), key=key)

    assert ada.wait(answer.json()["data"]["execution_id"])["status"] == "completed"


@pytest.mark.parametrize("key", ["undefined", "null", "YOUR_API_KEY", "GEMINI_API_KEY=AIza1", "AIza1,AIza2"])
def test_what_cannot_be_a_key_is_refused(ada: Client, key: str) -> None:
    [(field, message)] = read_faults(post_form(ada, ("prompts_text", TEXT), key=key))

    assert field == "api_key"
    assert key not in message


def test_an_image_that_was_paid_for_is_kept_in_one_attempt(ada: Client) -> None:
    mark = uuid.uuid4().hex
    outcomes = ["data_url", "wrapped", "excess_padding", "sound_after", "empty_first", "refused_with_picture"]
    for outcome in outcomes:
        ada.stack.set_faults(match=f"{mark} {outcome}", outcomes=[outcome])

    shown = ada.wait(ada.submit([f"{mark} {outcome}" for outcome in outcomes])["execution_id"])

    assert {result["status"] for result in shown["batch_results"]} == {"completed"}
    assert [call["outcome"] for call in ada.stack.list_calls(mark)].count("ok") == 0
    assert len(ada.stack.list_calls(mark)) == len(outcomes)


@pytest.mark.parametrize("body", [b"null", b"", b" \n", b"{}"])
def test_a_retry_of_nothing_in_particular_takes_all(ada: Client, body: bytes) -> None:
    mark = uuid.uuid4().hex
    ada.stack.set_faults(match=mark, outcomes=["blocked"])
    execution_id = ada.submit([mark])["execution_id"]
    ada.wait(execution_id)

    path = f"/api/executions/{execution_id}/retry"
    answer = ada.call("POST", path, data=body, headers={"Content-Type": "application/json"})

    # What is to run again was found: only the key is gone, with the execution's end.
    assert [field for field, _ in read_faults(answer)] == ["api_key"]


def test_a_star_stands_for_every_validator(ada: Client) -> None:
    execution_id = ada.submit([TEXT])["execution_id"]
    ada.wait(execution_id)
    path = f"/api/executions/{execution_id}"
    etag = ada.call("GET", path).headers["ETag"]

    for known in ("*", etag, f'"other", W/{etag}'):
        assert ada.call("GET", path, headers={"If-None-Match": known}).status_code == 304


def test_a_batch_that_names_no_model_is_made_by_one_that_is_not_retired(ada: Client) -> None:
    accepted = ada.submit([TEXT])

    shown = ada.wait(accepted["execution_id"])

    assert (shown["model"], accepted["estimated_cost_usd"]) == ("gemini-3.1-flash-lite-image", 0.0336)
    assert "gemini-2.5-flash-image was announced to be shut down" in accepted["warnings"][0]
