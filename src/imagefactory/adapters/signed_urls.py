"""Addresses under which clients fetch images: signed for a time, or public."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import google.auth
import google.auth.transport.requests
from google.auth.credentials import Signing

from imagefactory.adapters.google_errors import translate_google_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.auth.credentials import Credentials
    from google.cloud import storage

    from imagefactory.domain.image import StoredImage

MAX_CACHED_URLS = 20_000
#: Addresses signed at once.
SIGNERS = 16


class SignedUrls:
    """The port ImageUrls with URLs that anyone who has them may read, until they expire.

    They are signed with the credentials' own key where there is one (a key file), else by the IAM service with the
    key of the function's service account, a call each: so a page of them is signed at once, and the process remembers
    them for half of their life.
    """

    def __init__(self, cloud: storage.Client, bucket: str, seconds: int) -> None:
        self._bucket = cloud.bucket(bucket)
        self._life = timedelta(seconds=seconds)
        self._signed = functools.lru_cache(MAX_CACHED_URLS)(self._sign)
        self._signers = ThreadPoolExecutor(SIGNERS, thread_name_prefix="signer")

    def urls(self, images: Sequence[StoredImage], now: datetime) -> list[tuple[str, datetime | None]]:
        """V4 signed URLs; they work from half a life to a whole life from now."""
        expires_at = self._window_start(now) + self._life
        signed = self._signers.map(lambda image: self._signed(image.name, expires_at), images)
        return [(address, expires_at) for address in signed]

    def window(self, now: datetime) -> str:
        """The half life in which `now` lies."""
        return self._window_start(now).isoformat()

    def _sign(self, name: str, expires_at: datetime) -> str:
        blob = self._bucket.blob(name)
        with translate_google_errors():
            address: str = blob.generate_signed_url(version="v4", expiration=expires_at, method="GET", **_signer())
        return address

    def _window_start(self, now: datetime) -> datetime:
        half = self._life.total_seconds() / 2
        return datetime.fromtimestamp(now.timestamp() // half * half, now.tzinfo)


class PublicUrls:
    """The port ImageUrls for a bucket that everyone may read."""

    def __init__(self, bucket: str, storage_url: str) -> None:
        self._root = f"{storage_url}/{bucket}"

    def urls(self, images: Sequence[StoredImage], now: datetime) -> list[tuple[str, datetime | None]]:
        """The objects' own addresses, which do not expire."""
        del now
        return [(f"{self._root}/{quote(image.name)}", None) for image in images]

    def window(self, now: datetime) -> str:
        """Always the same: nothing expires."""
        del now
        return ""


@functools.cache
def _credentials() -> Credentials:
    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    return credentials


def _signer() -> dict[str, object]:
    """The arguments by which the storage client signs with these credentials."""
    credentials: Any = _credentials()
    if isinstance(credentials, Signing):
        return {"credentials": credentials}
    if not credentials.valid:
        with translate_google_errors():
            credentials.refresh(google.auth.transport.requests.Request())
    return {"service_account_email": credentials.service_account_email, "access_token": credentials.token}
