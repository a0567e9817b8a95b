from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import grpc
import pytest
from google.cloud import secretmanager
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport

from imagefactory.adapters import secret_manager
from imagefactory.adapters.secret_manager import LATEST_SECONDS, SecretManagerEncryption
from imagefactory.domain.errors import Unavailable
from imagefactory.settings import GenerateSettings
from imagefactory.testing import InMemoryEncryption
from local.stack.credentials import write_service_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from imagefactory.ports import Encryption

KEY = "AIzaSyTheKeyOfAlice_0123456789-abcdefghi"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Safe:
    """The port Encryption, and its keys' management: begin a new version, disable one by its name.

    `restarted` is the same encryption in another process, which remembers nothing.
    """

    encryption: Encryption
    rotate: Callable[[], object]
    disable: Callable[[str], object]
    restarted: Callable[[], Encryption]


class Seconds:
    """A monotonic clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def client(secret_manager_host: str) -> Iterator[secretmanager.SecretManagerServiceClient]:
    with grpc.insecure_channel(secret_manager_host) as channel:
        transport = SecretManagerServiceGrpcTransport(channel=channel)
        yield secretmanager.SecretManagerServiceClient(transport=transport)


@pytest.fixture
def secret(client: secretmanager.SecretManagerServiceClient) -> str:
    """A secret with one version, a key of 32 bytes."""
    automatic = secretmanager.Replication(automatic=secretmanager.Replication.Automatic())
    created = client.create_secret(
        parent="projects/contract",
        secret_id=f"secret-{next(_numbers)}",
        secret=secretmanager.Secret(replication=automatic),
    )
    add_version(client, created.name)
    return created.name


def add_version(client: secretmanager.SecretManagerServiceClient, secret: str) -> None:
    client.add_secret_version(parent=secret, payload=secretmanager.SecretPayload(data=os.urandom(32)))


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture(params=["memory", "secret-manager"])
def safe(request: pytest.FixtureRequest) -> Safe:
    return in_memory() if request.param == "memory" else request.getfixturevalue("cloud_safe")


@pytest.fixture
def cloud_safe(client: secretmanager.SecretManagerServiceClient, secret: str, seconds: Seconds) -> Safe:
    def rotate() -> None:
        add_version(client, secret)
        seconds.now += LATEST_SECONDS

    return Safe(
        SecretManagerEncryption(client, secret, seconds),
        rotate,
        lambda version: client.disable_secret_version(name=version),
        lambda: SecretManagerEncryption(client, secret),
    )


def in_memory() -> Safe:
    encryption = InMemoryEncryption()
    return Safe(encryption, encryption.rotate, encryption.disable, lambda: encryption)


@pytest.mark.parametrize("secret_text", [KEY, "", "schlüssel \x00 👩‍👩‍👧", "x" * 10_000])
def test_what_was_encrypted_can_be_decrypted_in_its_context(safe: Safe, secret_text: str) -> None:
    encrypted = safe.encryption.encrypt(secret_text, "execution-1")

    assert safe.encryption.decrypt(encrypted, "execution-1") == secret_text
    assert safe.restarted().decrypt(encrypted, "execution-1") == secret_text


def test_what_is_encrypted_does_not_show_its_secret(safe: Safe) -> None:
    encrypted = safe.encryption.encrypt(KEY, "execution-1")

    assert KEY.encode() not in encrypted.ciphertext + encrypted.nonce
    assert KEY not in encrypted.key_version


def test_another_context_opens_nothing(safe: Safe) -> None:
    encrypted = safe.encryption.encrypt(KEY, "execution-1")

    with pytest.raises(ValueError, match="was not encrypted"):
        safe.encryption.decrypt(encrypted, "execution-2")


def test_what_was_tampered_with_is_not_opened(safe: Safe) -> None:
    encrypted = safe.encryption.encrypt(KEY, "e")
    flipped = bytes([encrypted.ciphertext[0] ^ 1]) + encrypted.ciphertext[1:]

    for broken in (flipped, encrypted.ciphertext[:-1], encrypted.ciphertext + b"x", b""):
        with pytest.raises(ValueError, match="was not encrypted"):
            safe.encryption.decrypt(replace(encrypted, ciphertext=broken), "e")


def test_after_a_rotation_the_new_version_encrypts_and_the_old_one_still_decrypts(safe: Safe) -> None:
    old = safe.encryption.encrypt(KEY, "e")

    safe.rotate()
    new = safe.encryption.encrypt(KEY, "e")

    assert new.key_version != old.key_version
    assert [safe.encryption.decrypt(old, "e"), safe.encryption.decrypt(new, "e")] == [KEY, KEY]


def test_a_version_that_was_disabled_opens_nothing(safe: Safe) -> None:
    old = safe.encryption.encrypt(KEY, "e")
    safe.rotate()
    safe.disable(old.key_version)

    with pytest.raises(ValueError, match="disabled or destroyed"):
        safe.restarted().decrypt(old, "e")


class TestSecretManager:
    def test_never_uses_a_nonce_twice(self, cloud_safe: Safe) -> None:
        encrypted = [cloud_safe.encryption.encrypt(KEY, "e") for _ in range(100)]

        assert len({one.nonce for one in encrypted}) == len({one.ciphertext for one in encrypted}) == 100
        assert {len(one.nonce) for one in encrypted} == {12}

    def test_looks_for_a_new_version_once_a_minute(
        self,
        client: secretmanager.SecretManagerServiceClient,
        secret: str,
        cloud_safe: Safe,
        seconds: Seconds,
    ) -> None:
        first = cloud_safe.encryption.encrypt(KEY, "e").key_version
        add_version(client, secret)

        seconds.now = LATEST_SECONDS - 1
        assert cloud_safe.encryption.encrypt(KEY, "e").key_version == first
        seconds.now = LATEST_SECONDS
        assert cloud_safe.encryption.encrypt(KEY, "e").key_version != first

    def test_reads_each_version_once(
        self, client: secretmanager.SecretManagerServiceClient, secret: str, cloud_safe: Safe
    ) -> None:
        encrypted = cloud_safe.encryption.encrypt(KEY, "e")
        client.delete_secret(name=secret)

        assert cloud_safe.encryption.decrypt(encrypted, "e") == KEY

    def test_finds_no_version_of_a_secret_that_was_deleted(
        self, client: secretmanager.SecretManagerServiceClient, secret: str, cloud_safe: Safe
    ) -> None:
        encrypted = cloud_safe.encryption.encrypt(KEY, "e")
        client.delete_secret(name=secret)

        with pytest.raises(ValueError, match="disabled or destroyed"):
            cloud_safe.restarted().decrypt(encrypted, "e")
        with pytest.raises(Unavailable):
            cloud_safe.restarted().encrypt(KEY, "e")

    def test_that_does_not_answer_is_unavailable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with grpc.insecure_channel("127.0.0.1:9") as channel:
            transport = SecretManagerServiceGrpcTransport(channel=channel)
            client = secretmanager.SecretManagerServiceClient(transport=transport)
            access = client.access_secret_version
            monkeypatch.setattr(client, "access_secret_version", lambda name, **_: access(name=name, retry=None))

            with pytest.raises(Unavailable):
                SecretManagerEncryption(client, "projects/p/secrets/s").encrypt(KEY, "e")

    def test_is_found_by_the_settings(self, secret_manager_host: str, secret: str) -> None:
        secret_manager.client.cache_clear()
        settings = GenerateSettings(
            project_id="contract",
            bucket="b",
            dispatch_rate=1.0,
            queue="q",
            watchdog_queue="w",
            generate_url="u",
            tasks_service_account="a",
            encryption_key_secret=secret,
            dispatch_deadline_seconds=600.0,
            secret_manager_emulator_host=secret_manager_host,
            gemini_api_url="g",
            tasks_issuer="i",
            tasks_jwks_url="j",
        )

        encryption = secret_manager.of(settings)

        assert encryption.decrypt(encryption.encrypt(KEY, "e"), "e") == KEY
        secret_manager.client(secret_manager_host).transport.close()
        secret_manager.client.cache_clear()


def test_in_the_cloud_the_client_is_googles_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key_file = tmp_path / "key.json"
    write_service_account(key_file, "contract", "http://127.0.0.1:9/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    secret_manager.client.cache_clear()

    client = secret_manager.client()

    assert client.api_endpoint.endswith(".googleapis.com")
    assert secret_manager.client() is client
    client.transport.close()
    secret_manager.client.cache_clear()
