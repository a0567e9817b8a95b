"""Every answer of the Gemini API with an image that is known, as it was seen; and answers that make no sense."""

from __future__ import annotations

import base64
import json
import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.adapters.gemini.answers import image_of
from imagefactory.adapters.gemini.failures import failure_of_status
from imagefactory.adapters.gemini.values import parse_json
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.pricing import TokenUsage
from imagefactory.domain.result import FailureCode
from tests.unit.gemini.calling import DATA, IMAGE, KEY, answer, blob, failure_in

OTHER = base64.b64encode(b"an interim image").decode()
NOTE = base64.b64encode(b"RIFF and whatever").decode()


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(answer(blob()), id="an image alone"),
        pytest.param(answer({"text": "Here it is:"}, blob()), id="text before"),
        pytest.param(answer(blob(), {"text": "There it was."}), id="text behind"),
        pytest.param(answer(blob(OTHER), blob()), id="the last of two"),
        pytest.param(answer(blob(), blob(OTHER, thought=True)), id="a thought is none"),
        pytest.param(answer(blob(thoughtSignature="x" * 1_000_000)), id="a huge signature"),
        pytest.param(answer({"inline_data": {"data": DATA, "mime_type": "image/png"}}), id="names of protocol buffers"),
        pytest.param(answer(blob(base64.urlsafe_b64encode(IMAGE).decode())), id="the alphabet of URLs"),
        pytest.param(answer(blob(DATA.rstrip("="))), id="no padding"),
        pytest.param(answer(blob(), finishReason="MAX_TOKENS"), id="whatever the finish reason"),
        pytest.param(answer("odd", blob(), {"inlineData": 7}, {"inlineData": {"data": ""}}), id="odd parts beside"),
        pytest.param(answer({"text": "Thinking…", "thought": True}, blob(), {}), id="a thought in words"),
        pytest.param(
            answer(blob(OTHER), {"text": "Better:"}, blob(OTHER), blob()), id="the last of many, text between"
        ),
        pytest.param(
            answer(blob(base64.urlsafe_b64encode(IMAGE).decode().rstrip("="))), id="that alphabet, no padding"
        ),
        pytest.param({"candidates": [{"content": {"parts": [blob()]}}]}, id="nothing else"),
        pytest.param(answer(blob()) | {"promptFeedback": {"safetyRatings": []}}, id="feedback without a block"),
        pytest.param(answer(blob()) | {"error": {"code": 500}}, id="an error beside"),
        pytest.param([answer(blob())], id="in a list of one"),
        pytest.param(answer(blob(), finishReason="IMAGE_SAFETY"), id="refused, and there all the same"),
        pytest.param(answer(blob()) | {"promptFeedback": {"blockReason": "SAFETY"}}, id="the prompt refused"),
        pytest.param({"candidates": [{}, *answer(blob())["candidates"]]}, id="the first candidate empty"),
        pytest.param(
            {"candidates": [*answer(finishReason="SAFETY")["candidates"], None, *answer(blob())["candidates"]]},
            id="the first candidate refused",
        ),
        pytest.param({"candidates": [*answer(blob())["candidates"], *answer(blob(OTHER))["candidates"]]}, id="two"),
        pytest.param({"candidates": {"content": {"parts": blob()}}}, id="no lists"),
        pytest.param(answer({"inlineData": {}, "inline_data": {"data": DATA, "mimeType": "image/png"}}), id="both"),
    ],
)
def test_the_image_is_found_wherever_it_is(whole: dict[str, Any]) -> None:
    generated = image_of(whole, KEY)

    assert (generated.data, generated.content_type) == (IMAGE, "image/png")


@pytest.mark.parametrize(
    "data",
    [
        "\n".join(textwrap.wrap(DATA, 16)),
        "\r\n".join(textwrap.wrap(DATA, 16)) + "\r\n",
        f" \t{DATA} ",
        f"data:image/png;base64,{DATA}",
        f"DATA:Image/PNG;name=a.png;Base64,\n{DATA}",
        f"data:image/png;base64,{base64.urlsafe_b64encode(IMAGE).decode()}",
        DATA + "==",
    ],
)
def test_the_image_is_read_in_every_spelling_of_base64(data: str) -> None:
    assert image_of(answer(blob(data)), KEY).data == IMAGE


