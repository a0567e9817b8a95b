from __future__ import annotations

import pytest

from imagefactory.domain.media_type import find_format, is_another_image_type, normalize_media_type


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("image/png", "image/png"),
        ("Image/PNG; charset=binary", "image/png"),
        (" image/JPG ;q=1", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("image/x-png", "image/png"),
        ("", ""),
    ],
)
def test_a_media_type_has_one_name(text: str, name: str) -> None:
    assert normalize_media_type(text) == name


@pytest.mark.parametrize(
    ("declared", "is_another"),
    [
        ("image/png", True),
        ("image/x-png; q=1", True),
        ("image/heic", True),
        ("image/jpg", False),
        ("image/*", False),
        ("image/unheard-of", False),
        ("application/pdf", False),
        ("", False),
    ],
)
def test_only_a_known_type_of_image_is_another(declared: str, *, is_another: bool) -> None:
    assert is_another_image_type(declared, "image/jpeg") is is_another


@pytest.mark.parametrize(
    ("declared", "filename", "found"),
    [
        ("text/plain", "prompts.txt", ""),
        ("", "", ""),
        ("text/markdown", "readme.md", ""),
        ("application/octet-stream", "prompts", ""),
        ("Text/CSV; header=present", "prompts", "CSV"),
        ("text/plain", "PROMPTS.CSV", "CSV"),
        ("application/vnd.ms-excel", "prompts.csv", "CSV"),
        ("application/vnd.ms-excel", "prompts", "an Excel workbook"),
        ("image/png", "a.png", "image/png"),
    ],
)
def test_a_text_is_of_a_format_by_its_extension_or_its_type(declared: str, filename: str, found: str) -> None:
    assert find_format(declared, filename) == found
