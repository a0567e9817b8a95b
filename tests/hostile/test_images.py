"""Reference images that are two things at once: kept as the image that they are, and served as nothing else."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import requests

from tests.hostile.images import TAKEN

if TYPE_CHECKING:
    from tests.harness.stack import Stack


@pytest.mark.parametrize(
    ("content_type", "data"),
    [pytest.param(content_type, data, id=name) for name, (content_type, data) in TAKEN.items()],
)
def test_a_file_that_is_an_image_and_more_is_kept_as_the_image(stack: Stack, content_type: str, data: bytes) -> None:
    # What the client calls it does not matter, but for another kind of image.
    files = {"reference_images": ("index.html", io.BytesIO(data), "application/octet-stream")}
    fields = {"prompts_text": "a lighthouse", "api_key": "a-key"}

    answer = stack.client().call("POST", f"/api/workflows/{stack.workflow_id}/execute", data=fields, files=files)

    execution_id = answer.json()["data"]["execution_id"]
    bucket = f"{stack.storage}/storage/v1/b/{stack.bucket}/o"
    found = requests.get(bucket, params={"prefix": f"executions/{execution_id}/references/"}, timeout=10).json()
    (kept,) = found["items"]
    assert kept["name"].endswith(f".{content_type.removeprefix('image/').replace('jpeg', 'jpg')}")
    assert (kept["contentType"], kept["cacheControl"], int(kept["size"])) == (content_type, "no-store", len(data))
    served = requests.get(f"{stack.storage}/{stack.bucket}/{kept['name']}", timeout=10)
    assert (served.headers["Content-Type"], served.content) == (content_type, data)
    stack.settle()