@pytest.mark.parametrize(
    ("declared", "data", "content_type"),
    [
        ("Image/PNG; charset=binary", DATA, "image/png"),
        ("image/jpg", DATA, "image/jpeg"),
        (" IMAGE/WEBP ", DATA, "image/webp"),
        ("", DATA, ""),
        ("", f"data:image/jpg;base64,{DATA}", "image/jpeg"),
        ("application/octet-stream", f"data:image/png;base64,{DATA}", "image/png"),
        ("application/octet-stream", DATA, "application/octet-stream"),
        ("image/png", f"data:text/plain;base64,{DATA}", "image/png"),
    ],
)
def test_the_declared_type_has_one_name(declared: str, data: str, content_type: str) -> None:
    assert image_of(answer(blob(data, declared)), KEY).content_type == content_type


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(blob(NOTE, "audio/wav"), id="a sound"),
        pytest.param(blob(NOTE, "text/plain; charset=utf-8"), id="a note"),
        pytest.param(blob(DATA + "AAAA", "text/plain"), id="what is called a note"),
        pytest.param({"inlineData": {"data": NOTE}}, id="bytes that say nothing"),
        pytest.param(blob("", "image/png"), id="an empty one"),
        pytest.param(blob("  ", "image/png"), id="a blank one"),
        pytest.param(blob(OTHER, thought=True), id="a thought"),
        pytest.param(blob("!not base64!"), id="a broken one"),
        pytest.param(blob(OTHER, "image/heic"), id="one that nobody can open"),
    ],
)
@pytest.mark.parametrize("around", [(), ({"text": "There."},)])
def test_the_last_part_that_is_an_image_counts(odd: dict[str, Any], around: tuple[dict[str, Any], ...]) -> None:
    generated = image_of(answer(blob(OTHER), blob(), *around, odd, *around, odd), KEY)

    assert (generated.data, generated.content_type, generated.is_thought) == (IMAGE, "image/png", False)


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (IMAGE, ""),
        (IMAGE, "application/octet-stream"),
        (IMAGE, "png"),
        (IMAGE, "text/plain"),
        (b"\xff\xd8\xff a JPEG", ""),
        (b"RIFF\0\0\0\0WEBP", ""),
        (b"of an unknown format", "image/new"),
    ],
)
def test_an_image_is_known_by_its_type_or_else_by_its_bytes(data: bytes, declared: str) -> None:
    assert image_of(answer(blob(base64.b64encode(data).decode(), declared)), KEY).data == data


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(answer(blob(OTHER, thought=True), blob(thought=True)), id="the last of two"),
        pytest.param(answer(blob(thought=True), {"text": "Done."}, blob(NOTE, "text/plain")), id="text behind"),
        pytest.param(answer(blob(thought=True), finishReason=None), id="no finish reason"),
        pytest.param(
            {"candidates": [*answer(finishReason="SAFETY")["candidates"], *answer(blob(thought=True))["candidates"]]},
            id="of the candidate that finished",
        ),
    ],
)
def test_a_thought_is_kept_where_the_model_finished_with_nothing_else(whole: dict[str, Any]) -> None:
    generated = image_of(whole, KEY)

    assert (generated.data, generated.is_thought) == (IMAGE, True)


@pytest.mark.parametrize(
    ("declared", "data", "content_type"),
    [(f"image/{KEY}", DATA, "image/[key]"), ("", f"data:image/{KEY};base64,{DATA}", "")],
)
def test_no_word_of_an_answer_holds_the_key(declared: str, data: str, content_type: str) -> None:
    words = {"modelVersion": f"m {KEY}", "responseId": KEY}

    generated = image_of(answer(blob(data, declared)) | words, KEY)

    said = (generated.content_type, generated.model_version, generated.response_id)
    assert said == (content_type, "m [key]", "[key]")


def test_usage_and_identity_are_kept() -> None:
    usage = {
        "promptTokenCount": 22,
        "candidatesTokenCount": 1216,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        "thoughtsTokenCount": 179,
    }

    generated = image_of(answer(blob()) | {"usageMetadata": usage, "modelVersion": "m", "responseId": "r"}, KEY)

    assert (generated.model_version, generated.response_id) == ("m", "r")
    assert generated.tokens == TokenUsage(image=1120, text=1216 - 1120 + 179, input=22)


