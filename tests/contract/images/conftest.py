"""Every case runs on both buckets."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from imagefactory.adapters.storage import CloudStorageImageStore
from imagefactory.testing import InMemoryImageStore
from tests.harness.servers import connect_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.cloud.storage import Bucket

    from imagefactory.ports import ImageStore

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Bucketful:
    """The port ImageStore, and what a look into its bucket shows: the names of all objects, and the bytes of one."""

    images: ImageStore
    names: Callable[[], list[str]]
    data: Callable[[str], bytes]


@pytest.fixture
def bucket(storage_url: str) -> Iterator[Bucket]:
    """An empty bucket on fake-gcs-server."""
    client = connect_storage(storage_url)
    yield client.create_bucket(f"bucket-{next(_numbers)}")
    client.close()


@pytest.fixture(params=["memory", "cloud-storage"])
def bucketful(request: pytest.FixtureRequest) -> Bucketful:
    if request.param == "memory":
        images = InMemoryImageStore()
        return Bucketful(images, lambda: list(images.objects), lambda name: images.objects[name].data)
    return in_cloud(request.getfixturevalue("bucket"))


def in_cloud(bucket: Bucket) -> Bucketful:
    return Bucketful(
        CloudStorageImageStore(bucket.client, bucket.name),
        lambda: [blob.name for blob in bucket.list_blobs()],
        lambda name: bytes(bucket.blob(name).download_as_bytes()),
    )
