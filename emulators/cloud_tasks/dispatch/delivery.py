"""Send one request to a task's target and return the outcome."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from emulators.cloud_tasks.queues.outcome import AttemptResult, Outcome

if TYPE_CHECKING:
    from emulators.cloud_tasks.dispatch.http_request import OutgoingRequest

# Only the status matters. Read so much of the body that ordinary connections can be used again.
_MAX_BODY_BYTES = 64 * 1024
# Shorter than the idle limit of common servers (2 s and up), so that no request meets a closing connection.
_KEEP_ALIVE_S = 1.0
_UNSENT = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Sender:
    """One HTTP client for all queues; open it inside the running loop and close it at the end."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=_UNSENT,
            auto_decompress=False,
        )

    async def send(self, request: OutgoingRequest) -> Outcome:
        """Send and wait for the answer without a limit: the caller enforces the deadline."""
        try:
            return await self._exchange(request)
        except aiohttp.TooManyRedirects as error:
            return Outcome(AttemptResult.ANSWERED, error.history[-1].status)
        except (aiohttp.ClientError, OSError, ValueError, LookupError) as error:
            # ValueError and LookupError: CreateTask accepts URLs that cannot be requested.
            return Outcome(AttemptResult.UNREACHABLE, reason=type(error).__name__)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def _exchange(self, request: OutgoingRequest) -> Outcome:
        async with self._session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=request.headers,
            data=request.body or None,
            allow_redirects=request.follow_redirects,
        ) as response:
            await _drain(response)
            return Outcome(AttemptResult.ANSWERED, response.status, _retry_after(response))


async def _drain(response: aiohttp.ClientResponse) -> None:
    left = _MAX_BODY_BYTES
    while left > 0:
        chunk = await response.content.read(left)
        if not chunk:
            return
        left -= len(chunk)
    # The rest may be a gigabyte: drop the connection instead of reading it.
    response.close()


def _retry_after(response: aiohttp.ClientResponse) -> float:
    if response.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return 0.0
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