@pytest.mark.parametrize(
    "usage", [None, [], {"promptTokenCount": "22"}, {"candidatesTokensDetails": [None, {}]}, {"thoughtsTokenCount": -1}]
)
def test_usage_that_makes_no_sense_counts_nothing(usage: object) -> None:
    assert image_of(answer(blob()) | {"usageMetadata": usage}, KEY).tokens == TokenUsage()


def test_interim_images_are_counted_and_thoughts_are_text() -> None:
    usage = {
        "candidatesTokenCount": 3 * 1120 + 88,
        "candidatesTokensDetails": [
            {"modality": "IMAGE", "tokenCount": 3 * 1120},
            {"modality": "TEXT", "tokenCount": 88},
        ],
    }

    generated = image_of(answer(blob(OTHER), blob(OTHER), blob()) | {"usageMetadata": usage}, KEY)

    assert generated.tokens == TokenUsage(image=3360, text=88, input=0)


def test_a_type_that_is_not_told_is_empty() -> None:
    assert image_of(answer({"inlineData": {"data": DATA}}), KEY).content_type == ""


@pytest.mark.parametrize("whole", [None, [], "text", 7])
def test_what_is_no_object_is_unusable(whole: Any) -> None:
    assert (failure_in(whole).code, failure_in(whole).retryable) == (FailureCode.SERVER_ERROR, True)


@pytest.mark.parametrize("data", ["!" + DATA, DATA[:-3] + "é", "A"])
def test_an_image_that_cannot_be_decoded_is_unusable(data: str) -> None:
    assert (failure_in(answer(blob(data))).code, failure_in(answer(blob(data))).retryable) == (
        FailureCode.SERVER_ERROR,
        True,
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["candidates", "content", "parts", "inlineData", "data", "promptFeedback", "error", "details"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.integers(201, 599), JSON)
def test_no_answer_at_all_breaks_the_reader(status: int, whole: Any) -> None:
    assert failure_of_status(status, whole, KEY).message

    try:
        image_of(whole, KEY)
    except AttemptFailed as attempt:
        assert attempt.failure.message  # noqa: PT017 - a few of these may hold an image


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_was_parsed_leaves_its_body_empty(mark: bytes) -> None:
    told = bytearray(mark + b'{"a": [1, 2]}')

    assert parse_json(told) == {"a": [1, 2]}
    assert told == b""


@pytest.mark.parametrize(
    "oddity", [b"A caf\xe9", b"two\nlines", b"a\ttab", b"cut \xf0\x9f", b"\\ud800 alone", b"not \xed\xa0\x80 a letter"]
)
def test_an_odd_letter_in_a_sentence_does_not_lose_the_image(oddity: bytes) -> None:
    body = json.dumps(answer({"text": "?"}, blob())).encode().replace(b"?", oddity)

    assert image_of(parse_json(bytearray(body)), KEY).data == IMAGE


@given(st.text())
def test_every_letter_of_a_sentence_is_read_as_it_was_written(sentence: str) -> None:
    plain = json.dumps({"text": sentence}, ensure_ascii=False).encode(errors="replace")

    assert parse_json(bytearray(plain)) == json.loads(plain)


@pytest.mark.parametrize(
    ("letters", "is_read"), [("é" * 200_000, True), ("é" * 300_000, False), ("🎨é日" * 60_000, True)]
)
def test_letters_beyond_ascii_are_bounded(letters: str, is_read: bool) -> None:  # noqa: FBT001 - part of the table
    body = bytearray(json.dumps(f"x{letters}", ensure_ascii=False).encode())

    assert parse_json(body) == (f"x{letters}" if is_read else None)


@pytest.mark.parametrize("number", ["9" * 10_000, "1e400", "NaN"])
def test_an_odd_number_does_not_lose_the_image(number: str) -> None:
    body = json.dumps(answer(blob(), index=7)).replace('"index": 7', f'"index": {number}')

    assert image_of(parse_json(bytearray(body.encode())), KEY).data == IMAGE
