"""The names of secrets and versions, and the refusals.

Names are `projects/P/secrets/S` and `projects/P/secrets/S/versions/V`. Google answers with the project's number in
place of its id; projects have no number here, so answers repeat the caller's name. Google serves regional secrets
(`projects/*/locations/*/…`) on other endpoints; this emulator does not have them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable

LATEST = "latest"

_PROJECT = re.compile(r"projects/[a-z0-9][a-z0-9.:_-]*")
_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_SECRET = re.compile(rf"(?P<secret>{_PROJECT.pattern}/secrets/{_SECRET_ID.pattern})")
_VERSION = re.compile(rf"{_SECRET.pattern}/versions/(?P<version>[1-9][0-9]{{0,8}}|{LATEST})")


class RefusedError(Exception):
    """A refused call: a gRPC status other than OK, and a sentence."""

    def __init__(self, status: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def _refusal(status: grpc.StatusCode) -> Callable[[str], RefusedError]:
    return lambda message: RefusedError(status, message)


invalid = _refusal(grpc.StatusCode.INVALID_ARGUMENT)
not_found = _refusal(grpc.StatusCode.NOT_FOUND)
already_exists = _refusal(grpc.StatusCode.ALREADY_EXISTS)
failed_precondition = _refusal(grpc.StatusCode.FAILED_PRECONDITION)
unimplemented = _refusal(grpc.StatusCode.UNIMPLEMENTED)


@dataclass(frozen=True)
class VersionName:
    """A version of a secret; `number` is None for `latest`."""

    secret: str
    number: int | None


def parse_project(text: str) -> str:
    """Validate the name of a project and return it; raises RefusedError."""
    if not _PROJECT.fullmatch(text):
        raise _bad_name("project", text, "projects/*")
    return text


def parse_secret(text: str) -> str:
    """Validate the name of a secret and return it; raises RefusedError."""
    if not _SECRET.fullmatch(text):
        raise _bad_name("secret", text, "projects/*/secrets/*")
    return text


def new_secret_name(project: str, secret_id: str) -> str:
    """Build the name of a new secret; raises RefusedError for a bad project or id."""
    if not _SECRET_ID.fullmatch(secret_id):
        raise invalid("The secret ID must be 1 to 255 letters, digits, hyphens or underscores.")
    return f"{parse_project(project)}/secrets/{secret_id}"


def parse_version(text: str, *, aliases: bool) -> VersionName:
    """Parse the name of a version, `latest` only with `aliases`; raises RefusedError."""
    parts = _VERSION.fullmatch(text)
    if parts is None or (parts["version"] == LATEST and not aliases):
        raise _bad_name("secret version", text, "projects/*/secrets/*/versions/*")
    number = None if parts["version"] == LATEST else int(parts["version"])
    return VersionName(parts["secret"], number)


def _bad_name(kind: str, text: str, pattern: str) -> RefusedError:
    if "/locations/" in text:
        return unimplemented("This emulator has no regional secrets: leave locations/* out of the name.")
    return invalid(f"The {kind} name [{text[:300]}] does not have the form [{pattern}].")
