"""The one way in which a command ends badly."""

from __future__ import annotations


class Stop(Exception):
    """The command cannot go on. The message says why and what to do; `details` are lines to show before it."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details.strip()
