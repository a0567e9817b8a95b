from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from imagefactory.domain.errors import Conflict
from imagefactory.domain.image import Provenance, StoredImage
from imagefactory.domain.pricing import TokenUsage
from imagefactory.ports import DecodedImage, ImageFormat

if TYPE_CHECKING:
    from tests.contract.images.conftest import Bucketful

MADE = Provenance(39_000, TokenUsage(1290, 3, 15), "a-model-001", "an-id", ("it is not as it was asked for",))
PNG = DecodedImage(b"\x89PNG of a lighthouse", ImageFormat.PNG, 1024, 768)
OTHER_PNG = DecodedImage(b"\x89PNG of another one", ImageFormat.PNG, 64, 48)
JPG = DecodedImage(b"\xff\xd8 of a lighthouse", ImageFormat.JPG, 800, 600)


def test_an_image_is_stored_and_found_with_its_facts(bucketful: Bucketful) -> None:
    stored = bucketful.images.put("e", 7, PNG, MADE)

    assert stored == StoredImage("executions/e/00007.png", "image/png", 1024, 768, len(PNG.data), MADE)
    assert bucketful.images.find("e", 7) == stored
    assert bucketful.data(stored.name) == PNG.data


@pytest.mark.parametrize("image_format", ImageFormat)
def test_every_format_has_its_extension_and_its_type(bucketful: Bucketful, image_format: ImageFormat) -> None:
    stored = bucketful.images.put("e", 0, DecodedImage(b"data", image_format, 1, 2), MADE)

    assert stored.name == f"executions/e/00000.{image_format.value}"
    assert stored.content_type == image_format.content_type
    assert bucketful.images.find("e", 0) == stored


def test_a_second_image_of_a_prompt_gives_way_to_the_first(bucketful: Bucketful) -> None:
    first = bucketful.images.put("e", 0, PNG, MADE)

    assert bucketful.images.put("e", 0, OTHER_PNG, MADE) == first
    assert bucketful.data(first.name) == PNG.data


def test_an_image_in_another_format_gives_way_to_the_first_too(bucketful: Bucketful) -> None:
    first = bucketful.images.put("e", 0, PNG, MADE)

    assert bucketful.images.put("e", 0, JPG, MADE) == first
    assert bucketful.images.find("e", 0) == first
    assert bucketful.names() == [first.name]


def test_of_many_that_come_at_once_one_is_kept(bucketful: Bucketful) -> None:
    pictures = [DecodedImage(bytes([number]) * 100, ImageFormat.PNG, 10, 10) for number in range(12)]

    with ThreadPoolExecutor(12) as threads:
        stored = set(threads.map(lambda picture: bucketful.images.put("e", 0, picture, MADE), pictures))

    assert len(stored) == 1
    assert len(bucketful.names()) == 1


def test_what_was_not_stored_is_not_found(bucketful: Bucketful) -> None:
    bucketful.images.put("e", 10, PNG, MADE)

    assert [bucketful.images.find("e", 1), bucketful.images.find("other", 10)] == [None, None]


def test_a_reference_comes_back_as_it_was(bucketful: Bucketful) -> None:
    name = bucketful.images.put_reference("e", 2, JPG)

    assert name == "executions/e/references/2.jpg"
    assert bucketful.images.reference(name) == JPG.data
    assert bucketful.images.find("e", 2) is None


def test_a_reference_written_again_is_the_one_that_is_there(bucketful: Bucketful) -> None:
    names = {bucketful.images.put_reference("e", 0, PNG) for _ in range(2)}

    assert names == set(bucketful.names())
    assert len(names) == 1


def test_a_different_reference_of_the_same_number_stands_beside_the_first(bucketful: Bucketful) -> None:
    first = bucketful.images.put_reference("e", 0, PNG)

    names = {bucketful.images.put_reference("e", 0, OTHER_PNG) for _ in range(2)}

    assert bucketful.images.reference(first) == PNG.data
    assert [bucketful.images.reference(name) for name in names] == [OTHER_PNG.data]


def test_a_reference_that_is_gone_conflicts(bucketful: Bucketful) -> None:
    with pytest.raises(Conflict):
        bucketful.images.reference("executions/none/references/0.png")
