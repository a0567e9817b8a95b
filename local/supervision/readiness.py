"""Whether a server answers yet."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Iterable

PAUSE_SECONDS = 0.1
ONE_TRY_SECONDS = 5.0


async def answered(addresses: Iterable[str]) -> None:
    """Returns once every address has answered: `http://…` with a status below 500, `tcp://HOST:PORT` by accepting."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ONE_TRY_SECONDS)) as session:
        for address in addresses:
            await one_answered(session, address)


async def one_answered(session: aiohttp.ClientSession, address: str) -> None:
    """Returns once the address has answered."""
    while not await answers(session, address):  # noqa: ASYNC110 - another process cannot set an event of ours
        await asyncio.sleep(PAUSE_SECONDS)


async def answers(session: aiohttp.ClientSession, address: str) -> bool:
    """Whether one address answers now."""
    try:
        if address.startswith("tcp://"):
            return await accepts(address)
        async with session.get(address, allow_redirects=False) as response:
            return response.status < HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, TimeoutError, aiohttp.ClientError):
        return False


async def accepts(address: str) -> bool:
    """Whether something accepts connections there; raises OSError where nothing listens."""
    parts = urlsplit(address)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.close()
    await writer.wait_closed()
    return True
