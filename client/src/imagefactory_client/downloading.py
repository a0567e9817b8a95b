"""Images in files, each whole or not at all."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from imagefactory_client.errors import DownloadFailed, Unreachable
from imagefactory_client.http import CONNECT_SECONDS, CONNECTION_ERRORS, READ_SECONDS, Sleep, try_repeatedly

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from imagefactory_client.records import Result

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
BLOCK_BYTES = 1 << 16


def download(session: requests.Session, result: Result, folder: Path, sleep: Sleep) -> Path:
    """Write the result's image to `folder/INDEX.EXTENSION`, the index with five digits; return the path.

    Raises:
        DownloadFailed: there is no image, its address refuses, or its size is not the recorded one.
        Unreachable: no answer comes.
        OSError: the file cannot be written.
    """
    if result.url is None:
        raise DownloadFailed(f"prompt {result.index} has no image: it is {result.status}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.index:05d}.{EXTENSIONS.get(result.content_type or '', 'bin')}"
    part = path.with_name(f"{path.name}.part")
    try:
        size = try_repeatedly(partial(_fetch, session, result.url, result.index, part), sleep)
        if size != result.bytes:
            raise DownloadFailed(f"the image of prompt {result.index} has {size} bytes instead of {result.bytes}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _fetch(session: requests.Session, url: str, index: int, part: Path) -> int:
    """Write what is at `url` to `part`; return its size in bytes."""
    try:
        # A signed URL carries its own permission: neither the user's token nor .netrc is for it.
        with session.get(
            url,
            auth=lambda request: request,
            headers={"Accept-Encoding": "identity"},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            stream=True,
        ) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise DownloadFailed(
                    f"the image of prompt {index} answers {answer.status_code}: its address may have expired, and a new"
                    " one comes with the results",
                    answer.status_code,
                )
            with part.open("wb") as file:
                return sum(file.write(block) for block in answer.iter_content(BLOCK_BYTES))
    except CONNECTION_ERRORS as error:
        raise Unreachable(f"the image of prompt {index} did not arrive: {error}") from error
