"""The pictures: exact pixels, right types, different for every prompt, references visible."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from tests.contract.gemini_standin.client import FLASH, Gemini, parts, picture, reference, request

PRO = "gemini-3-pro-image"

# Google's tables, written down here a second time on purpose.
FLASH_TABLE = (
    "1:1 1024x1024, 2:3 832x1248, 3:2 1248x832, 3:4 864x1184, 4:3 1184x864, 4:5 896x1152, 5:4 1152x896, 9:16 768x1344,"
    " 16:9 1344x768, 21:9 1536x672"
)
TEN_1K = (
    "1:1 1024x1024, 2:3 848x1264, 3:2 1264x848, 3:4 896x1200, 4:3 1200x896, 4:5 928x1152, 5:4 1152x928, 9:16 768x1376,"
    " 16:9 1376x768, 21:9 1584x672"
)
FOURTEEN_1K = TEN_1K + ", 1:4 512x2048, 4:1 2048x512, 1:8 384x3072, 8:1 3072x384"
FOURTEEN_512 = (
    "1:1 512x512, 2:3 424x632, 3:2 632x424, 3:4 448x600, 4:3 600x448, 4:5 464x576, 5:4 576x464, 9:16 384x688,"
    " 16:9 688x384, 21:9 792x336, 1:4 256x1024, 4:1 1024x256, 1:8 192x1536, 8:1 1536x192"
)


class Row(NamedTuple):
    """A model's size: its pixels are `factor` times those of `table`."""

    model: str
    size: str | None
    table: str
    factor: int
    tokens: int


TABLE = [
    Row(FLASH, None, FLASH_TABLE, 1, 1290),
    Row("gemini-3-pro-image-preview", "1K", TEN_1K, 1, 1120),
    Row("gemini-3-pro-image", "1K", TEN_1K, 1, 1120),
    Row("gemini-3-pro-image", "2K", TEN_1K, 2, 1120),
    Row("gemini-3-pro-image", "4K", TEN_1K, 4, 2000),
    Row("gemini-3.1-flash-image", "512", FOURTEEN_512, 1, 747),
    Row("gemini-3.1-flash-image", "1K", FOURTEEN_1K, 1, 1120),
    Row("gemini-3.1-flash-image", "2K", FOURTEEN_1K, 2, 1680),
    Row("gemini-3.1-flash-image", "4K", FOURTEEN_1K, 4, 2520),
    Row("gemini-3.1-flash-lite-image", "1K", FOURTEEN_1K, 1, 1120),
    Row("gemini-nano-banana-2.1", "1K", FOURTEEN_1K, 1, 1120),
    Row("gemini-nano-banana-2.1", "2K", FOURTEEN_1K, 2, 1680),
    Row("gemini-nano-banana-2.1", "4K", FOURTEEN_1K, 4, 3780),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.model} {row.size}")
def test_every_ratio_and_size_has_its_exact_pixels_and_tokens(gemini: Gemini, row: Row) -> None:
    expected = dict(entry.split() for entry in row.table.split(", "))

    def measured(ratio: str) -> str:
        answer = gemini.ask("Pixels", row.model, aspectRatio=ratio, **({"imageSize": row.size} if row.size else {}))
        details = answer.json()["usageMetadata"]["candidatesTokensDetails"]
        assert details == [{"modality": "IMAGE", "tokenCount": row.tokens}]
        width, height = picture(parts(answer)[0]).size
        return f"{width / row.factor:g}x{height / row.factor:g}"

    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(expected, pool.map(measured, expected), strict=True))

    assert found == expected


@pytest.mark.parametrize(("model", "mode"), [(FLASH, "PNG"), (PRO, "JPEG"), ("gemini-nano-banana-2.1", "JPEG")])
def test_the_picture_decodes_completely_and_has_no_alpha(gemini: Gemini, model: str, mode: str) -> None:
    image = picture(parts(gemini.ask("A lighthouse", model))[0])

    image.load()

    assert (image.format, image.mode) == (mode, "RGB")


@pytest.mark.parametrize(("model", "pixels"), [(FLASH, (1024, 1024)), (PRO, (1408, 768))])
def test_without_a_ratio_the_model_chooses(gemini: Gemini, model: str, pixels: tuple[int, int]) -> None:
    assert picture(parts(gemini.ask("A lighthouse", model))[0]).size == pixels


def test_without_a_ratio_the_last_reference_decides(gemini: Gemini) -> None:
    tall, wide = reference((9, 9, 9), (90, 160)), reference((9, 9, 9), (1600, 900), "JPEG")

    answer = gemini.post(request("Both", tall, wide))

    assert picture(parts(answer)[0]).size == (1344, 768)


def test_the_same_prompt_gives_the_same_picture_and_another_prompt_another(gemini: Gemini) -> None:
    first, again, other = (parts(gemini.ask(prompt))[0]["inlineData"]["data"] for prompt in ("fox", "fox", "owl"))

    assert first == again
    assert first != other


def test_references_are_visible_in_the_picture(gemini: Gemini) -> None:
    red, blue = (250, 10, 20), (5, 20, 250)
    data = [reference(red), reference(blue, kind="WEBP"), reference((0, 200, 0), kind="JPEG")]

    image = picture(parts(gemini.post(request("Paste", *data)))[0])

    top = image.crop((0, 0, image.width, image.height // 4)).tobytes()
    colors = {tuple(top[start : start + 3]) for start in range(0, len(top), 3)}
    assert red in colors
    assert any(b > 230 and r < 30 and g < 40 for r, g, b in colors)
    assert any(g > 180 and r < 20 and b < 20 for r, g, b in colors)
    assert gemini.calls()[0]["reference_count"] == 3


@pytest.mark.parametrize(
    "prompt",
    ["x" * 100_000, "W" * 500, "\x00\x07", "\ud800", "حصان 馬 🐎 ñ", " ", "a\n\n\tb"],
    ids=["long", "one word", "control", "surrogate", "scripts", "blank", "lines"],
)
def test_every_prompt_can_be_drawn(gemini: Gemini, prompt: str) -> None:
    image = picture(parts(gemini.ask(prompt, "gemini-3.1-flash-image", imageSize="512", aspectRatio="1:8"))[0])

    assert image.size == (192, 1536)
    assert gemini.calls()[0]["prompt"] == prompt


def test_fifty_calls_at_once_all_get_their_picture(gemini: Gemini) -> None:
    started = time.monotonic()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda number: gemini.ask(f"Number {number}"), range(50)))

    assert len({parts(answer)[0]["inlineData"]["data"] for answer in answers}) == 50
    assert time.monotonic() - started < 15
    calls = gemini.calls()
    assert sorted(call["prompt"] for call in calls) == sorted(f"Number {number}" for number in range(50))
    assert all(call["outcome"] == "ok" and call["end"] >= call["start"] for call in calls)
