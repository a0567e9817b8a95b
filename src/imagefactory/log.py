"""Logs as Cloud Logging reads them: one JSON object a line, an event with its context.

Prompts, keys, tokens, image bytes and signed URLs are no context: nothing here is ever handed one. Lines of libraries
take the same form. They begin at INFO whatever the level is: below it, Google's clients log whole requests.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import traceback
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_context: ContextVar[dict[str, object]] = ContextVar("log context", default={})  # noqa: B039 - never mutated

LEVELS = ("debug", "info", "warning", "error")
_FIELDS = "imagefactory_fields"


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: severity, message, context, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; an exception is told by type and place, not by message: that may quote a prompt or a key."""
        entry = {"severity": record.levelname, "message": record.getMessage()}
        if record.name != _logger.name:
            entry["logger"] = record.name
        fields: dict[str, object] = getattr(record, _FIELDS, {})
        return json.dumps(entry | _context.get() | fields | _describe(record.exc_info), default=str)


class StdoutHandler(logging.StreamHandler):  # type: ignore[type-arg] # its stream is chosen anew for each line
    """Writes lines to what is standard output at that moment."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line."""
        self.stream = sys.stdout
        super().emit(record)


_handler = StdoutHandler()
_logger = logging.getLogger("imagefactory")
_logger.addHandler(_handler)
_logger.propagate = False
_logger.setLevel(logging.INFO)


def set_level(name: str) -> None:
    """Log this severity and above, of libraries too.

    Raises:
        ValueError: there is no such severity.
    """
    if name.lower() not in LEVELS:
        raise ValueError(f"LOG_LEVEL is {name!r}; choose one of {', '.join(LEVELS)}")
    level = logging.getLevelNamesMapping()[name.upper()]
    _logger.setLevel(level)
    libraries = logging.getLogger()
    libraries.setLevel(max(level, logging.INFO))
    if _handler not in libraries.handlers:
        libraries.addHandler(_handler)
    # Google's clients keep theirs from the root, unless they are told otherwise.
    logging.getLogger("google").propagate = True


@contextlib.contextmanager
def context(**fields: object) -> Iterator[None]:
    """Add these fields to every event inside the block."""
    token = _context.set(_context.get() | fields)
    try:
        yield
    finally:
        _context.reset(token)


def debug(event: str, **fields: object) -> None:
    """Something that only a developer asks about."""
    _log(logging.DEBUG, event, fields)


def info(event: str, **fields: object) -> None:
    """Something happened as it should."""
    _log(logging.INFO, event, fields)


def warning(event: str, **fields: object) -> None:
    """Something happened that the factory deals with by itself."""
    _log(logging.WARNING, event, fields)


def error(event: str, exception: BaseException | None = None, **fields: object) -> None:
    """Something failed that somebody should look at; the exception is logged by type and place."""
    _log(logging.ERROR, event, fields, exception)


def _log(level: int, event: str, fields: dict[str, object], exception: BaseException | None = None) -> None:
    # As the formatter's argument: an event is no template.
    _logger.log(level, "%s", event, extra={_FIELDS: fields}, exc_info=exception)


def _describe(exc_info: object) -> dict[str, object]:
    if not isinstance(exc_info, tuple) or exc_info[1] is None:
        return {}
    frames = traceback.extract_tb(exc_info[2])
    return {
        "exception": exc_info[0].__name__,
        "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
