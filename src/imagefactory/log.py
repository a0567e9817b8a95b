"""Logs as Cloud Logging reads them: one JSON object a line, an event with its context.

Prompts, keys, tokens, image bytes and signed URLs are no context: nothing here is ever handed one.
"""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from contextvars import ContextVar
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_context: ContextVar[dict[str, object]] = ContextVar("log context", default={})  # noqa: B039 - never mutated


class Severity(IntEnum):
    """Cloud Logging's severities, as far as the factory uses them."""

    DEBUG = 100
    INFO = 200
    WARNING = 400
    ERROR = 500


_least = Severity.INFO


def set_level(name: str) -> None:
    """Log this severity and above.

    Raises:
        ValueError: there is no such severity.
    """
    global _least  # noqa: PLW0603 - a process has one threshold
    try:
        _least = Severity[name.upper()]
    except KeyError:
        offered = ", ".join(severity.name.lower() for severity in Severity)
        raise ValueError(f"LOG_LEVEL is {name!r}; choose one of {offered}") from None


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
    _write(Severity.DEBUG, event, fields)


def info(event: str, **fields: object) -> None:
    """Something happened as it should."""
    _write(Severity.INFO, event, fields)


def warning(event: str, **fields: object) -> None:
    """Something happened that the factory deals with by itself."""
    _write(Severity.WARNING, event, fields)


def error(event: str, exception: BaseException | None = None, **fields: object) -> None:
    """Something failed that somebody should look at; the exception is logged by type and place, not by message.

    A message may quote what it failed on, and that may be a prompt or a key.
    """
    if exception is not None:
        frames = traceback.extract_tb(exception.__traceback__)
        fields["exception"] = type(exception).__name__
        fields["stack"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    _write(Severity.ERROR, event, fields)


def _write(severity: Severity, event: str, fields: dict[str, object]) -> None:
    if severity >= _least:
        entry = {"severity": severity.name, "message": event} | _context.get() | fields
        sys.stdout.write(json.dumps(entry, default=str) + "\n")
        sys.stdout.flush()
