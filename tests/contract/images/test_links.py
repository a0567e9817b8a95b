from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import google.auth.credentials
import pytest
import requests
from google.auth.exceptions import RefreshError

from imagefactory.adapters import signed_urls
from imagefactory.adapters.signed_urls import SIGNERS, PublicUrls, SignedUrls
from imagefactory.adapters.storage import CloudStorageImageStore
from imagefactory.domain.errors import Unavailable
from imagefactory.domain.image import Provenance
from imagefactory.domain.pricing import TokenUsage
from imagefactory.ports import DecodedImage, ImageFormat
from imagefactory.testing import InMemoryImageUrls, a_stored_image
from local.stack.credentials import write_service_account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.cloud.storage import Bucket

    from imagefactory.ports import ImageUrls

MADE = Provenance(39_000, TokenUsage(1290, 3, 15), "a-model-001", "an-id", ("it is not as it was asked for",))
PNG = DecodedImage(b"\x89PNG of a lighthouse", ImageFormat.PNG, 1024, 768)
HOUR = 3600
IMAGE = a_stored_image()


@pytest.fixture(autouse=True)
def fresh_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The key file of a service account that was made for this test."""
    key_file = tmp_path / "key.json"
    write_service_account(key_file, "contract", "http://127.0.0.1:9/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    cached = signed_urls._credentials  # noqa: SLF001 - a process reads them once
    cached.cache_clear()
    yield
    cached.cache_clear()


@pytest.fixture(params=["memory", "signed"])
def links(request: pytest.FixtureRequest) -> ImageUrls:
    return InMemoryImageUrls(HOUR) if request.param == "memory" else signed(request.getfixturevalue("bucket"))


def signed(bucket: Bucket) -> SignedUrls:
    return SignedUrls(bucket.client, bucket.name, HOUR)


class TestALinkThatExpires:
    def test_works_from_half_a_life_to_a_whole_life_from_now(self, links: ImageUrls) -> None:
        for minutes in (0, 1, 29, 31, 59):
            now = datetime.now(UTC) + timedelta(minutes=minutes)

            [(_, expires_at)] = links.urls([IMAGE], now)

            assert expires_at is not None
            assert timedelta(minutes=30) <= expires_at - now <= timedelta(hours=1)

    def test_stays_the_same_while_its_window_does(self, links: ImageUrls) -> None:
        now = datetime.now(UTC)
        moments = [now + timedelta(minutes=minutes) for minutes in range(60)]

        seen = {links.window(moment): links.urls([IMAGE], moment)[0] for moment in moments}

        assert 2 <= len(seen) <= 3
        assert len(set(seen.values())) == len(seen)
        assert all(links.urls([IMAGE], moment) == [seen[links.window(moment)]] for moment in moments)

    def test_is_another_one_for_another_image(self, links: ImageUrls) -> None:
        now = datetime.now(UTC)

        first, second = links.urls([IMAGE, a_stored_image(index=1)], now)

        assert first != second
        assert links.urls([], now) == []


class TestASignedUrl:
    def test_fetches_the_image(self, bucket: Bucket) -> None:
        stored = CloudStorageImageStore(bucket.client, bucket.name).put("e", 0, PNG, MADE)

        [(url, _)] = signed(bucket).urls([stored], datetime.now(UTC))

        with requests.get(url, timeout=5) as answer:
            assert (answer.status_code, answer.content) == (200, PNG.data)
            assert answer.headers["Content-Type"] == "image/png"

    def test_says_who_signed_it_and_until_when(self, bucket: Bucket) -> None:
        [(url, _)] = signed(bucket).urls([IMAGE], datetime.now(UTC))

        query = parse_qs(urlsplit(url).query)
        assert query["X-Goog-Algorithm"] == ["GOOG4-RSA-SHA256"]
        assert query["X-Goog-Credential"][0].startswith("functions@contract.iam.gserviceaccount.com/")
        assert HOUR // 2 - 5 <= int(query["X-Goog-Expires"][0]) <= HOUR

    def test_is_signed_once_for_each_window(self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        links, now = signed(bucket), datetime.now(UTC)
        first = links.urls([IMAGE], now)
        monkeypatch.delattr(signed_urls, "_signer")

        assert links.urls([IMAGE], now) == first

    def test_of_a_page_are_signed_at_once(self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        together, signer = threading.Barrier(SIGNERS), signed_urls._signer  # noqa: SLF001 - the step that calls the IAM service

        def slow_signer() -> dict[str, object]:
            together.wait(timeout=10)
            return signer()

        monkeypatch.setattr(signed_urls, "_signer", slow_signer)
        images = [a_stored_image(index=index) for index in range(2 * SIGNERS)]

        urls = signed(bucket).urls(images, datetime.now(UTC))

        assert [image.name in url for image, (url, _) in zip(images, urls, strict=True)] == [True] * len(images)


class OnAServer(google.auth.credentials.Credentials):
    """Credentials without a key of their own, as a function has them."""

    service_account_email = "status@contract.iam.gserviceaccount.com"
    fails = False
    refreshes = 0

    def refresh(self, _request: object) -> None:
        if self.fails:
            raise RefreshError("the metadata server is away")
        self.refreshes += 1
        self.token = "a-token"
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)


class TestCredentialsWithoutAKey:
    @pytest.fixture
    def on_a_server(self, monkeypatch: pytest.MonkeyPatch) -> OnAServer:
        made: Any = OnAServer
        credentials: OnAServer = made()
        monkeypatch.setattr(signed_urls, "_credentials", lambda: credentials)
        return credentials

    def test_sign_by_the_iam_service_with_a_token(self, on_a_server: OnAServer) -> None:
        for _ in range(2):
            assert signed_urls._signer() == {  # noqa: SLF001 - what the storage client is handed
                "service_account_email": "status@contract.iam.gserviceaccount.com",
                "access_token": "a-token",
            }
        assert on_a_server.refreshes == 1

    def test_that_cannot_be_refreshed_are_an_outage(self, on_a_server: OnAServer, bucket: Bucket) -> None:
        on_a_server.fails = True

        with pytest.raises(Unavailable):
            signed(bucket).urls([IMAGE], datetime.now(UTC))


def test_a_public_link_is_the_objects_own_address() -> None:
    links = PublicUrls("images", "https://storage.googleapis.com")
    now = datetime.now(UTC)

    assert links.urls([IMAGE], now) == [("https://storage.googleapis.com/images/executions/e/00000.png", None)]
    assert links.window(now) == links.window(now + timedelta(days=365))


def test_a_public_link_fetches_the_image(bucket: Bucket, storage_url: str) -> None:
    stored = CloudStorageImageStore(bucket.client, bucket.name).put("é ?#%", 0, PNG, MADE)

    [(url, _)] = PublicUrls(bucket.name, storage_url).urls([stored], datetime.now(UTC))

    with requests.get(url, timeout=5) as answer:
        assert answer.content == PNG.data
