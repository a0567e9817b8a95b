"""Requests that no honest client sends: each gets a 4xx in the usual form, and leaves nothing behind."""

from __future__ import annotations

import base64
import io
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.entrypoints.function import EXECUTE, LEAKY, LIGHTHOUSE, NOBODY_HAS, collect, error_of, picture

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.entrypoints.world import World

MALFORMED, INVALID = "MALFORMED_REQUEST", "VALIDATION_FAILED"
RETRY = f"/api/executions/{NOBODY_HAS}/retry"


def body(**fields: Any) -> bytes:
    return json.dumps(LIGHTHOUSE | fields).encode()


def part(name: str, content: bytes, more: bytes = b"") -> bytes:
    return (
        b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + more + b"\r\n\r\n" + content + b"\r\n"
    )


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return part("api_key", b"the-key") + b"".join(parts) + end


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + bytes((8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def encoded(data: bytes) -> list[dict[str, str]]:
    return [{"mime_type": "image/png", "data": base64.b64encode(data).decode()}]


JSON: list[tuple[str, bytes, str]] = [
    ("nothing", b"", MALFORMED),
    ("half an object", b'{"prompts_text": "a light', MALFORMED),
    ("deep lists", b"[" * 200_000, MALFORMED),
    ("deep objects", b'{"a":' * 200_000, MALFORMED),
    ("deep and well formed", b'{"metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}", MALFORMED),
    ("a list", b"[1]", MALFORMED),
    ("null", b"null", MALFORMED),
    ("a bare NaN", b"NaN", MALFORMED),
    ("a number of 5000 digits", b'{"prompts": 1' + b"0" * 5000 + b"}", MALFORMED),
    ("no UTF-8", b'{"prompts_text": "\xff\xfe\xfa"}', MALFORMED),
    ("a surrogate in UTF-8", b'{"prompts_text": "\xed\xa0\x80"}', INVALID),
    ("a control character inside a string", b'{"prompts_text": "a\x00b"}', MALFORMED),
    ("two values", b"{}{}", MALFORMED),
    ("prompts twice", b'{"prompts_text": "a gull", "prompts_text": "a harbour", "api_key": "k"}', MALFORMED),
    ("XML", b"<prompts><prompt>a lighthouse</prompt></prompts>", MALFORMED),
    ("no field at all", b"{}", INVALID),
    ("NaN for prompts", b'{"prompts": NaN, "api_key": "k"}', INVALID),
    ("infinity for a model", b'{"prompts_text": "a lighthouse", "api_key": "k", "model": -Infinity}', INVALID),
    ("a huge float", body(model=1e308), INVALID),
    ("prompts as a string", body(prompts_text=None, prompts="a lighthouse"), INVALID),
    ("prompts as an object", body(prompts_text=None, prompts={"0": "a lighthouse"}), INVALID),
    ("a prompt as a list", body(prompts_text=None, prompts=[["a lighthouse"]]), INVALID),
    ("a prompt as null", body(prompts_text=None, prompts=[None]), INVALID),
    ("a prompt with a stray key", body(prompts_text=None, prompts=[{"prompt": "a lighthouse", "id": 1}]), INVALID),
    ("a custom id as a number", body(prompts_text=None, prompts=[{"prompt": "a gull", "custom_id": 1}]), INVALID),
    ("a custom id that is empty", body(prompts_text=None, prompts=[{"prompt": "a gull", "custom_id": ""}]), INVALID),
    (
        "half a character in a custom id",
        body(prompts_text=None, prompts=[{"prompt": "gull", "custom_id": "\ud800"}]),
        INVALID,
    ),
    ("prompts and text", body(prompts=["a lighthouse"]), INVALID),
    ("half a character in a prompt", body(prompts_text="a lighthouse \ud800"), INVALID),
    ("half a character in a key", body(api_key="\udfff"), INVALID),
    ("a line break in a key", body(api_key="key\r\nX-Injected: 1"), INVALID),
    ("half a character in a model", body(model="\ud800"), INVALID),
    ("half a character in a ratio", body(aspect_ratio="\ud800"), INVALID),
    ("half a character in a name", body(**{"\ud800": 1}), INVALID),
    ("a name of a million characters", body(**{"x" * 1_000_000: 1}), INVALID),
    ("ten thousand unknown fields", body(**{f"x{n}": n for n in range(10_000)}), INVALID),
    ("a key as a list", body(api_key=["k"]), INVALID),
    ("a model as an object", body(model={"id": "x"}), INVALID),
    ("a ratio as a number", body(aspect_ratio=1), INVALID),
    ("a resolution as true", body(resolution=True), INVALID),
    ("a format as zero", body(output_format=0), INVALID),
    ("metadata as a list", body(metadata=["a"]), INVALID),
    ("metadata of metadata", body(metadata={"a": {"b": "c"}}), INVALID),
    ("metadata with a number", body(metadata={"a": 1}), INVALID),
    ("half a character in metadata", body(metadata={"\ud800": "\udfff"}), INVALID),
    ("references as an object", body(reference_images={}), INVALID),
    ("a reference as a URL", body(reference_images=["https://evil.test/a.png"]), INVALID),
    ("a reference of no base64", body(reference_images=[{"data": "***"}]), INVALID),
    ("a reference of no ASCII", body(reference_images=[{"data": "ä"}]), INVALID),
    ("a reference without data", body(reference_images=[{"mime_type": "image/png"}]), INVALID),
    ("a reference with a number for a type", body(reference_images=[{"mime_type": 1, "data": ""}]), INVALID),
    ("a reference with a stray key", body(reference_images=[{"uri": "gs://bucket/a", "data": ""}]), INVALID),
    ("an empty reference", body(reference_images=encoded(b"")), INVALID),
    ("a decompression bomb", body(reference_images=encoded(bomb(60_000, 60_000))), INVALID),
    ("an image without pixels", body(reference_images=encoded(bomb(0, 0))), INVALID),
    ("an SVG", body(reference_images=encoded(b"<svg xmlns='http://www.w3.org/2000/svg'/>")), INVALID),
    ("a thousand references", body(reference_images=encoded(picture()) * 1000), INVALID),
]

FORM_TYPE = "multipart/form-data; boundary=b"
LIGHT = part("prompts_text", b"a lighthouse")
FILE = b'; filename="a.png"\r\nContent-Type: image/png'
PASSWD = b'; filename="../../etc/passwd"'
FORMS: list[tuple[str, bytes, str, str]] = [
    ("nothing", b"", FORM_TYPE, MALFORMED),
    ("no boundary", form(LIGHT), "multipart/form-data", MALFORMED),
    ("an empty boundary", form(LIGHT), "multipart/form-data; boundary=", MALFORMED),
    ("another boundary", form(LIGHT), "multipart/form-data; boundary=c", MALFORMED),
    ("a boundary beyond ASCII", form(LIGHT), "multipart/form-data; boundary=ü", MALFORMED),
    ("no end", form(LIGHT, end=b""), FORM_TYPE, MALFORMED),
    ("cut in a header", form(b"--b\r\nContent-Dispo", end=b""), FORM_TYPE, MALFORMED),
    ("cut in a file", form(LIGHT, part("reference_images", picture(), FILE)[:-30], end=b""), FORM_TYPE, MALFORMED),
    ("JSON in place of a form", body(), FORM_TYPE, MALFORMED),
    ("a part without a name", form(b"--b\r\n\r\na lighthouse\r\n"), FORM_TYPE, MALFORMED),
    ("garbage for a header", form(b"--b\r\n\x00\xff: \xfe\r\n\r\nx\r\n"), FORM_TYPE, MALFORMED),
    ("no prompts", form(), FORM_TYPE, INVALID),
    ("an unknown field", form(LIGHT, part("colour", b"red")), FORM_TYPE, INVALID),
    ("an unknown file", form(LIGHT, part("script", b"x", FILE)), FORM_TYPE, INVALID),
    ("a model twice", form(LIGHT, part("model", b"a"), part("model", b"b")), FORM_TYPE, INVALID),
    ("prompts as JSON", form(part("prompts", b'["a lighthouse"]')), FORM_TYPE, INVALID),
    ("a file of prompts that is no UTF-8", form(part("prompts_text", b"caf\xe9 \xff", FILE)), FORM_TYPE, INVALID),
    ("a file of prompts that is an image", form(part("prompts_text", picture(), FILE)), FORM_TYPE, INVALID),
    ("a reference that is a text field", form(LIGHT, part("reference_images", b"data:,")), FORM_TYPE, INVALID),
    ("a reference that is empty", form(LIGHT, part("reference_images", b"", FILE)), FORM_TYPE, INVALID),
    ("a reference named by a path", form(LIGHT, part("reference_images", b"x", PASSWD)), FORM_TYPE, INVALID),
    ("metadata that is no JSON", form(LIGHT, part("metadata", b"{")), FORM_TYPE, INVALID),
    ("metadata that is deep", form(LIGHT, part("metadata", b"[" * 100_000)), FORM_TYPE, INVALID),
    ("metadata that is a number", form(LIGHT, part("metadata", b"7")), FORM_TYPE, INVALID),
    ("a name of control characters", form(LIGHT, part("\x00\x1b[31m", b"x")), FORM_TYPE, INVALID),
]  # fmt: skip

RETRIES: list[tuple[str, bytes, str]] = [
    ("nothing of JSON", b"nothing", MALFORMED),
    ("a list", b"[]", MALFORMED),
    ("deep lists", b"[" * 100_000, MALFORMED),
    ("an unknown status", b'{"status": ["done"]}', INVALID),
    ("a status as an object", b'{"status": {}}', INVALID),
    ("a status in a list in a list", b'{"status": [["failed"]]}', INVALID),
    ("an unknown code", b'{"error_codes": ["OUT_OF_PAINT"]}', INVALID),
    ("an index as NaN", b'{"batch_index": [NaN]}', INVALID),
    ("an index below zero", b'{"batch_index": [-1]}', INVALID),
    ("half a character in a key", b'{"api_key": "\\ud800"}', INVALID),
    ("a key as a number", b'{"api_key": 7}', INVALID),
    ("an unknown field", b'{"force": true}', INVALID),
]


@pytest.mark.parametrize(("sent", "code"), [pytest.param(sent, code, id=name) for name, sent, code in JSON])
def test_a_hostile_json_body_is_refused(submit: Function, world: World, sent: bytes, code: str) -> None:
    answer = submit.post(EXECUTE, data=sent, content_type="application/json")

    error_of(answer, 400, code)
    assert (world.store.executions, world.images.objects, world.tasks.created) == ({}, {}, [])


@LEAKY
@pytest.mark.parametrize(
    ("sent", "content_type", "code"), [pytest.param(sent, kind, code, id=name) for name, sent, kind, code in FORMS]
)
def test_a_hostile_form_is_refused(submit: Function, world: World, sent: bytes, content_type: str, code: str) -> None:
    answer = submit.post(EXECUTE, data=sent, content_type=content_type)

    error_of(answer, 400, code)
    collect()
    assert (world.store.executions, world.images.objects, world.tasks.created) == ({}, {}, [])


@pytest.mark.parametrize(("sent", "code"), [pytest.param(sent, code, id=name) for name, sent, code in RETRIES])
def test_a_hostile_retry_is_refused(submit: Function, sent: bytes, code: str) -> None:
    answer = submit.post(RETRY, data=sent, content_type="application/json")

    error_of(answer, 400, code)


def test_a_body_that_breaks_off_in_its_chunks_is_malformed(submit: Function) -> None:
    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise RuntimeError("the chunk has no size")

    for path, kind in ((EXECUTE, "application/json"), (EXECUTE, FORM_TYPE), (RETRY, "application/json")):
        answer = submit.post(
            path, input_stream=Broken(), content_type=kind, environ_overrides={"HTTP_TRANSFER_ENCODING": "chunked"}
        )
        error_of(answer, 400, MALFORMED)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-None-Match",
        "Origin",
        "X-Cloud-Trace-Context",
        "X-Request-Id",
    ],
)
@pytest.mark.parametrize("value", ["\x7f", "\x01\x02", "ÿ" * 200, "%0d%0aSet-Cookie: a=b", '"' * 500, "," * 2000])
def test_odd_bytes_in_a_header_never_break_the_answer(
    submit: Function, status: Function, name: str, value: str
) -> None:
    posted = submit.post(EXECUTE, data=body(), headers={"Content-Type": "application/json"} | {name: value})
    read = status.get("/api/executions", headers={name: value})

    for answer in (posted, read):
        assert answer.status_code < 500
        assert "Set-Cookie" not in answer.headers
        assert answer.get_json()["success"] is (answer.status_code < 400)
