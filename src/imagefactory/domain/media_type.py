"""MIME types as people and programs write them: which say nothing, and which say the same by another name."""

from __future__ import annotations

import re

# Names in use for the types of images; the first of each is the registered one.
_IMAGE_TYPES = (
    ("image/png", "image/x-png", "image/apng", "image/vnd.mozilla.apng", "image/x-citrix-png"),
    (
        *("image/jpeg", "image/jpg", "image/jpe", "image/jfif", "image/pjpeg", "image/pipeg", "image/x-jpeg"),
        *("image/x-jpg", "image/x-citrix-jpeg", "image/mpo", "image/vnd.mpo", "image/jps"),
    ),
    ("image/webp", "image/x-webp"),
    ("image/gif", "image/x-gif"),
    ("image/bmp", "image/x-bmp", "image/x-ms-bmp", "image/x-windows-bmp"),
    ("image/tiff", "image/tif", "image/x-tiff", "image/x-tif"),
    ("image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"),
    ("image/avif", "image/avif-sequence"),
    ("image/svg+xml", "image/svg"),
    ("image/x-icon", "image/vnd.microsoft.icon", "image/ico"),
    ("image/jxl",),
    ("image/jp2", "image/jpx", "image/jpm", "image/jpeg2000", "image/jpeg2000-image"),
    ("image/vnd.adobe.photoshop", "image/x-photoshop", "image/psd"),
)
# Texts and documents in which a line is no prompt: what they are called, their extensions, and their types.
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_FORMATS = (
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
    ("an Excel workbook", "xls xlsx xlsm xlsb", f"application/vnd.ms-excel {_OFFICE}.spreadsheetml.sheet"),
    ("an OpenDocument spreadsheet", "ods", f"{_OPEN}.spreadsheet"),
    ("a Word document", "doc docx docm", f"application/msword {_OFFICE}.wordprocessingml.document"),
    ("an OpenDocument text", "odt", f"{_OPEN}.text"),
    ("a presentation", "ppt pptx key", f"application/vnd.ms-powerpoint {_OFFICE}.presentationml.presentation"),
    ("a Pages document", "pages", ""),
    ("a Numbers spreadsheet", "numbers", ""),
    ("an e-mail", "eml msg", "message/rfc822"),
    ("a ZIP archive", "zip", "application/zip application/x-zip-compressed"),
    ("gzip", "gz tgz", "application/gzip application/x-gzip"),
)
_BY_EXTENSION = {extension: name for name, extensions, _ in _FORMATS for extension in extensions.split()}
_BY_TYPE = {media_type: name for name, _, types in _FORMATS for media_type in types.split()}
# Types that say nothing of what a file holds, or say plain text in words of their own.
_UNDECLARED = re.compile(
    r".*(octet|unknown|binary|download|\*).*|multipart/form-data|application/x-www-form-urlencoded|plain/text"
    r"|application/(te?xt|plain)|inode/.*"
)
_REGISTERED = {name: names[0] for names in _IMAGE_TYPES for name in names}


def normalize_media_type(declared: str) -> str:
    """The type in lower case, without parameters, under its registered name: `Image/JPG; q=1` becomes `image/jpeg`."""
    name = declared.partition(";")[0].strip().lower()
    return _REGISTERED.get(name, name)


def is_another_image_type(declared: str, actual: str) -> bool:
    """Whether a file that is `actual` was declared as another kind of image.

    Only the known types of images are taken at their word: any other says nothing of an image, as
    `application/octet-stream`, `image/*` or `null` do.
    """
    name = normalize_media_type(declared)
    return name in _REGISTERED and name != actual


def find_format(declared: str, filename: str) -> str:
    """What a text is by the extension of its file, else by its declared type, where that is not plain text; else ""."""
    _, dot, extension = filename.lower().partition(";")[0].strip().rpartition(".")
    if dot and extension in _BY_EXTENSION:
        return _BY_EXTENSION[extension]
    name = normalize_media_type(declared)
    if name in _BY_TYPE:
        return _BY_TYPE[name]
    is_plain = "/" not in name or name.startswith("text/") or _UNDECLARED.fullmatch(name) is not None
    return "" if is_plain else name
