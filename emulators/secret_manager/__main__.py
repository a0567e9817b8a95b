"""`python -m emulators.secret_manager --port N`: serve the emulator on loopback until a signal."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys

import grpc

from emulators.secret_manager.service import Calls, Router
from emulators.secret_manager.store import Store

GRACE_SECONDS = 0.3


def _require_free(port: int) -> None:
    """Raise OSError if the port is in use: gRPC itself would write a page about it to stderr."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # With SO_REUSEPORT two emulators could share one port, and each would have half of the secrets.
    server = grpc.aio.server(handlers=[Router(Calls(Store()))], options=[("grpc.so_reuseport", 0)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    sys.stdout.write(f"secret manager: 127.0.0.1:{port}\n")
    sys.stdout.flush()
    await stop.wait()
    await server.stop(GRACE_SECONDS)


def main() -> int:
    """Serve until a signal; return 0, or 1 if the port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m emulators.secret_manager", description="Emulates Secret Manager.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    try:
        _require_free(port)
        asyncio.run(_serve(port))
    except (OSError, OverflowError, RuntimeError) as error:
        sys.stderr.write(f"secret manager: cannot listen on 127.0.0.1:{port}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
