from __future__ import annotations

import json
from typing import Any

import pytest

from imagefactory.api.body.json_limits import MAX_DEPTH, MAX_TOKENS, parse_body, parse_json, require_object
from imagefactory.api.errors import PayloadTooLarge, UnsupportedMediaType
from imagefactory.domain.errors import MalformedRequest


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def of_tokens(count: int) -> str:
    """A list and its commas are so many tokens, whatever stands between them."""
    return f"[{'1,' * (count - 1)}1]"


class TestTokens:
    def test_are_taken_up_to_the_limit(self) -> None:
        assert len(parse_json(of_tokens(MAX_TOKENS))) == MAX_TOKENS

    def test_beyond_the_limit_are_too_many(self) -> None:
        with pytest.raises(PayloadTooLarge, match="more than 250000 strings, lists, objects and commas"):
            parse_json(of_tokens(MAX_TOKENS + 1))

    @pytest.mark.parametrize("inside", ["[[[[{{,,", '\\"[[,', "\\\\"])
    def test_inside_a_string_are_none(self, inside: str) -> None:
        text = json.dumps([inside * (MAX_TOKENS // len(inside) + 1)])

        assert parse_json(text) == json.loads(text)

    @pytest.mark.parametrize("fill", ["[],", "{},", '"",'])
    def test_are_lists_objects_and_strings_with_their_commas(self, fill: str) -> None:
        half = MAX_TOKENS // 2

        assert len(parse_json(f"[{fill * (half - 1)}1]")) == half
        with pytest.raises(PayloadTooLarge):
            parse_json(f"[{fill * half}1]")


class TestDepth:
    @pytest.mark.parametrize("depth", [1, MAX_DEPTH])
    def test_is_taken_up_to_the_limit(self, depth: int) -> None:
        assert parse_json(nested(depth)) is not None

    def test_beyond_the_limit_is_told(self) -> None:
        with pytest.raises(MalformedRequest, match="nested more than 100 deep"):
            parse_json(nested(MAX_DEPTH + 1))

    @pytest.mark.parametrize("sides", ["[]", '{"a":1}'])
    def test_is_not_how_many_stand_side_by_side(self, sides: str) -> None:
        assert len(parse_json(f"[{','.join([sides] * 500)}]")) == 500

    def test_is_the_deepest_of_all(self) -> None:
        with pytest.raises(MalformedRequest, match="deep"):
            parse_json(f"[{nested(MAX_DEPTH)}, 1]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1,", "The body is not valid JSON at character 4."),
        ("nothing", "The body is not valid JSON at character 1."),
        ("9" * 5000, "The body is not valid JSON."),
        ('{"a": 1, "a": 2}', "The body has an object in which a name stands twice."),
    ],
)
def test_what_is_no_json_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        parse_json(text)

    assert str(refusal.value) == message


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_a_body_must_be_an_object(value: Any) -> None:
    with pytest.raises(MalformedRequest, match="must be a JSON object"):
        require_object(value)


@pytest.mark.parametrize(
    ("data", "charset", "refusal"),
    [
        (b'"caf\xe9"', "", MalformedRequest),
        (b'"caf\xe9"', "utf-8", MalformedRequest),
        (b'"caf\xe9"', "klingon", UnsupportedMediaType),
    ],
)
def test_a_body_that_is_no_text_is_refused(data: bytes, charset: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal, match=r"^The body .*\.$"):
        parse_body(bytearray(data), charset)


def test_a_body_that_was_parsed_is_empty() -> None:
    body = bytearray(b'\xef\xbb\xbf{"half": "\xed\xa0\x80"}')

    assert parse_body(body) == {"half": "\ud800"}
    assert body == b""
