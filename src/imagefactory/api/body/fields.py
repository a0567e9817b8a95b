"""The fields of a body, however it was sent: values of the right types, or an error for each that has another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from imagefactory.api.body.json_limits import NO_OBJECT
from imagefactory.domain.api_key import trim_key
from imagefactory.domain.errors import FieldError, MalformedRequest
from imagefactory.domain.submission import MAX_LINES, line_count, prompts_of_text, trim

if TYPE_CHECKING:
    from imagefactory.domain.execution import Prompt

Choice = TypeVar("Choice")

CHOICES = ("model", "aspect_ratio", "resolution", "output_format")
#: How much of a name that is none of ours an error repeats.
MAX_QUOTED = 80


class Fields:
    """The fields of a body: typed values on demand, and an error for each value of another type.

    `values` has the fields that were filled in: nothing and an empty text count as left out.
    """

    def __init__(self, body: Any, known: tuple[str, ...]) -> None:
        """Take the fields of a JSON object; each that is not known is an error: most are misspelt, and would be missed.

        Raises:
            MalformedRequest: the body is no object.
        """
        if not isinstance(body, dict):
            raise MalformedRequest(NO_OBJECT)
        self.values = {
            name: value
            for name, value in body.items()
            if value is not None and not (isinstance(value, str) and not value.strip() and not trim(value))
        }
        self.errors: list[FieldError] = []
        self._known = known
        for name in body:
            if name not in known:
                self.reject_unknown(name)

    def reject_unknown(self, name: str) -> None:
        """Note a field that is not known."""
        self.reject(name[:MAX_QUOTED], f"there is no such field; the fields are {', '.join(self._known)}")

    def reject(self, name: str, message: str, index: int | None = None) -> None:
        """Note an error of a field, or of the item of a field with this index."""
        encodable = name.encode("utf-8", "backslashreplace").decode()
        self.errors.append(FieldError(encodable, message, index))

    def text(self, name: str) -> str | None:
        """A string; None when it is not given."""
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        self.reject(name, "this must be a string")
        return None

    def choices(self, names: tuple[str, ...]) -> dict[str, str | None]:
        """Strings without the spaces and line ends around them; None for each that is not given."""
        chosen = dict.fromkeys(names)
        return chosen | {name: trim(text) for name in names if name in self.values and (text := self.text(name))}

    def api_key(self) -> str | None:
        """The caller's key, without what copying leaves around it; None when it is not given."""
        value = self.values.get("api_key")
        return (trim_key(value) or None) if isinstance(value, str) else self.text("api_key")

    def items(self, name: str) -> list[Any]:
        """A list; empty when it is not given."""
        value = self.values.get(name)
        if isinstance(value, list):
            return value
        if value is not None:
            self.reject(name, "this must be a list")
        return []

    def choose(self, name: str, offered: dict[str, Choice]) -> tuple[Choice, ...]:
        """Map each name in a list to its value, without duplicates; an unknown name is an error."""
        chosen = []
        for index, value in enumerate(self.items(name)):
            if isinstance(value, str) and value in offered:
                chosen.append(offered[value])
            else:
                self.reject(name, f"this must be one of {', '.join(offered)}", index)
        return tuple(dict.fromkeys(chosen))

    def whole_numbers(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers from 0, each once; floats and booleans are refused."""
        numbers = self.items(name)
        for index, value in enumerate(numbers):
            if type(value) is not int or value < 0:
                self.reject(name, "this must be a whole number from 0", index)
        return () if self.errors else tuple(dict.fromkeys(numbers))

    def lines(self) -> tuple[Prompt, ...]:
        """The prompts of `prompts_text`."""
        text = self.text("prompts_text")
        if text is None:
            return ()
        if (count := line_count(text)) > MAX_LINES:
            self.reject(
                "prompts_text", f"the text has {count} lines; at most {MAX_LINES} are read, blank ones included"
            )
            return ()
        return prompts_of_text(text)

    def metadata(self) -> dict[str, str]:
        """Pairs of strings; none when they are not given."""
        value = self.values.get("metadata")
        # An empty list is what PHP makes of an empty map.
        if value is None or value == []:
            return {}
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            self.reject("metadata", "this must be an object whose values are strings")
            return {}
        return value
