"""The bucket on Cloud Storage.

An image's name says whose it is, and `if_generation_match=0` lets it be written once; its metadata carries what the
result will record, so that an attempt that finds it there adopts it instead of paying again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import google.auth
import google.auth.transport.requests
from google.auth.credentials import Signing
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from imagefactory.adapters.google import ours
from imagefactory.domain.errors import Conflict
from imagefactory.domain.provenance import Provenance
from imagefactory.domain.result import StoredImage
from imagefactory.ports import PictureFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.auth.credentials import Credentials

    from imagefactory.ports import Picture
    from imagefactory.settings import StatusSettings

#: Bytes of reference images a process remembers: a few executions at a time use a handful.
REMEMBERED_REFERENCES = 6
REMEMBERED_LINKS = 20_000
#: Addresses signed at once.
SIGNERS = 16
UPLOAD_SECONDS, LIST_SECONDS = 30.0, 10.0
_RETRY = DEFAULT_RETRY.with_timeout(45.0)
_IMAGE_CACHE = "private, max-age=86400, immutable"


@functools.cache
def client(project: str) -> storage.Client:
    """The process's client; honours STORAGE_EMULATOR_HOST by itself."""
    return storage.Client(project=project)


def links_of(settings: StatusSettings) -> SignedLinks | PublicLinks:
    """The kind of addresses this deployment hands out."""
    if settings.result_urls == "public":
        return PublicLinks(settings.bucket, settings.storage_url)
    return SignedLinks(client(settings.project_id), settings.bucket, settings.signed_url_seconds)


class CloudStorageImages:
    """The port Images."""

    def __init__(self, cloud: storage.Client, bucket: str) -> None:
        self._bucket = cloud.bucket(bucket)
        self.reference = functools.lru_cache(REMEMBERED_REFERENCES)(self._read)

    def put_reference(self, execution_id: str, number: int, picture: Picture) -> str:
        """Write `executions/{id}/references/{n}.{ext}`, or beside it where another request left a different one."""
        place = f"executions/{execution_id}/references/{number}"
        name = f"{place}.{picture.format.value}"
        try:
            self._create(name, picture, cache_control="no-store")
        except Conflict:
            if self._read(name) != picture.data:
                name = f"{place}-{hashlib.sha256(picture.data).hexdigest()}.{picture.format.value}"
                # What is there under this name has this content.
                with contextlib.suppress(Conflict):
                    self._create(name, picture, cache_control="no-store")
        return name

    def put(self, execution_id: str, index: int, picture: Picture, made: Provenance) -> StoredImage:
        """Write `executions/{id}/{index}.{ext}`, unless it is there."""
        name = f"{_prefix(execution_id, index)}{picture.format.value}"
        facts = {"width": str(picture.width), "height": str(picture.height), "made": json.dumps(asdict(made))}
        try:
            blob = self._create(name, picture, cache_control=_IMAGE_CACHE, metadata=facts)
        except Conflict:
            # Ours, when only the reply was lost; else a dead attempt's. Either way it is the prompt's image.
            if stored := self.find(execution_id, index):
                return stored
            raise
        stored = StoredImage(name, picture.format.content_type, picture.width, picture.height, len(picture.data), made)
        first = self.find(execution_id, index) or stored
        if first.name != name:
            # Another attempt stored it in another format, and so under another name: the older one stays.
            with contextlib.suppress(Conflict), ours():
                blob.delete()
        return first

    def find(self, execution_id: str, index: int) -> StoredImage | None:
        """Look for the oldest image by its name without the extension, which only its maker knew."""
        prefix = _prefix(execution_id, index)
        with ours():
            found = self._bucket.client.list_blobs(
                self._bucket, prefix=prefix, max_results=len(PictureFormat), timeout=LIST_SECONDS, retry=_RETRY
            )
            blobs = list(found)
        if not blobs:
            return None
        blob = min(blobs, key=lambda one: one.generation)
        facts = blob.metadata or {}
        size = int(facts.get("width", 0)), int(facts.get("height", 0))
        made = Provenance.of(json.loads(facts["made"])) if "made" in facts else Provenance()
        return StoredImage(blob.name, blob.content_type, *size, blob.size, made)

    def _create(
        self, name: str, picture: Picture, cache_control: str, metadata: dict[str, str] | None = None
    ) -> storage.Blob:
        """Write an object that is not there yet.

        Raises:
            Conflict: it is.
        """
        blob: storage.Blob = self._bucket.blob(name)
        blob.cache_control = cache_control
        blob.metadata = metadata
        with ours():
            blob.upload_from_string(
                picture.data,
                content_type=picture.format.content_type,
                if_generation_match=0,
                timeout=UPLOAD_SECONDS,
                retry=_RETRY,
            )
        return blob

    def _read(self, name: str) -> bytes:
        with ours():
            content: bytes = self._bucket.blob(name).download_as_bytes(timeout=UPLOAD_SECONDS, retry=_RETRY)
        return content


def _prefix(execution_id: str, index: int) -> str:
    return f"executions/{execution_id}/{index:05d}."


class SignedLinks:
    """The port Links with URLs that anyone who has them may read, until they expire.

    They are signed with the credentials' own key where there is one (a key file), else by the IAM service with the
    key of the function's service account, a call each: so a page of them is signed at once, and the process remembers
    them for half of their life.
    """

    def __init__(self, cloud: storage.Client, bucket: str, seconds: int) -> None:
        self._bucket = cloud.bucket(bucket)
        self._life = timedelta(seconds=seconds)
        self._signed = functools.lru_cache(REMEMBERED_LINKS)(self._sign)
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
        with ours():
            address: str = blob.generate_signed_url(version="v4", expiration=expires_at, method="GET", **_signer())
        return address

    def _window_start(self, now: datetime) -> datetime:
        half = self._life.total_seconds() / 2
        return datetime.fromtimestamp(now.timestamp() // half * half, now.tzinfo)


class PublicLinks:
    """The port Links for a bucket that everyone may read."""

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
    found, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    return found


def _signer() -> dict[str, object]:
    """The arguments by which the storage client signs with these credentials."""
    credentials: Any = _credentials()
    if isinstance(credentials, Signing):
        return {"credentials": credentials}
    if not credentials.valid:
        with ours():
            credentials.refresh(google.auth.transport.requests.Request())
    return {"service_account_email": credentials.service_account_email, "access_token": credentials.token}
