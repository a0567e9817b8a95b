from __future__ import annotations

import pytest

from imagefactory.domain.api_key import key_errors, trim_key

KEY = "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"


@pytest.mark.parametrize(
    "pasted",
    [
        f"  {KEY}  ",
        f"{KEY}\r\n",
        f'"{KEY}"',
        f"'{KEY}'\n",
        f"\u201c{KEY}\u201d",
        f"`{KEY}`",
        f"\ufeff{KEY}",
        f"\u200b{KEY}\u00a0",
    ],
)
def test_what_copying_leaves_around_a_key_is_no_part_of_it(pasted: str) -> None:
    assert trim_key(pasted) == KEY


@pytest.mark.parametrize(
    "key",
    [KEY, "AQ.Ab8RN6JpH-wK_x", "any-key-will-do", "the-key", "a-key-for-the-stand-in", "k" * 512, "my-key"],
)
def test_what_may_be_a_key_is_left_to_the_provider(key: str) -> None:
    assert list(key_errors(key)) == []


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("undefined", "has no key"),
        ("null", "has no key"),
        ("None", "has no key"),
        ("[object Object]", "has no key"),
        ("YOUR_API_KEY", "in an example"),
        ("<your-api-key>", "in an example"),
        ("GEMINI_API_KEY", "name of a variable"),
        ("NEXT_PUBLIC_GEMINI_API_KEY", "name of a variable"),
        ("secrets.GEMINI_API_KEY", "name of a variable"),
        ('System.getenv("KEY")', "name of a variable"),
        ("ADD_YOUR_KEY", "in an example"),
        ("AIzaSyYOUR_API_KEY", "in an example"),
        ("[REDACTED]", "masked"),
        ("N/A", "has no key"),
        ("-", "has no key"),
        ("/run/secrets/key", "name of a file"),
        ("key.txt", "name of a file"),
        ("C:\\keys\\gemini.txt", "name of a file"),
        ("ada@example.com", "an address"),
        ("sk-proj-0123456789abcdefghij", "another service"),
        (f'["{KEY}"]', "signs that no key has"),
        (f"{KEY}%0A", "signs that no key has"),
        ("INSERT-KEY-HERE", "in an example"),
        ("xxxxxxxx", "in an example"),
        ("AIza...WY", "shortened"),
        ("AIzaSy********", "shortened"),
        ("$GEMINI_API_KEY", "name of a variable"),
        ("${GEMINI_API_KEY}", "name of a variable"),
        ("{{ secrets.GEMINI }}", "name of a variable"),
        ("process.env.GEMINI_API_KEY", "name of a variable"),
        (f"GEMINI_API_KEY={KEY}", "NAME=value"),
        (f'export KEY="{KEY}"', "NAME=value"),
        (f"Bearer {KEY}", "without the name of a header"),
        (f"x-goog-api-key: {KEY}", "without the name of a header"),
        (f"{KEY},{KEY}", "one key"),
        (f"{KEY};{KEY}", "one key"),
        (f"{KEY} {KEY}", "one key"),
        (f"{KEY}\n{KEY}", "one key"),
        ("https://aistudio.google.com/apikey", "an address"),
        ('{"type": "service_account"}', "JSON or a certificate"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "token to sign in"),
        ("ya29.a0AfH6SMB", "token to sign in"),
        ("cl\u00e9", "printable ASCII"),
        ("k" * 513, "at most 512"),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_what_it_is_and_without_being_repeated(key: str, told: str) -> None:
    (fault,) = key_errors(key)

    assert (fault.field, told in fault.message) == ("api_key", True)
    assert KEY not in fault.message
