"""Every case runs on both buckets."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from imagefactory.adapters.storage import CloudStorageImages
from imagefactory.testing import InMemoryImages
from tests.contract.emulators import a_storage_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.cloud.storage import Bucket

    from imagefactory.ports import Images

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Bucketful:
    """The port Images, and what a look into its bucket shows: the names of all objects, and the bytes of one."""

    images: Images
    names: Callable[[], list[str]]
    data: Callable[[str], bytes]


@pytest.fixture
def bucket(storage_url: str) -> Iterator[Bucket]:
    """An empty bucket on fake-gcs-server."""
    client = a_storage_client(storage_url)
    yield client.create_bucket(f"bucket-{next(_numbers)}")
    client.close()


@pytest.fixture(params=["memory", "cloud-storage"])
def bucketful(request: pytest.FixtureRequest) -> Bucketful:
    if request.param == "memory":
        images = InMemoryImages()
        return Bucketful(images, lambda: list(images.objects), lambda name: images.objects[name].data)
    return in_cloud(request.getfixturevalue("bucket"))


def in_cloud(bucket: Bucket) -> Bucketful:
    return Bucketful(
        CloudStorageImages(bucket.client, bucket.name),
        lambda: [blob.name for blob in bucket.list_blobs()],
        lambda name: bytes(bucket.blob(name).download_as_bytes()),
    )
