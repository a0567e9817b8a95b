"""What only the real bucket can show: lost replies, metadata, outages."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
import requests
from google.api_core.exceptions import NotFound

from imagefactory.adapters import storage
from imagefactory.adapters.storage import CloudStorageImageStore
from imagefactory.domain.errors import Conflict, Unavailable
from imagefactory.domain.image import Provenance, StoredImage
from imagefactory.domain.pricing import TokenUsage
from imagefactory.ports import DecodedImage, ImageFormat
from tests.harness.servers import connect_storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud.storage import Bucket

MADE = Provenance(39_000, TokenUsage(1290, 3, 15), "a-model-001", "an-id", ("it is not as it was asked for",))
PNG = DecodedImage(b"\x89PNG of a lighthouse", ImageFormat.PNG, 1024, 768)
OTHER_PNG = DecodedImage(b"\x89PNG of another one", ImageFormat.PNG, 64, 48)


class Connection(requests.Session):
    """Loses the replies to the next `lose` uploads: they were done, and nobody learns it."""

    lose = 0
    uploads = 0

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().request(method, url, *args, **kwargs)
        if "/upload/" in str(url) and method == "POST":
            self.uploads += 1
            if self.lose:
                self.lose -= 1
                answer.close()
                raise requests.ConnectionError("the connection broke")
        return answer


@pytest.fixture
def connection() -> Iterator[Connection]:
    with Connection() as connection:
        yield connection


@pytest.fixture
def images(storage_url: str, bucket: Bucket, connection: Connection) -> CloudStorageImageStore:
    return CloudStorageImageStore(connect_storage(storage_url, connection), bucket.name)


def test_an_upload_whose_reply_is_lost_is_ours(images: CloudStorageImageStore, connection: Connection) -> None:
    connection.lose = 1

    stored = images.put("e", 0, PNG, MADE)

    assert stored == StoredImage("executions/e/00000.png", "image/png", 1024, 768, len(PNG.data), MADE)
    assert connection.uploads == 2


def test_an_image_that_was_deleted_between_refusal_and_look_conflicts(
    images: CloudStorageImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.put("e", 0, PNG, MADE)
    monkeypatch.setattr(images, "find", lambda *_: None)

    with pytest.raises(Conflict):
        images.put("e", 0, OTHER_PNG, MADE)


def test_an_image_in_another_format_that_is_gone_already_gives_way_all_the_same(
    images: CloudStorageImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = images.put("e", 0, PNG, MADE)
    monkeypatch.setattr("google.cloud.storage.Blob.delete", _already_gone)

    assert images.put("e", 0, DecodedImage(b"webp", ImageFormat.WEBP, 1, 1), MADE) == first
    assert images.find("e", 0) == first


def _already_gone(*_: object, **__: object) -> None:
    raise NotFound("somebody deleted it")


def test_an_image_carries_what_its_result_will_record(images: CloudStorageImageStore, bucket: Bucket) -> None:
    name = images.put("e", 0, PNG, MADE).name

    blob = bucket.get_blob(name)

    assert blob.content_type == "image/png"
    assert blob.metadata == {"width": "1024", "height": "768", "made": json.dumps(asdict(MADE))}
    assert blob.cache_control == "private, max-age=86400, immutable"


def test_a_reference_is_never_cached(images: CloudStorageImageStore, bucket: Bucket) -> None:
    name = images.put_reference("e", 0, PNG)

    assert bucket.get_blob(name).cache_control == "no-store"


def test_a_reference_is_downloaded_once_for_a_batch(images: CloudStorageImageStore, bucket: Bucket) -> None:
    name = images.put_reference("e", 0, PNG)
    images.reference(name)
    bucket.blob(name).delete()

    assert images.reference(name) == PNG.data


def test_an_object_without_our_metadata_is_found_all_the_same(images: CloudStorageImageStore, bucket: Bucket) -> None:
    bucket.blob("executions/e/00000.png").upload_from_string(b"data", content_type="image/png")

    assert images.find("e", 0) == StoredImage("executions/e/00000.png", "image/png", 0, 0, 4)


def test_a_service_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_RETRY", None)
    client = connect_storage("http://127.0.0.1:9")
    images = CloudStorageImageStore(client, "bucket")

    with pytest.raises(Unavailable):
        images.put("e", 0, PNG, MADE)
    client.close()


def test_a_process_has_one_client_for_its_project(storage_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_url)
    storage.client.cache_clear()

    client = storage.client("contract")

    assert storage.client("contract") is client
    assert client.project == "contract"
    client.close()
    storage.client.cache_clear()
