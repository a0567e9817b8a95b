"""Wait until servers answer."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Iterable

RETRY_PAUSE_SECONDS = 0.1
MAX_TRY_SECONDS = 5.0


async def wait_until_ready(addresses: Iterable[str]) -> None:
    """Wait until every address answers: `http://…` with a status below 500, `tcp://HOST:PORT` by accepting."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=MAX_TRY_SECONDS)) as session:
        for address in addresses:
            await wait_for_address(session, address)


async def wait_for_address(session: aiohttp.ClientSession, address: str) -> None:
    """Wait until the address answers."""
    while not await is_ready(session, address):  # noqa: ASYNC110 - another process cannot set an event of ours
        await asyncio.sleep(RETRY_PAUSE_SECONDS)


async def is_ready(session: aiohttp.ClientSession, address: str) -> bool:
    """Whether the address answers now."""
    try:
        if address.startswith("tcp://"):
            return await accepts_connections(address)
        async with session.get(address, allow_redirects=False) as response:
            return response.status < HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, TimeoutError, aiohttp.ClientError):
        return False


async def accepts_connections(address: str) -> bool:
    """True if a server accepts connections at the address; raises OSError if none listens."""
    parts = urlsplit(address)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.close()
    await writer.wait_closed()
    return True
