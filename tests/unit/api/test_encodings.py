from __future__ import annotations

import codecs

import pytest

from imagefactory.api.body.encodings import decode_text, find_marked_charset

TEXT = "a lighthouse, 灯台"


@pytest.mark.parametrize(
    ("mark", "written_in"),
    [
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_a_byte_order_mark_names_the_charset_of_what_follows(mark: bytes, written_in: str) -> None:
    data = mark + TEXT.encode(written_in)

    assert decode_text(data, find_marked_charset(data)) == TEXT


@pytest.mark.parametrize("data", [TEXT.encode(), codecs.BOM_UTF8 + TEXT.encode(), b"", b"\xff"])
def test_what_has_no_such_mark_names_none(data: bytes) -> None:
    assert find_marked_charset(data) == ""
