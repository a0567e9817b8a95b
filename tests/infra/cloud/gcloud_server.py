"""Starts gcloud quickly: imports it once, and runs each command in a fork, as `gcloud_client.py` asks for it.

gcloud's own Python runs this file: `gcloud_server.py SDK SOCKET`. It is the installed gcloud, with the environment, the
folder and the streams of whoever asks; only the half second in which it imports its modules is not spent each time.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys

POLL_SECONDS = 1
LONGEST_REQUEST = 1 << 20


def main() -> None:
    """Serve until whoever started this is gone."""
    sdk, path = sys.argv[1:]
    sys.path[0] = f"{sdk}/lib"
    # It arranges the path for the modules that the SDK brings along.
    importlib.import_module("gcloud")
    gcloud_main = importlib.import_module("googlecloudsdk.gcloud_main")
    sys.argv = [f"{sdk}/lib/gcloud.py"]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    owner = os.getppid()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        server.settimeout(POLL_SECONDS)
        while os.getppid() == owner:
            with contextlib.suppress(TimeoutError):
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(None)
                    if not os.fork():
                        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                        server.close()
                        os._exit(serve(connection, gcloud_main))


def serve(connection: socket.socket, gcloud_main) -> int:  # type: ignore[no-untyped-def] # noqa: ANN001 - a module
    """Run one command in this process, and answer with its exit code."""
    request, streams, *_ = socket.recv_fds(connection, LONGEST_REQUEST, 3)
    asked = json.loads(request)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    sys.argv += asked["arguments"]
    code = 1
    try:
        code = gcloud_main.main() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(str(code).encode())
    return code


if __name__ == "__main__":
    main()
