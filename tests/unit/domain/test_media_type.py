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


@pytest.mark.parametrize(
    ("name", "extensions", "types"),
    [
        ("CSV", "csv", "text/csv text/x-csv application/csv text/comma-separated-values text/x-comma-separated-values"),
        ("TSV", "tsv tab", "text/tab-separated-values text/tsv"),
        ("RTF", "rtf", "text/rtf text/x-rtf text/richtext text/enriched application/rtf application/x-rtf public.rtf"),
        ("HTML", "html htm xhtml mhtml", "text/html text/xhtml application/xhtml+xml"),
        ("XML", "xml", "text/xml application/xml"),
        ("SVG", "svg", "image/svg+xml"),
        ("a calendar", "ics", "text/calendar"),
        ("a visiting card", "vcf", "text/vcard text/x-vcard"),
        ("CSS", "css", "text/css"),
        ("JavaScript", "js", "text/javascript application/javascript"),
        ("JSON", "json", "application/json text/json application/x-json text/x-json"),
        ("JSON lines", "jsonl ndjson", "application/jsonl application/x-ndjson application/x-jsonlines"),
        ("YAML", "yaml yml", "application/yaml text/yaml text/x-yaml application/x-yaml"),
        ("PDF", "pdf", "application/pdf"),
        (
            "an Excel workbook",
            "xls xlsx xlsm xlsb",
            "application/vnd.ms-excel application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        ("an OpenDocument spreadsheet", "ods", "application/vnd.oasis.opendocument.spreadsheet"),
        (
            "a Word document",
            "doc docx docm",
            "application/msword application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("an OpenDocument text", "odt", "application/vnd.oasis.opendocument.text"),
        (
            "a presentation",
            "ppt pptx key",
            "application/vnd.ms-powerpoint application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ),
        ("a Pages document", "pages", ""),
        ("a Numbers spreadsheet", "numbers", ""),
        ("an e-mail", "eml msg", "message/rfc822"),
        ("a ZIP archive", "zip", "application/zip application/x-zip-compressed"),
        ("gzip", "gz tgz", "application/gzip application/x-gzip"),
    ],
)
def test_every_extension_and_type_of_a_document_leads_to_its_name(name: str, extensions: str, types: str) -> None:
    found = [find_format("text/plain", f"prompts.{one.upper()}") for one in extensions.split()]
    found += [find_format(one, "prompts") for one in types.split()]

    assert set(found) == {name}


@pytest.mark.parametrize(
    "declared",
    [
        *("application/octet-stream", "binary/octet-stream", "application/x-unknown", "application/x-binary"),
        *("application/x-download", "*/*", "multipart/form-data", "application/x-www-form-urlencoded"),
        *("plain/text", "application/txt", "application/text", "application/plain", "inode/x-empty", "null"),
    ],
)
def test_a_type_that_says_nothing_is_no_format(declared: str) -> None:
    assert find_format(declared, "prompts") == ""


@pytest.mark.parametrize("declared", ["application/xtext", "application/octopus", "font/woff", "xmultipart/form-data"])
def test_a_type_that_nobody_knows_is_called_by_its_name(declared: str) -> None:
    assert find_format(f"{declared.upper()}; q=1", "prompts.unheard-of") == declared


@pytest.mark.parametrize(
    ("registered", "others"),
    [
        ("image/png", "image/x-png image/apng image/vnd.mozilla.apng image/x-citrix-png"),
        (
            "image/jpeg",
            (
                "image/jpg image/jpe image/jfif image/pjpeg image/pipeg image/x-jpeg "
                "image/x-jpg image/x-citrix-jpeg image/mpo image/vnd.mpo image/jps"
            ),
        ),
        ("image/webp", "image/x-webp"),
        ("image/gif", "image/x-gif"),
        ("image/bmp", "image/x-bmp image/x-ms-bmp image/x-windows-bmp"),
        ("image/tiff", "image/tif image/x-tiff image/x-tif"),
        ("image/heic", "image/heif image/heic-sequence image/heif-sequence"),
        ("image/avif", "image/avif-sequence"),
        ("image/svg+xml", "image/svg"),
        ("image/x-icon", "image/vnd.microsoft.icon image/ico"),
        ("image/jxl", ""),
        ("image/jp2", "image/jpx image/jpm image/jpeg2000 image/jpeg2000-image"),
        ("image/vnd.adobe.photoshop", "image/x-photoshop image/psd"),
    ],
)
def test_every_name_of_an_images_type_is_the_registered_one(registered: str, others: str) -> None:
    assert {normalize_media_type(one) for one in (registered, *others.split())} == {registered}
    assert is_another_image_type(registered, "image/none")
