"""Bodies for submit: what is no JSON, no form, or breaks its rules."""

from __future__ import annotations

import base64
import gzip
import json

from tests.hostile import images
from tests.hostile.row import (
    FORM_TYPE,
    INVALID,
    JSON_TYPE,
    LIGHTHOUSE,
    MALFORMED,
    NO_TYPE,
    TOO_LARGE,
    Row,
    body,
    form,
    part,
)

LIGHT = part("prompts_text", b"a lighthouse")
FILE = b'; filename="a.png"\r\nContent-Type: image/png'
PASSWD = b'; filename="../../etc/passwd"'
PICTURE = part("reference_images", images.picture(), FILE)
MISLABELLED = part("reference_images", images.picture("JPEG"), FILE)
UNENDING = b"--b\r\nContent-Disposition: form-data; name=" + b"a" * 100_000
OF_MANY_LINES = b"--b\r\n" + b"a: b\r\n" * 100_000 + b"\r\nx\r\n"


def encoded(data: bytes) -> list[dict[str, str]]:
    """An image as JSON has it."""
    return [{"mime_type": "image/png", "data": base64.b64encode(data).decode()}]


def identified(*custom_ids: object) -> bytes:
    """A submission whose prompts have these custom ids."""
    return body(prompts_text=None, prompts=[{"prompt": "a gull", "custom_id": one} for one in custom_ids])


