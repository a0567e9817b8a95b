"""An image is there whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imagefactory_client import DownloadFailed, Result, Unreachable
from tests.unit.client.answers import image, result
from tests.unit.client.server import Reply

if TYPE_CHECKING:
    from pathlib import Path

    from imagefactory_client import Client
    from tests.unit.client.server import Clock, Server

PICTURE = b"\x89PNG" + bytes(200_000)


def completed(server: Server, **fields: Any) -> Result:
    return Result.parse(image(f"{server.url}/signed", len(PICTURE), index=7) | fields)


def test_an_image_is_written_under_its_index_and_type(client: Client, server: Server, tmp_path: Path) -> None:
    server.answer(Reply(body=PICTURE))

    path = client.download(completed(server), tmp_path / "new")

    assert path == tmp_path / "new/00007.png"
    assert path.read_bytes() == PICTURE
    assert list(path.parent.iterdir()) == [path]


def test_the_token_is_not_sent_to_the_image_s_address(client: Client, server: Server, tmp_path: Path) -> None:
    server.answer(Reply(body=PICTURE))

    client.download(completed(server), tmp_path)

    assert "authorization" not in server.received[0].headers


def test_an_image_of_another_size_leaves_no_file(client: Client, server: Server, tmp_path: Path) -> None:
    server.answer(Reply(body=PICTURE[:-1]))

    with pytest.raises(DownloadFailed, match="prompt 7 has 200003 bytes instead of 200004"):
        client.download(completed(server), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_an_image_of_an_earlier_run_is_kept_when_the_new_one_fails(
    client: Client, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "00007.png").write_bytes(b"earlier")
    server.answer(Reply(body=PICTURE[:-1]))

    with pytest.raises(DownloadFailed):
        client.download(completed(server), tmp_path)

    assert (tmp_path / "00007.png").read_bytes() == b"earlier"


def test_a_connection_that_breaks_is_tried_again_from_the_start(client: Client, server: Server, tmp_path: Path) -> None:
    server.answer(Reply(body=PICTURE[:50_000], missing_bytes=150_004), Reply(503), Reply(body=PICTURE))

    assert client.download(completed(server), tmp_path).read_bytes() == PICTURE


def test_a_connection_that_always_breaks_leaves_no_file(
    client: Client, server: Server, clock: Clock, tmp_path: Path
) -> None:
    server.answer(Reply(body=PICTURE[:50_000], missing_bytes=150_004))

    with pytest.raises(Unreachable, match="the image of prompt 7 did not arrive"):
        client.download(completed(server), tmp_path)

    assert len(clock.slept) == 5
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_has_expired_is_told_at_once(
    client: Client, server: Server, clock: Clock, tmp_path: Path
) -> None:
    server.answer(Reply(403))

    with pytest.raises(DownloadFailed, match="may have expired") as raised:
        client.download(completed(server), tmp_path)

    assert (raised.value.status, clock.slept) == (403, [])


def test_a_result_without_an_image_is_told_by_its_status(client: Client, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="prompt 3 has no image: it is blocked"):
        client.download(Result.parse(result(3, status="blocked")), tmp_path)
