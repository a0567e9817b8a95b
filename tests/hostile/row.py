"""A request that must be refused, and the parts that such requests are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

NOBODY_HAS = "00000000-0000-4000-8000-000000000000"
LIGHTHOUSE = {"prompts_text": "a lighthouse\na harbour\na gull", "api_key": "the-key"}
JSON_TYPE, FORM_TYPE = "application/json", "multipart/form-data; boundary=b"
MALFORMED, INVALID, TOO_LARGE = "MALFORMED_REQUEST", "VALIDATION_FAILED", "PAYLOAD_TOO_LARGE"
NO_TYPE, NOT_FOUND, NO_METHOD = "UNSUPPORTED_MEDIA_TYPE", "NOT_FOUND", "METHOD_NOT_ALLOWED"
NO_TOKEN = "UNAUTHENTICATED"

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Row:
    """What is sent to an entry point, and the documented code of its refusal.

    `method` and `path` are the entry point's where they are None; `query` is put behind the path; `token` names one of
    `tests.hostile.tokens`. Text in headers is sent as Latin-1; a Host or Connection among them stands in place of the
    usual one. A body without `length` is sent in chunks.
    """

    name: str
    code: str
    body: bytes = b""
    content_type: str = ""
    headers: Headers = ()
    method: str | None = None
    path: str | None = None
    query: str | None = None
    token: str = "good"
    chunked: bool = False


@dataclass(frozen=True)
class Transport:
    """Bytes that are no HTTP as an honest client speaks it: METHOD, PATH and TOKEN in them are the entry point's.

    The server in front of the function refuses them by itself, with one of these statuses, or says nothing at all (0).
    With `code` they come as far as the function, and it is the function's.
    """

    name: str
    data: bytes
    statuses: frozenset[int] = frozenset()
    code: str = ""


def body(**fields: Any) -> bytes:
    """A submission as JSON with these fields in place of the good ones."""
    return json.dumps(LIGHTHOUSE | fields).encode()


def part(name: str, content: bytes, more: bytes = b"") -> bytes:
    """A part of a form."""
    return (
        b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + more + b"\r\n\r\n" + content + b"\r\n"
    )


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    """A form with an API key and these parts."""
    return part("api_key", b"the-key") + b"".join(parts) + end
