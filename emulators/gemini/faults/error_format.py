"""The form of Google's errors: an envelope with a status, a message and details."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulators.gemini.faults.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IMAGE_CONFIG = "* GenerateContentRequest.generation_config.image_config"
TYPES = "type.googleapis.com/google.rpc."


@dataclass(frozen=True)
class ErrorBody:
    """An HTTP status, its canonical name, a message and Google's details."""

    code: int
    status: str
    message: str
    details: tuple[Mapping[str, Any], ...] = ()

    def envelope(self) -> dict[str, Any]:
        """The envelope."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        return {"error": error | ({"details": list(self.details)} if self.details else {})}


class RejectedError(Exception):
    """A request that ends with an error; `outcome` is its outcome in the call log."""

    def __init__(self, outcome: Outcome, body: ErrorBody) -> None:
        super().__init__(body.message)
        self.outcome = outcome
        self.body = body


def bad_request(message: str, *violations: tuple[str, str]) -> RejectedError:
    """A 400; violations are pairs of a field's path and a description."""
    listed = [{"field": path, "description": text} if path else {"description": text} for path, text in violations]
    details = ({"@type": TYPES + "BadRequest", "fieldViolations": listed},) if listed else ()
    return RejectedError(Outcome.BAD_REQUEST, ErrorBody(400, "INVALID_ARGUMENT", message, details))


def unknown_field(name: str, path: str) -> str:
    """Google's sentence about an unknown field; the path is in snake_case."""
    where = f" at '{path}'" if path else ""
    return f"Invalid JSON payload received. Unknown name {json.dumps(name)}{where}: Cannot find field."


def not_one_of(field: str, values: Sequence[str]) -> str:
    """Google's sentence about a value of `image_config` that is not one of the model's."""
    quoted = [f"'{value}'" for value in values]
    comma = "," if len(quoted) > 2 else ""  # noqa: PLR2004 - two values take no comma
    listed = quoted[0] if len(quoted) == 1 else f"one of {', '.join(quoted[:-1])}{comma} or {quoted[-1]}"
    return f"{IMAGE_CONFIG}.{field}: {field} must be {listed}.\n"
