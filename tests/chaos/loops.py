"""An asyncio server on a thread of its own, so that the blocking code under test can stand beside it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 20


class Server(Protocol):
    """Something that listens from `start` to `stop`."""

    async def start(self) -> None:
        """Begin to listen."""
        ...

    async def stop(self) -> None:
        """End all that was begun."""
        ...


AnyServer = TypeVar("AnyServer", bound=Server)


@contextlib.contextmanager
def serve(server: AnyServer) -> Iterator[AnyServer]:
    """Run the server on its own thread for as long as the block lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(START_SECONDS)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(server: Server) -> None:
    """The server stopped, and what its calls left behind ended too."""
    await server.stop()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