_JSON: list[tuple[str, bytes, str]] = [
    ("nothing", b"", MALFORMED),
    ("half an object", b'{"prompts_text": "a light', MALFORMED),
    ("deep lists", b"[" * 200_000, MALFORMED),
    ("deep objects", b'{"a":' * 100_000, MALFORMED),
    ("deep and well formed", b'{"metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}", MALFORMED),
    ("deep in a prompt", b'{"prompts": [' + b'{"prompt":' * 5_000 + b"1" + b"}" * 5_000 + b"]}", MALFORMED),
    ("a list", b"[1]", MALFORMED),
    ("null", b"null", MALFORMED),
    ("a string", b'"prompts"', MALFORMED),
    ("a bare NaN", b"NaN", MALFORMED),
    ("a number of 5000 digits", b'{"prompts": 1' + b"0" * 5000 + b"}", MALFORMED),
    ("a number with a hundred thousand decimals", b'{"prompts": 0.' + b"3" * 100_000 + b"}", INVALID),
    ("an exponent beyond all", b'{"prompts": 1e999999999999}', INVALID),
    ("no UTF-8", b'{"prompts_text": "\xff\xfe\xfa"}', MALFORMED),
    ("UTF-16", json.dumps(LIGHTHOUSE).encode("utf-16"), MALFORMED),
    ("UTF-16 without a mark", json.dumps(LIGHTHOUSE).encode("utf-16-le"), MALFORMED),
    ("UTF-32", json.dumps(LIGHTHOUSE).encode("utf-32"), MALFORMED),
    ("UTF-7", b"+AHsAIgBhACI-:1}", MALFORMED),
    ("an overlong character", b'{"prompts_text": "a lighthouse \xc0\xaf"}', MALFORMED),
    ("a character beyond Unicode", b'{"prompts_text": "a lighthouse \xf5\x80\x80\x80"}', MALFORMED),
    ("two marks of the byte order", b"\xef\xbb\xbf\xef\xbb\xbf{}", MALFORMED),
    ("a surrogate in UTF-8", b'{"prompts_text": "\xed\xa0\x80"}', INVALID),
    ("a control character inside a string", b'{"prompts_text": "a\x00b"}', MALFORMED),
    ("an escape that is none", b'{"prompts_text": "\\x41 lighthouse"}', MALFORMED),
    ("two values", b"{}{}", MALFORMED),
    ("a comma too many", b'{"prompts_text": "a gull",}', MALFORMED),
    ("a comment", b'{/* none */"prompts_text": "a gull"}', MALFORMED),
    ("single quotes", b"{'prompts_text': 'a gull'}", MALFORMED),
    ("a byte of nothing behind the end", body() + b"\x00", MALFORMED),
    ("prompts twice", b'{"prompts_text": "a gull", "prompts_text": "a harbour", "api_key": "k"}', MALFORMED),
    ("a prompt twice in its object", b'{"prompts": [{"prompt": "gull", "prompt": "boat"}]}', MALFORMED),
    ("metadata that says a name twice", b'{"metadata": {"a": "b", "a": "c"}}', MALFORMED),
    ("a name twice, once escaped", b'{"api_key": "k", "api\\u005fkey": "l"}', MALFORMED),
    ("XML", b"<prompts><prompt>a lighthouse</prompt></prompts>", MALFORMED),
    ("YAML", b"prompts_text: !!python/object/apply:os.system ['id']", MALFORMED),
    ("a pickle", b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93.", MALFORMED),
    ("a form's fields", b"prompts_text=a+lighthouse&api_key=k", MALFORMED),
    ("no field at all", b"{}", INVALID),
    ("the name of a prototype", body(__proto__={"prompts": ["a"]}), INVALID),
    ("NaN for prompts", b'{"prompts": NaN, "api_key": "k"}', INVALID),
    ("infinity for a model", b'{"prompts_text": "a lighthouse", "api_key": "k", "model": -Infinity}', INVALID),
    ("a huge float", body(model=1e308), INVALID),
    ("prompts as a string", body(prompts_text=None, prompts="a lighthouse"), INVALID),
    ("prompts as an object", body(prompts_text=None, prompts={"0": "a lighthouse"}), INVALID),
    ("no prompts in a list", body(prompts_text=None, prompts=[]), INVALID),
    ("a prompt as a list", body(prompts_text=None, prompts=[["a lighthouse"]]), INVALID),
    ("a prompt as null", body(prompts_text=None, prompts=[None]), INVALID),
    ("a prompt as a number", body(prompts_text=None, prompts=[1e300]), INVALID),
    ("a prompt of line ends", body(prompts_text=None, prompts=["\n\n\r\n\n\n"]), INVALID),
    ("a prompt that is an empty object", body(prompts_text=None, prompts=[{}]), INVALID),
    ("a prompt with a stray key", body(prompts_text=None, prompts=[{"prompt": "a lighthouse", "id": 1}]), INVALID),
    ("a custom id as a number", identified(1), INVALID),
    ("a custom id that is empty", identified(""), INVALID),
    ("a custom id that is long", identified("x" * 129), INVALID),
    ("half a character in a custom id", identified("\ud800"), INVALID),
    ("a custom id twice", identified("x", "x"), INVALID),
    ("prompts and text", body(prompts=["a lighthouse"]), INVALID),
    ("no prompts and text", body(prompts=[]), INVALID),
    ("ten thousand and one prompts", body(prompts_text="a gull\n" * 10_001), INVALID),
    ("a hundred thousand prompts of one letter", body(prompts_text=None, prompts=["a"] * 100_000), INVALID),
    ("a million lines", body(prompts_text="a\n" * 500_000), INVALID),
    ("a prompt of a million letters", body(prompts_text="a" * 1_000_000), INVALID),
    ("more values than any batch has", body(prompts_text=None, prompts=[[]] * 130_000), TOO_LARGE),
    ("more objects than any batch has", b'{"a":' * 200_000, TOO_LARGE),
    ("half a character in a prompt", body(prompts_text="a lighthouse \ud800"), INVALID),
    ("half a character in a key", body(api_key="\udfff"), INVALID),
    ("a line break in a key", body(api_key="key\r\nX-Injected: 1"), INVALID),
    ("a key of nothing", body(api_key=""), INVALID),
    ("a key of a megabyte", body(api_key="k" * 1_000_000), INVALID),
    ("half a character in a model", body(model="\ud800"), INVALID),
    ("half a character in a ratio", body(aspect_ratio="\ud800"), INVALID),
    ("half a character in a name", body(**{"\ud800": 1}), INVALID),
    ("a name of a million characters", body(**{"x" * 1_000_000: 1}), INVALID),
    ("ten thousand unknown fields", body(**{f"x{n}": n for n in range(10_000)}), INVALID),
    ("a key as a list", body(api_key=["k"]), INVALID),
    ("a model as an object", body(model={"id": "x"}), INVALID),
    ("a model that leads elsewhere", body(model="../../v1/models/x:generateContent?key="), INVALID),
    ("a ratio as a number", body(aspect_ratio=1), INVALID),
    ("a resolution as true", body(resolution=True), INVALID),
    ("a format as zero", body(output_format=0), INVALID),
    ("a format of script", body(output_format="svg"), INVALID),
    ("metadata as a list", body(metadata=["a"]), INVALID),
    ("metadata of metadata", body(metadata={"a": {"b": "c"}}), INVALID),
    ("metadata with a number", body(metadata={"a": 1}), INVALID),
    ("metadata of a thousand pairs", body(metadata={str(n): "" for n in range(1000)}), INVALID),
    ("half a character in metadata", body(metadata={"\ud800": "\udfff"}), INVALID),
    ("references as an object", body(reference_images={}), INVALID),
    ("a reference as a URL", body(reference_images=["https://evil.test/a.png"]), INVALID),
    ("a reference of no base64", body(reference_images=[{"data": "***"}]), INVALID),
    ("a reference of no ASCII", body(reference_images=[{"data": "ä"}]), INVALID),
    ("a reference without data", body(reference_images=[{"mime_type": "image/png"}]), INVALID),
    ("a reference with a number for a type", body(reference_images=[{"mime_type": 1, "data": ""}]), INVALID),
    ("a reference with a list for data", body(reference_images=[{"data": []}]), INVALID),
    ("a reference with an object for data", body(reference_images=[{"data": {}}]), INVALID),
    ("a reference with false for data", body(reference_images=[{"data": False}]), INVALID),
    ("a reference with a stray key", body(reference_images=[{"uri": "gs://bucket/a", "data": ""}]), INVALID),
    ("a reference of five megabytes and a byte", body(reference_images=encoded(bytes(5 * 1024 * 1024 + 1))), INVALID),
    ("a reference that says it is another", body(reference_images=encoded(images.picture("JPEG"))), INVALID),
    ("a thousand references", body(reference_images=encoded(images.picture()) * 1000), INVALID),
]  # fmt: skip

_FORMS: list[tuple[str, bytes, str, str]] = [
    ("nothing", b"", FORM_TYPE, MALFORMED),
    ("no boundary", form(LIGHT), "multipart/form-data", MALFORMED),
    ("an empty boundary", form(LIGHT), "multipart/form-data; boundary=", MALFORMED),
    ("another boundary", form(LIGHT), "multipart/form-data; boundary=c", MALFORMED),
    ("a boundary beyond ASCII", form(LIGHT), "multipart/form-data; boundary=ü", MALFORMED),
    ("a boundary of a thousand letters", form(LIGHT), f"multipart/form-data; boundary={'b' * 1000}", MALFORMED),
    ("no end", form(LIGHT, end=b""), FORM_TYPE, MALFORMED),
    ("nothing but its end", b"--b--\r\n", FORM_TYPE, MALFORMED),
    ("cut in a header", form(b"--b\r\nContent-Dispo", end=b""), FORM_TYPE, MALFORMED),
    ("cut in a file", form(LIGHT, PICTURE[:-30], end=b""), FORM_TYPE, MALFORMED),
    ("JSON in place of a form", body(), FORM_TYPE, MALFORMED),
    ("a part without a header", form(b"--b\r\n\r\na lighthouse\r\n"), FORM_TYPE, MALFORMED),
    ("a part without a name", form(b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n"), FORM_TYPE, MALFORMED),
    ("garbage for a header", form(b"--b\r\n\x00\xff: \xfe\r\n\r\nx\r\n"), FORM_TYPE, MALFORMED),
    ("a header without an end", form(UNENDING), FORM_TYPE, MALFORMED),
    ("a header of a hundred thousand lines", form(OF_MANY_LINES), FORM_TYPE, MALFORMED),
    ("much before the first part", b"x" * 100_000 + b"\r\n" + form(LIGHT), FORM_TYPE, MALFORMED),
    ("much behind the last part", form(LIGHT) + b"x" * 100_000, FORM_TYPE, MALFORMED),
    ("two hundred parts", form(LIGHT * 200), FORM_TYPE, TOO_LARGE),
    ("fifty thousand parts", form(LIGHT * 50_000), FORM_TYPE, TOO_LARGE),
    ("no prompts", form(), FORM_TYPE, INVALID),
    ("an unknown field", form(LIGHT, part("colour", b"red")), FORM_TYPE, INVALID),
    ("an unknown field of nothing", form(LIGHT, part("colour", b"")), FORM_TYPE, INVALID),
    ("an unknown field of a megabyte", form(LIGHT, part("colour", b"r" * 1_000_000)), FORM_TYPE, INVALID),
    ("an unknown file", form(LIGHT, part("script", b"x", FILE)), FORM_TYPE, INVALID),
    ("a model twice", form(LIGHT, part("model", b"a"), part("model", b"b")), FORM_TYPE, INVALID),
    ("a model as a file", form(LIGHT, part("model", b"gemini-2.5-flash-image", FILE)), FORM_TYPE, INVALID),
    ("a model of a megabyte", form(LIGHT, part("model", b"a" * 1_000_000)), FORM_TYPE, INVALID),
    ("a key of a megabyte", LIGHT + part("api_key", b"k" * 1_000_000) + b"--b--\r\n", FORM_TYPE, INVALID),
    ("a key that is no UTF-8", LIGHT + part("api_key", b"\xff\xfe") + b"--b--\r\n", FORM_TYPE, INVALID),
    ("prompts as JSON", form(part("prompts", b'["a lighthouse"]')), FORM_TYPE, INVALID),
    ("prompts that are no UTF-8", form(part("prompts_text", b"caf\xe9")), FORM_TYPE, INVALID),
    ("a file of prompts that is no UTF-8", form(part("prompts_text", b"caf\xe9 \xff", FILE)), FORM_TYPE, INVALID),
    ("a file of prompts in UTF-16", form(part("prompts_text", "a gull".encode("utf-16"), FILE)), FORM_TYPE, INVALID),
    ("a file of prompts that is an image", form(part("prompts_text", images.picture(), FILE)), FORM_TYPE, INVALID),
    ("a million lines", form(part("prompts_text", b"a\r" * 500_000)), FORM_TYPE, INVALID),
    ("a reference that is a text field", form(LIGHT, part("reference_images", b"data:,")), FORM_TYPE, INVALID),
    ("a reference that is empty", form(LIGHT, part("reference_images", b"", FILE)), FORM_TYPE, INVALID),
    ("a reference named by a path", form(LIGHT, part("reference_images", b"x", PASSWD)), FORM_TYPE, INVALID),
    ("a reference of six megabytes", form(LIGHT, part("reference_images", bytes(6_000_000), FILE)), FORM_TYPE, INVALID),
    ("a reference that says it is another", form(LIGHT, MISLABELLED), FORM_TYPE, INVALID),
    ("fifty references", form(LIGHT, *[PICTURE] * 50), FORM_TYPE, INVALID),
    ("metadata that is no JSON", form(LIGHT, part("metadata", b"{")), FORM_TYPE, INVALID),
    ("metadata that is deep", form(LIGHT, part("metadata", b"[" * 100_000)), FORM_TYPE, INVALID),
    ("metadata that is a number", form(LIGHT, part("metadata", b"7")), FORM_TYPE, INVALID),
    ("metadata that is zero", form(LIGHT, part("metadata", b"0")), FORM_TYPE, INVALID),
    ("metadata that is false", form(LIGHT, part("metadata", b"false")), FORM_TYPE, INVALID),
    ("metadata that says a name twice", form(LIGHT, part("metadata", b'{"a": "b", "a": "c"}')), FORM_TYPE, INVALID),
    ("metadata of a megabyte", form(LIGHT, part("metadata", b'{"a":"' + b"b" * 10**6 + b'"}')), FORM_TYPE, INVALID),
    ("a name of control characters", form(LIGHT, part("\x00\x1b[31m", b"x")), FORM_TYPE, INVALID),
]  # fmt: skip

JSON = [Row(f"JSON: {name}", code, sent, JSON_TYPE) for name, sent, code in _JSON]
FORMS = [Row(f"a form: {name}", code, sent, kind) for name, sent, kind, code in _FORMS]
REFERENCES = [
    row
    for name, data in images.REFUSED.items()
    for row in (
        Row(f"a reference in JSON: {name}", INVALID, body(reference_images=encoded(data)), JSON_TYPE),
        Row(f"a reference: {name}", INVALID, form(LIGHT, part("reference_images", data, FILE)), FORM_TYPE),
    )
]
TYPES = [
    Row(f"a type: {kind or 'none'}", NO_TYPE, body(), kind)
    for kind in (
        *("", "text/plain", "text/json", "application/jsonp", "application/json-patch+json", "application/ld+json"),
        *("application/x-www-form-urlencoded", "multipart/mixed; boundary=b", "image/png", "*/*", "json"),
        *("application/json, text/plain", "application/octet-stream", "multipart/form-data-x; boundary=b"),
    )
] + [
    Row("a compressed body", NO_TYPE, gzip.compress(body()), JSON_TYPE, (("Content-Encoding", "gzip"),)),
    Row("a body said to be compressed", NO_TYPE, body(), JSON_TYPE, (("Content-Encoding", "br"),)),
    Row("a body compressed twice", NO_TYPE, body(), JSON_TYPE, (("Content-Encoding", "gzip, gzip"),)),
    Row("a bomb", NO_TYPE, gzip.compress(bytes(20_000_000)), JSON_TYPE, (("Content-Encoding", "gzip"),)),
]
KEYS = [
    Row(f"an Idempotency-Key: {name}", INVALID, body(), JSON_TYPE, (("Idempotency-Key", key),))
    for name, key in {
        "nothing": "",
        "spaces": "a b",
        "long": "k" * 256,
        "longer": "k" * 8000,
        "beyond ASCII": "clé",
        "a tab": "a\tb",
        "quoted and spaced": '"a b"',
    }.items()
] + [
    Row(
        "two Idempotency-Keys with a space",
        INVALID,
        body(),
        JSON_TYPE,
        (("Idempotency-Key", "a b"), ("Idempotency-Key", "c")),
    )
]

EXECUTE = [*JSON, *FORMS, *REFERENCES, *TYPES, *KEYS]
