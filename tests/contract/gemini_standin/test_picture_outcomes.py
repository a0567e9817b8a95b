"""Every answer with a picture on request, however oddly it is written."""

from __future__ import annotations

import base64
import binascii

import pytest
from PIL import UnidentifiedImageError

from tests.contract.gemini_standin.client import FLASH, PRO, Gemini, parts, picture


@pytest.mark.parametrize(
    ("outcome", "kinds"), [("text_before", ["text", "inlineData"]), ("text_after", ["inlineData", "text"])]
)
def test_text_can_come_before_or_after_the_picture(gemini: Gemini, outcome: str, kinds: list[str]) -> None:
    assert [next(iter(part)) for part in parts(gemini.meet(outcome))] == kinds


def test_interim_pictures_come_first_look_different_and_are_billed(gemini: Gemini) -> None:
    answer = gemini.meet("interim_images", PRO)

    found = parts(answer)
    assert [part.get("thought") for part in found] == [None, None, None]
    assert len({part["inlineData"]["data"] for part in found}) == 3
    final = parts(gemini.ask(model=PRO))[0]
    assert found[-1]["inlineData"] == final["inlineData"]
    assert answer.json()["usageMetadata"]["candidatesTokensDetails"][0]["tokenCount"] == 3 * 1120


def test_a_thought_picture_is_marked_and_comes_before_the_final_one(gemini: Gemini) -> None:
    assert [part.get("thought", False) for part in parts(gemini.meet("thought_image", PRO))] == [True, False]


def test_a_picture_can_have_the_wrong_size(gemini: Gemini) -> None:
    assert picture(parts(gemini.meet("wrong_size"))[0]).size == (512, 1024)


@pytest.mark.parametrize(
    ("model", "declared", "magic"), [(FLASH, "image/png", b"\xff\xd8\xff"), (PRO, "image/jpeg", b"\x89PNG")]
)
def test_a_picture_can_declare_the_wrong_type(gemini: Gemini, model: str, declared: str, magic: bytes) -> None:
    blob = parts(gemini.meet("wrong_mime", model))[0]["inlineData"]

    assert blob["mimeType"] == declared
    assert base64.b64decode(blob["data"]).startswith(magic)


def test_a_part_can_be_named_as_in_protocol_buffers(gemini: Gemini) -> None:
    (part,) = parts(gemini.meet("snake_case"))

    assert part["inline_data"]["mime_type"] == "image/png"


def test_picture_data_can_be_in_the_alphabet_of_urls(gemini: Gemini) -> None:
    (part,) = parts(gemini.meet("url_safe"))

    data = part["inlineData"]["data"]
    assert not set(data) & set("+/=")
    assert base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("outcome", "beginning", "end"),
    [
        ("data_url", "data:image/png;name=picture;base64,iVBOR", ""),
        ("wrapped", "iVBOR", "\n"),
        ("excess_padding", "iVBOR", "=="),
    ],
)
def test_picture_data_can_be_spelt_oddly(gemini: Gemini, outcome: str, beginning: str, end: str) -> None:
    (part,) = parts(gemini.meet(outcome))

    assert part["inlineData"]["data"].startswith(beginning)
    assert part["inlineData"]["data"].endswith(end)


@pytest.mark.parametrize(
    ("model", "declared"), [(FLASH, "Image/X-PNG; charset=binary"), (PRO, "Image/JPG; charset=binary")]
)
def test_a_picture_can_have_an_odd_type(gemini: Gemini, model: str, declared: str) -> None:
    (part,) = parts(gemini.meet("odd_mime", model))

    assert part["inlineData"]["mimeType"] == declared


@pytest.mark.parametrize(
    ("outcome", "mime", "pictures"),
    [
        ("sound_after", "audio/wav", 1),
        ("note_after", "text/plain", 1),
        ("empty_after", "image/png", 1),
        ("thought_after", "image/png", 2),
        ("broken_after", "image/png", 2),
    ],
)
def test_something_else_can_come_after_the_picture(gemini: Gemini, outcome: str, mime: str, pictures: int) -> None:
    answer = gemini.meet(outcome)

    first, last = parts(answer)
    assert picture(first).size == (1024, 1024)
    assert last["inlineData"]["mimeType"] == mime
    assert last.get("thought", False) is (outcome == "thought_after")
    assert answer.json()["usageMetadata"]["candidatesTokensDetails"][0]["tokenCount"] == pictures * 1290


@pytest.mark.parametrize(("outcome", "reason"), [("empty_first", None), ("refused_first", "IMAGE_SAFETY")])
def test_the_picture_can_be_in_the_second_candidate(gemini: Gemini, outcome: str, reason: str | None) -> None:
    first, second = gemini.meet(outcome).json()["candidates"]

    assert (first.get("finishReason"), first["index"], second["index"]) == (reason, 0, 1)
    picture(second["content"]["parts"][0])


def test_a_picture_can_be_there_although_it_was_refused(gemini: Gemini) -> None:
    answer = gemini.meet("refused_with_picture")

    assert answer.json()["candidates"][0]["finishReason"] == "IMAGE_SAFETY"
    picture(parts(answer)[0])


def test_an_answer_can_come_in_a_list(gemini: Gemini) -> None:
    (answer,) = gemini.meet("listed").json()

    picture(answer["candidates"][0]["content"]["parts"][0])


@pytest.mark.parametrize(
    ("outcome", "oddity"),
    [("byte_order_mark", b"\xef\xbb\xbf{"), ("bad_letter", b"Here\xff is the picture"), ("bad_number", b"9" * 10_000)],
)
def test_the_json_of_an_answer_can_be_odd(gemini: Gemini, outcome: str, oddity: bytes) -> None:
    assert oddity in gemini.meet(outcome).content


def test_an_answer_can_have_a_picture_and_nothing_else(gemini: Gemini) -> None:
    answer = gemini.meet("bare", PRO).json()

    assert answer.keys() == {"candidates"}
    assert answer["candidates"][0]["content"]["parts"][0].keys() == {"inlineData"}
    assert answer["candidates"][0]["content"]["parts"][0]["inlineData"].keys() == {"data"}


def test_a_picture_can_be_as_large_as_googles(gemini: Gemini) -> None:
    flash = gemini.meet("full_size")
    pro = gemini.ask("Another prompt, which the same rule meets", PRO, imageSize="4K", aspectRatio="1:1")

    assert 1_500_000 < len(flash.content) < 4_000_000
    assert picture(parts(pro)[0]).size == (4096, 4096)
    assert 20_000_000 < len(pro.content) < 40_000_000
    assert len(parts(pro)[0]["thoughtSignature"]) > 1_000_000


def test_another_model_can_answer(gemini: Gemini) -> None:
    answer = gemini.meet("other_model")

    assert answer.json()["modelVersion"] != FLASH
    picture(parts(answer)[0])


def test_picture_data_can_be_no_base64(gemini: Gemini) -> None:
    data = parts(gemini.meet("bad_base64"))[0]["inlineData"]["data"]

    with pytest.raises(binascii.Error):
        base64.b64decode(data, validate=True)


def test_picture_data_can_be_no_picture(gemini: Gemini) -> None:
    with pytest.raises(UnidentifiedImageError):
        picture(parts(gemini.meet("not_an_image"))[0])
