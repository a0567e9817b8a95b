"""The caller's Gemini API key: cleaned of what copying leaves around it, and refused where it cannot be a key.

A key that is wrong costs the caller a whole batch of refused prompts, so what can be seen is told at once. Only the
provider knows whether a key is valid: nothing here asks for a certain prefix or length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagefactory.domain.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_API_KEY_CHARACTERS = 512

# Left by editors, shells, JSON and word processors: spaces, line ends, quotes, marks of byte order and of zero width.
_AROUND = (
    " \t\r\n\v\f\0\x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f"
    "\u205f\u3000\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad\"'`"
    # Quotation marks as word processors set them.
    "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
)
_PRINTABLE_ASCII = re.compile(r"[!-~]+")

_NOTHING = "is what a program writes where it has no key: set the variable that holds yours"
_PLACEHOLDER = "stands for a key in an example: put your own key there"
_VARIABLE = "is the name of a variable, not its value: the shell or the program did not fill it in"
_HEADER = "has more than the key: send the key alone, without the name of a header or a scheme"
#: What cannot be a key, and what it is instead; the first that matches is told.
_IMPOSSIBLE = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), told)
    for pattern, told in (
        (r"undefined|null|\(null\)|none|nil|<nil>|nan|n/a|true|false|0|\W+|\{\}|\[\]|\[object .*\]", _NOTHING),
        (r'\{\s*".*|-----begin.*', "is JSON or a certificate, not the key alone"),
        (r"\$\w+|\$?\{+.*\}+|%\w+%|\$\(.*\)|(process|import\.meta)\.env\b.*|os\.(environ|getenv).*", _VARIABLE),
        (r"@?[\w.-]*[/\\].*|[a-z]:\\.*|@?[\w-]+\.(txt|key|env|json|ya?ml)", "is the name of a file, not the key in it"),
        (r".*\[?redacted\]?.*", "is shortened or masked: copy the whole key"),
        (r".*your_?(gemini_?)?(api_?)?key.*", _PLACEHOLDER),
        (r"\W*(your|add|insert|enter|paste|put|replace)[-_ ].*(key|token|here|this|me)\W*", _PLACEHOLDER),
        (r"(?!aiza)[a-z_]*api_?key[a-z_]*|(?!aq\.)[a-z_]+(\.[a-z_]+)+(\(.*\))?|\w+(\.\w+)*[(\[].*[)\]]", _VARIABLE),
        (r"\W*(your|gemini|google|google[-_ ]?ai)[-_ ]?(api[-_ ]?)?key\W*|\W*(?-i:API_KEY)\W*", _PLACEHOLDER),
        (r"<[^<>]*>|change[-_]?me.*|[x*•.…_-]{3,}", _PLACEHOLDER),
        (r".*(\.\.\.|…|\*\*\*|•••|xxxxxx).*", "is shortened or masked: copy the whole key"),
        (r"(bearer|basic|apikey|key|token)\s+\S.*|[a-z][a-z-]*\s*:\s*[^\s/].*", _HEADER),
        (r"(export\s+|setx?\s+)?[a-z_][\w.-]*\s*=\s*[^\s=].*", "has the form NAME=value: send the value alone"),
        (r"[a-z][a-z0-9+.-]*://.*|[^@\s]+@[^@\s]+", "is an address, not a key"),
        (r"(sk|gsk|hf|r8|xai|pk)[-_]\w.{18,}|.*\.apps\.googleusercontent\.com", "is a key of another service"),
        (r"ya29\..*|eyj[\w-]+\.[\w-]+\.[\w-]*", "is a token to sign in with, not a Gemini API key"),
        (r".*[,;|].*", "has a comma or another sign between keys: send one key"),
        (r".*[][(){}<>\"\\/@%#?&$].*", "has signs that no key has: send the key alone, as it was issued"),
    )
)  # fmt: skip


def trim_key(text: str) -> str:
    """The key without spaces, line ends, quotes and marks around it."""
    return text.strip(_AROUND)


def key_errors(api_key: str | None) -> Iterator[FieldError]:
    """What is wrong with a key that is given; its text is never repeated."""
    if not api_key:
        return
    if len(api_key) > MAX_API_KEY_CHARACTERS:
        yield FieldError("api_key", f"an API key has at most {MAX_API_KEY_CHARACTERS} characters")
        return
    for pattern, message in _IMPOSSIBLE:
        if pattern.fullmatch(api_key):
            yield FieldError("api_key", f"the value {message}")
            return
    if not _PRINTABLE_ASCII.fullmatch(api_key):
        yield FieldError(
            "api_key",
            "an API key has printable ASCII characters and no spaces inside: send one key, whole",
        )
