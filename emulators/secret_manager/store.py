"""Secrets and their versions, in memory, with the rules of their states.

    ENABLED ⇄ DISABLED          a version starts ENABLED; only an enabled one can be accessed
        ╰─────┴──▶ DESTROYED    its data is gone, and nothing leads out of this state

`latest` is the most recently created version in any state: if that one is disabled, access fails even if an older
version is enabled. (Google's reference of AccessSecretVersion says "most recently created", and its recorded errors
name the newest, disabled version.)
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
    has_checksum: bool
    state: int = State.ENABLED
    created: dt.datetime = field(default_factory=_now)
    destroyed: dt.datetime | None = None
    etag: str = field(default_factory=_etag)

    def message(self) -> SecretVersion:
        """The version as the API shows it: without its data."""
        return SecretVersion(
            name=self.name,
            create_time=self.created,
            destroy_time=self.destroyed,
            state=self.state,
            etag=self.etag,
            client_specified_payload_checksum=self.has_checksum,
            replication_status={"automatic": {}},
        )


@dataclass(frozen=True)
class StoredSecret:
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
    """All secrets, in memory; every refusal is a `RefusedError` with Google's status."""

    def __init__(self) -> None:
        self._secrets: dict[str, StoredSecret] = {}

    def create(self, name: str, requested: Secret) -> StoredSecret:
        """Create a secret without versions; ALREADY_EXISTS if the name is in use."""
        if name in self._secrets:
            raise already_exists(f"Secret [{name}] already exists.")
        if "automatic" not in requested.replication and "user_managed" not in requested.replication:
            raise invalid("Secret.replication must be set, for instance to {automatic: {}}.")
        supported = Secret(
            name=requested.name,
            replication=requested.replication,
            labels=requested.labels,
            annotations=requested.annotations,
        )
        if supported != requested:
            raise unimplemented("This emulator keeps a secret's replication, labels and annotations, and nothing else.")
        stored = StoredSecret(name, requested.replication, dict(requested.labels), dict(requested.annotations))
        self._secrets[name] = stored
        return stored

    def get(self, name: str) -> StoredSecret:
        """Get a secret; NOT_FOUND if there is none of that name."""
        if name not in self._secrets:
            raise not_found(f"Secret [{name}] not found.")
        return self._secrets[name]

    def list_secrets(self, project: str) -> Sequence[StoredSecret]:
        """List a project's secrets, newest first."""
        return [stored for name, stored in reversed(self._secrets.items()) if name.startswith(f"{project}/secrets/")]

    def delete(self, name: str, etag: str) -> None:
        """Delete a secret with all its versions."""
        _check_etag(etag, self.get(name).etag)
        del self._secrets[name]

    def add_version(self, name: str, data: bytes, *, has_checksum: bool) -> Version:
        """Add an enabled version with the next number; numbers start at 1 and never repeat."""
        if not data:
            raise invalid("The secret payload must not be empty.")
        if len(data) > MAX_PAYLOAD_BYTES:
            raise invalid(f"The secret payload must be at most {MAX_PAYLOAD_BYTES} bytes, not {len(data)}.")
        versions = self.get(name).versions
        version = Version(f"{name}/versions/{len(versions) + 1}", data, has_checksum)
        versions.append(version)
        return version

    def version(self, name: VersionName) -> Version:
        """Get a version; NOT_FOUND, in Google's words, for a missing secret or version."""
        stored = self._secrets.get(name.secret)
        if stored is None or not stored.versions:
            raise not_found(f"Secret [{name.secret}] not found or has no versions.")
        number = name.number or len(stored.versions)
        if number > len(stored.versions):
            raise not_found(f"Secret Version [{name.secret}/versions/{number}] not found.")
        return stored.versions[number - 1]

    def access(self, name: VersionName) -> Version:
        """Get an enabled version with its data; FAILED_PRECONDITION in any other state."""
        version = self.version(name)
        if version.state != State.ENABLED:
            raise failed_precondition(f"Secret Version [{version.name}] is in {State(version.state).name} state.")
        return version

    def move(self, name: VersionName, state: int, etag: str) -> Version:
        """Enable, disable or destroy a version; FAILED_PRECONDITION if it is destroyed."""
        version = self.version(name)
        _check_etag(etag, version.etag)
        if version.state == State.DESTROYED:
            raise failed_precondition(f"Secret Version [{version.name}] is in DESTROYED state.")
        moved = replace(version, state=state, etag=_etag())
        if state == State.DESTROYED:
            moved = replace(moved, data=b"", destroyed=_now())
        versions = self.get(name.secret).versions
        versions[versions.index(version)] = moved
        return moved


def _check_etag(given: str, stored: str) -> None:
    if given and given != stored:
        raise failed_precondition("The etag does not match the stored one: the resource has changed meanwhile.")
