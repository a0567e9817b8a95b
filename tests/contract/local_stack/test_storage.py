"""fake-gcs-server, started as the stack starts it, does for the official client what Cloud Storage does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests
from google.api_core.exceptions import PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as gcs
from google.oauth2.service_account import Credentials

from local.stack.credentials import write_service_account
from tests.harness.servers import run_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "storage.log"


@pytest.fixture(params=["memory", "folder"])
def server(request: pytest.FixtureRequest, tmp_path: Path, log: Path) -> Iterator[str]:
    folder = None if request.param == "memory" else tmp_path / "objects"
    with log.open("wb") as output, run_storage(folder, output) as url:
        yield url


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[gcs.Bucket]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server)
    client = gcs.Client(project="p", credentials=AnonymousCredentials())
    yield client.create_bucket("images")
    client.close()


def test_an_image_s_facts_survive_and_it_is_written_once(bucket: gcs.Bucket) -> None:
    blob = bucket.blob("executions/1/00000.png")
    blob.metadata, blob.cache_control = {"model": "m"}, "private, max-age=3600"
    blob.upload_from_string(b"image", content_type="image/png", if_generation_match=0)

    with pytest.raises(PreconditionFailed):
        bucket.blob("executions/1/00000.png").upload_from_string(b"other", if_generation_match=0)

    inherited = bucket.get_blob("executions/1/00000.png")
    assert inherited is not None
    assert (inherited.metadata, inherited.cache_control, inherited.content_type) == (
        {"model": "m"},
        blob.cache_control,
        "image/png",
    )
    assert inherited.download_as_bytes() == b"image"


def test_a_signed_address_is_served_to_everyone_and_logged_nowhere(
    bucket: gcs.Bucket, tmp_path: Path, log: Path
) -> None:
    key_file = tmp_path / "key.json"
    write_service_account(key_file, "p", "http://127.0.0.1:1/token")
    blob = bucket.blob("executions/1/00000.png")
    blob.upload_from_string(b"image", content_type="image/png")
    url = blob.generate_signed_url(
        version="v4",
        expiration=timedelta(minutes=5),
        credentials=Credentials.from_service_account_file(str(key_file)),
    )

    answer = requests.get(url, timeout=5)

    assert "X-Goog-Signature" in url
    assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, "image/png", b"image")
    assert "X-Goog-Signature" not in log.read_text()


def test_the_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    key_file = tmp_path / "key.json"

    write_service_account(key_file, "p", "http://127.0.0.1:1/token")

    assert key_file.stat().st_mode & 0o777 == 0o600
