from __future__ import annotations

import base64
import contextlib
import textwrap
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.domain.base64text import decode_base64

#: Bytes whose base64 has all 64 signs and two signs of padding.
BYTES = base64.b64decode(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") + b"\xfb"
TEXT = base64.b64encode(BYTES).decode()
URL_SAFE = base64.urlsafe_b64encode(BYTES).decode()
BARE = TEXT.rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TEXT, id="standard"),
        pytest.param(URL_SAFE, id="the alphabet of URLs"),
        pytest.param(TEXT.replace("+", "-"), id="both alphabets at once"),
        pytest.param(BARE, id="no padding"),
        pytest.param(BARE + "=", id="half the padding"),
        pytest.param(TEXT + "==", id="excess padding"),
        pytest.param(URL_SAFE.rstrip("="), id="the alphabet of URLs, no padding"),
        pytest.param("\n".join(textwrap.wrap(TEXT, 16)), id="lines"),
        pytest.param("\r\n".join(textwrap.wrap(TEXT, 7)) + "\r\n", id="lines of DOS, one at the end"),
        pytest.param(f" \t{BARE[:5]} \v\f{BARE[5:]}= = \n", id="white space everywhere"),
    ],
)
def test_base64_is_read_in_every_spelling(text: str) -> None:
    assert decode_base64(text) == (BYTES, "")


@pytest.mark.parametrize(
    ("prefix", "media_type"),
    [
        ("data:image/png;base64,", "image/png"),
        ("DATA:Image/JPG;BASE64,", "image/jpeg"),
        ("data:image/svg+xml;charset=utf-8;base64,", "image/svg+xml"),
        ("data:image/x-icon;name=a-b_c.ico;base64,", "image/x-icon"),
        ("data:;base64,", ""),
        ("\n data: image/webp ; base64 , ", "image/webp"),
    ],
)
@pytest.mark.parametrize("text", [TEXT, URL_SAFE, BARE, "\n".join(textwrap.wrap(TEXT, 16))])
def test_a_data_url_tells_its_type(prefix: str, media_type: str, text: str) -> None:
    assert decode_base64(prefix + text) == (BYTES, media_type)


@pytest.mark.parametrize(
    "text", [f'"{TEXT}"', f"\ufeff{TEXT}", f"{TEXT}\u00a0", TEXT[:8] + "\\n" + TEXT[8:], TEXT.replace("=", "%3D")]
)
def test_what_copying_leaves_in_it_does_no_harm(text: str) -> None:
    assert decode_base64(text).data == BYTES


@pytest.mark.parametrize(
    "text",
    [
        *("!", "A", "AAAAA", "=", "====", "AA==AA==", "A=A=", "AAAA!", "AAA\u0410", "AA\u00a0AA", "AAAA\x00"),
        *("AAAA,BBBB", "AAAA;BBBB", "AAAA%21", "AAAA.", "b'AAAA'"),
        *("data:image/png,AAAA", "data:,AAAA", "data:base64,AAAA", "data:image/png;base64;q=1,AAAA"),
        *("data:image/png;base64AAAA", "data:image/png;base64,A", "data:a;base64,data:a;base64,AAAA"),
        *("image/png;base64,AAAA", "xdata:image/png;base64,AAAA", f"data:{'x' * 1001};base64,AAAA"),
    ],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not (in )?base64") as refused:
        decode_base64(text)

    assert refused.value.__cause__ is None


@pytest.mark.parametrize("text", ["", " \n", "data:image/png;base64,"])
def test_no_letters_are_no_bytes(text: str) -> None:
    assert decode_base64(text).data == b""


@given(st.binary(max_size=200), st.booleans(), st.booleans(), st.integers(1, 80))
def test_what_any_encoder_writes_is_read(data: bytes, url_safe: bool, padded: bool, width: int) -> None:  # noqa: FBT001 - drawn
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    text = "\n".join(textwrap.wrap(text, width))

    assert decode_base64(text if padded else text.rstrip("=")).data == data


@given(st.text() | st.text("AB+/-_= \n,;:dat"))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        decode_base64(text)
    except ValueError as refused:
        assert "base64" in str(refused)  # noqa: PT017 - some of these are base64


MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("text", "copies"),
    [
        pytest.param("AAAA" * MEGABYTE, 0, id="standard"),
        pytest.param("AA-_" * MEGABYTE, 2, id="the alphabet of URLs"),
        pytest.param("data:image/png;base64," + "AAAA" * MEGABYTE, 2, id="a data URL"),
        pytest.param("AAA\n" * MEGABYTE, 2, id="lines"),
    ],
)
def test_no_copy_is_made_without_need(text: str, copies: int) -> None:
    tracemalloc.start()
    decode_base64(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    decoded = 0.76
    assert peak < (decoded + copies + 0.05) * len(text)


@pytest.mark.parametrize("text", ["=" * MEGABYTE, " " * MEGABYTE, "data:" + ";" * MEGABYTE, "A=" * MEGABYTE])
def test_hostile_texts_take_no_time(text: str) -> None:
    began = time.perf_counter()
    with contextlib.suppress(ValueError):
        decode_base64(text)

    assert time.perf_counter() - began < 1
