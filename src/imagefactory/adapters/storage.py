"""The bucket on Cloud Storage.

An image's name says whose it is, and `if_generation_match=0` lets it be written once; its metadata carries what the
result will record, so that an attempt that finds it there adopts it instead of paying again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from imagefactory.adapters.google_errors import translate_google_errors
from imagefactory.domain.errors import Conflict
from imagefactory.domain.image import Provenance, StoredImage
from imagefactory.ports import ImageFormat

if TYPE_CHECKING:
    from imagefactory.ports import DecodedImage

#: Bytes of reference images a process remembers: a few executions at a time use a handful.
MAX_CACHED_REFERENCES = 6
UPLOAD_SECONDS, LIST_SECONDS = 30.0, 10.0
_RETRY = DEFAULT_RETRY.with_timeout(45.0)
_IMAGE_CACHE = "private, max-age=86400, immutable"


@functools.cache
def client(project: str) -> storage.Client:
    """The process's client; honours STORAGE_EMULATOR_HOST by itself."""
    return storage.Client(project=project)


class CloudStorageImageStore:
    """The port ImageStore."""

    def __init__(self, cloud: storage.Client, bucket: str) -> None:
        self._bucket = cloud.bucket(bucket)
        self.reference = functools.lru_cache(MAX_CACHED_REFERENCES)(self._read)

    def put_reference(self, execution_id: str, number: int, image: DecodedImage) -> str:
        """Write `executions/{id}/references/{n}.{ext}`, or beside it where another request left a different one."""
        stem = f"executions/{execution_id}/references/{number}"
        name = f"{stem}.{image.format.value}"
        try:
            self._create(name, image, cache_control="no-store")
        except Conflict:
            if self._read(name) != image.data:
                name = f"{stem}-{hashlib.sha256(image.data).hexdigest()}.{image.format.value}"
                # What is there under this name has this content.
                with contextlib.suppress(Conflict):
                    self._create(name, image, cache_control="no-store")
        return name

    def put(self, execution_id: str, index: int, image: DecodedImage, provenance: Provenance) -> StoredImage:
        """Write `executions/{id}/{index}.{ext}`, unless it is there."""
        name = f"{_prefix(execution_id, index)}{image.format.value}"
        facts = {"width": str(image.width), "height": str(image.height), "made": json.dumps(asdict(provenance))}
        try:
            blob = self._create(name, image, cache_control=_IMAGE_CACHE, metadata=facts)
        except Conflict:
            # Ours, when only the reply was lost; else a dead attempt's. Either way it is the prompt's image.
            if stored := self.find(execution_id, index):
                return stored
            raise
        stored = StoredImage(name, image.format.content_type, image.width, image.height, len(image.data), provenance)
        first = self.find(execution_id, index) or stored
        if first.name != name:
            # Another attempt stored it in another format, and so under another name: the older one stays.
            with contextlib.suppress(Conflict), translate_google_errors():
                blob.delete()
        return first

    def find(self, execution_id: str, index: int) -> StoredImage | None:
        """Look for the oldest image by its name without the extension, which only its maker knew."""
        prefix = _prefix(execution_id, index)
        with translate_google_errors():
            found = self._bucket.client.list_blobs(
                self._bucket, prefix=prefix, max_results=len(ImageFormat), timeout=LIST_SECONDS, retry=_RETRY
            )
            blobs = list(found)
        if not blobs:
            return None
        blob = min(blobs, key=lambda blob: blob.generation)
        facts = blob.metadata or {}
        size = int(facts.get("width", 0)), int(facts.get("height", 0))
        provenance = Provenance.of(json.loads(facts["made"])) if "made" in facts else Provenance()
        return StoredImage(blob.name, blob.content_type, *size, blob.size, provenance)

    def _create(
        self, name: str, image: DecodedImage, cache_control: str, metadata: dict[str, str] | None = None
    ) -> storage.Blob:
        """Write an object that is not there yet.

        Raises:
            Conflict: it is.
        """
        blob: storage.Blob = self._bucket.blob(name)
        blob.cache_control = cache_control
        blob.metadata = metadata
        with translate_google_errors():
            blob.upload_from_string(
                image.data,
                content_type=image.format.content_type,
                if_generation_match=0,
                timeout=UPLOAD_SECONDS,
                retry=_RETRY,
            )
        return blob

    def _read(self, name: str) -> bytes:
        with translate_google_errors():
            content: bytes = self._bucket.blob(name).download_as_bytes(timeout=UPLOAD_SECONDS, retry=_RETRY)
        return content


def _prefix(execution_id: str, index: int) -> str:
    return f"executions/{execution_id}/{index:05d}."
