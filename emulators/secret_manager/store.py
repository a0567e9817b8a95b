"""Secrets and their versions, in memory, with the rules of their states.

    ENABLED ⇄ DISABLED          a version starts ENABLED; only an enabled one can be accessed
        ╰─────┴──▶ DESTROYED    its data is gone, and nothing leads out of this state

`latest` is the most recently created version whatever its state: when that one is disabled, access fails although
an older version is enabled. (Google's reference of AccessSecretVersion says "most recently created", and its errors
in the field name the newest, disabled version.)
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from google.cloud.secretmanager_v1.types import Replication, Secret, SecretVersion

from emulators.secret_manager.names import (
    VersionName,
    already_exists,
    failed_precondition,
    invalid,
    not_found,
    unimplemented,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_PAYLOAD_BYTES = 64 * 1024
State = SecretVersion.State


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _etag() -> str:
    return f'"{secrets.token_hex(7)}"'


@dataclass(frozen=True)
class Version:
    """One version: its number, its state and, until it is destroyed, its bytes."""

    name: str
    data: bytes = field(repr=False)
    checksum_given: bool
    state: int = State.ENABLED
    created: dt.datetime = field(default_factory=_now)
    destroyed: dt.datetime | None = None
    etag: str = field(default_factory=_etag)

    def message(self) -> SecretVersion:
        """The version as the API shows it, which is without its data."""
        return SecretVersion(
            name=self.name,
            create_time=self.created,
            destroy_time=self.destroyed,
            state=self.state,
            etag=self.etag,
            client_specified_payload_checksum=self.checksum_given,
            replication_status={"automatic": {}},
        )


@dataclass(frozen=True)
class Stored:
    """One secret with its versions, oldest first."""

    name: str
    replication: Replication
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    created: dt.datetime = field(default_factory=_now)
    etag: str = field(default_factory=_etag)
    versions: list[Version] = field(default_factory=list)

    def message(self) -> Secret:
        """The secret as the API shows it."""
        return Secret(
            name=self.name,
            replication=self.replication,
            create_time=self.created,
            labels=dict(self.labels),
            annotations=dict(self.annotations),
            etag=self.etag,
        )


class Store:
    """All secrets of the process; every refusal is a `RefusedError` with Google's status."""

    def __init__(self) -> None:
        self._secrets: dict[str, Stored] = {}

    def create(self, name: str, wanted: Secret) -> Stored:
        """Creates a secret without versions; ALREADY_EXISTS when there is one of that name."""
        if name in self._secrets:
            raise already_exists(f"Secret [{name}] already exists.")
        if "automatic" not in wanted.replication and "user_managed" not in wanted.replication:
            raise invalid("Secret.replication must be set, for instance to {automatic: {}}.")
        known = Secret(
            name=wanted.name, replication=wanted.replication, labels=wanted.labels, annotations=wanted.annotations
        )
        if known != wanted:
            raise unimplemented("This emulator keeps a secret's replication, labels and annotations, and nothing else.")
        stored = Stored(name, wanted.replication, dict(wanted.labels), dict(wanted.annotations))
        self._secrets[name] = stored
        return stored

    def get(self, name: str) -> Stored:
        """The secret of that name; NOT_FOUND without one."""
        if name not in self._secrets:
            raise not_found(f"Secret [{name}] not found.")
        return self._secrets[name]

    def of_project(self, project: str) -> Sequence[Stored]:
        """A project's secrets, newest first."""
        return [stored for name, stored in reversed(self._secrets.items()) if name.startswith(f"{project}/secrets/")]

    def delete(self, name: str, etag: str) -> None:
        """Deletes a secret with all its versions."""
        _same_etag(etag, self.get(name).etag)
        del self._secrets[name]

    def add_version(self, name: str, data: bytes, *, checksum_given: bool) -> Version:
        """Adds an enabled version with the next number; numbers start at 1 and are never used twice."""
        if not data:
            raise invalid("The secret payload must not be empty.")
        if len(data) > MAX_PAYLOAD_BYTES:
            raise invalid(f"The secret payload must be at most {MAX_PAYLOAD_BYTES} bytes, not {len(data)}.")
        versions = self.get(name).versions
        version = Version(f"{name}/versions/{len(versions) + 1}", data, checksum_given)
        versions.append(version)
        return version

    def version(self, name: VersionName) -> Version:
        """The version of that name; NOT_FOUND in Google's words for a missing secret and a missing version."""
        stored = self._secrets.get(name.secret)
        if stored is None or not stored.versions:
            raise not_found(f"Secret [{name.secret}] not found or has no versions.")
        number = name.number or len(stored.versions)
        if number > len(stored.versions):
            raise not_found(f"Secret Version [{name.secret}/versions/{number}] not found.")
        return stored.versions[number - 1]

    def access(self, name: VersionName) -> Version:
        """The version with its data, if it is enabled."""
        version = self.version(name)
        if version.state != State.ENABLED:
            raise failed_precondition(f"Secret Version [{version.name}] is in {State(version.state).name} state.")
        return version

    def move(self, name: VersionName, state: int, etag: str) -> Version:
        """Enables, disables or destroys a version; FAILED_PRECONDITION once it is destroyed."""
        version = self.version(name)
        _same_etag(etag, version.etag)
        if version.state == State.DESTROYED:
            raise failed_precondition(f"Secret Version [{version.name}] is in DESTROYED state.")
        moved = replace(version, state=state, etag=_etag())
        if state == State.DESTROYED:
            moved = replace(moved, data=b"", destroyed=_now())
        versions = self.get(name.secret).versions
        versions[versions.index(version)] = moved
        return moved


def _same_etag(given: str, stored: str) -> None:
    if given and given != stored:
        raise failed_precondition("The etag does not match the stored one: the resource has changed meanwhile.")
