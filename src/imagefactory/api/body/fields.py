"""The fields of a body, however it was sent: values of the right types, or an error for each that has another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from imagefactory.domain.api_key import trim_key
from imagefactory.domain.errors import FieldError
from imagefactory.domain.submission import MAX_LINES, line_count, prompts_of_text, trim

if TYPE_CHECKING:
    from imagefactory.domain.execution import Prompt

Choice = TypeVar("Choice")

CHOICES = ("model", "aspect_ratio", "resolution", "output_format")
#: How much of a name that is none of ours an error repeats.
SHOWN = 80


@dataclass
class Fields:
    """The fields of a body: typed values on demand, and an error for each value of another type."""

    values: dict[str, Any]
    errors: list[FieldError] = field(default_factory=list)

    def allow_only(self, known: tuple[str, ...]) -> None:
        """Note every field that is none of ours: most are misspelt, and would be missed."""
        for name in self.values:
            if name not in known:
                self.reject_unknown(name, known)

    def reject_unknown(self, name: str, known: tuple[str, ...]) -> None:
        """Note a field that is none of ours."""
        self.reject(name[:SHOWN], f"there is no such field; the fields are {', '.join(known)}")

    def reject(self, name: str, message: str, index: int | None = None) -> None:
        """Note an error."""
        encodable = name.encode("utf-8", "backslashreplace").decode()
        self.errors.append(FieldError(encodable, message, index))

    def get(self, name: str) -> Any:
        """What was given; None where that is nothing, or an empty string: an empty field was not filled in."""
        value = self.values.get(name)
        return None if isinstance(value, str) and not trim(value) else value

    def text(self, name: str) -> str | None:
        """A string; None when it is not given."""
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value
        self.reject(name, "this must be a string")
        return None

    def choice(self, name: str) -> str | None:
        """A string without the spaces and line ends around it; None when it is not given."""
        text = self.text(name)
        return None if text is None else trim(text)

    def api_key(self) -> str | None:
        """The caller's key, without what copying leaves around it; None when it is not given."""
        return trim_key(self.text("api_key") or "") or None

    def items(self, name: str) -> list[Any]:
        """A list; empty when it is not given."""
        value = self.get(name)
        if isinstance(value, list):
            return value
        if value is not None:
            self.reject(name, "this must be a list")
        return []

    def choose(self, name: str, offered: dict[str, Choice]) -> tuple[Choice, ...]:
        """What the names in a list stand for, each once; a name that stands for nothing is an error of its own."""
        found = []
        for place, value in enumerate(self.items(name)):
            if isinstance(value, str) and value in offered:
                found.append(offered[value])
            else:
                self.reject(name, f"this must be one of {', '.join(offered)}", place)
        return tuple(dict.fromkeys(found))

    def whole_numbers(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers from 0, each once; floats and booleans are refused."""
        found = self.items(name)
        for place, value in enumerate(found):
            if type(value) is not int or value < 0:
                self.reject(name, "this must be a whole number from 0", place)
        return () if self.errors else tuple(dict.fromkeys(found))

    def lines(self) -> tuple[Prompt, ...]:
        """The prompts of `prompts_text`."""
        text = self.text("prompts_text") or ""
        if (count := line_count(text)) > MAX_LINES:
            self.reject(
                "prompts_text", f"the text has {count} lines; at most {MAX_LINES} are read, blank ones included"
            )
            return ()
        return prompts_of_text(text)

    def metadata(self) -> dict[str, str]:
        """Pairs of strings; none when they are not given."""
        value = self.get("metadata")
        # An empty list is what PHP makes of an empty map.
        if value is None or value == []:
            return {}
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            self.reject("metadata", "this must be an object whose values are strings")
            return {}
        return value
