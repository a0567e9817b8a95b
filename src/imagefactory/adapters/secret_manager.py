"""The encryption: AES-256-GCM under keys that Secret Manager holds."""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING

import grpc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.api_core import exceptions
from google.cloud import secretmanager
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport

from imagefactory.adapters.google_errors import CALL_OPTIONS, translate_google_errors
from imagefactory.domain.errors import Unavailable
from imagefactory.domain.execution import EncryptedSecret

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagefactory.settings import QueueSettings

#: Seconds after which the newest version is looked up again, so that a rotated key is used soon.
LATEST_SECONDS = 60.0
MAX_CACHED_VERSIONS = 16
_NONCE_BYTES = 12
_GONE = (exceptions.NotFound, exceptions.FailedPrecondition)


@functools.cache
def client(emulator_host: str = "") -> secretmanager.SecretManagerServiceClient:
    """The process's client, for Google's service or for an emulator at host:port."""
    if not emulator_host:
        return secretmanager.SecretManagerServiceClient()
    channel = grpc.insecure_channel(emulator_host)
    return secretmanager.SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=channel))


def of(settings: QueueSettings) -> SecretManagerEncryption:
    """The encryption of this deployment."""
    return SecretManagerEncryption(client(settings.secret_manager_emulator_host), settings.encryption_key_secret)


class SecretManagerEncryption:
    """The port Encryption. `secret` is the full name of a secret whose versions are keys of 32 bytes."""

    def __init__(
        self,
        cloud: secretmanager.SecretManagerServiceClient,
        secret: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cloud = cloud
        self._secret = secret
        self._monotonic = monotonic
        self._latest: tuple[float, str] | None = None
        self._key = functools.lru_cache(MAX_CACHED_VERSIONS)(self._read)

    def encrypt(self, secret: str, context: str) -> EncryptedSecret:
        """Encrypt under the newest version of the key.

        Raises:
            Unavailable: also when that version is missing or disabled; it is looked up again the next time.
        """
        try:
            version = self._newest()
            key = self._key(version)
        except _GONE as gone:
            self._latest = None
            raise Unavailable("the newest version of the encryption key cannot be read") from gone
        nonce = os.urandom(_NONCE_BYTES)
        return EncryptedSecret(version, nonce, AESGCM(key).encrypt(nonce, secret.encode(), context.encode()))

    def decrypt(self, encrypted: EncryptedSecret, context: str) -> str:
        """Decrypt under the version it was encrypted with."""
        try:
            key = self._key(encrypted.key_version)
            return AESGCM(key).decrypt(encrypted.nonce, encrypted.ciphertext, context.encode()).decode()
        except InvalidTag as wrong:
            raise ValueError("this was not encrypted under that key in that context") from wrong
        except _GONE as gone:
            raise ValueError("the key's version is disabled or destroyed") from gone

    def _newest(self) -> str:
        """The name of the newest version."""
        now = self._monotonic()
        if self._latest is None or now - self._latest[0] >= LATEST_SECONDS:
            with translate_google_errors(passing=_GONE):
                answer = self._cloud.access_secret_version(name=f"{self._secret}/versions/latest", **CALL_OPTIONS)
            self._latest = (now, answer.name)
        return self._latest[1]

    def _read(self, version: str) -> bytes:
        with translate_google_errors(passing=_GONE):
            return self._cloud.access_secret_version(name=version, **CALL_OPTIONS).payload.data
