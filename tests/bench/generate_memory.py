"""How much memory one generate process takes with forty attempts in flight: `make bench` prints a table.

A worker process does what generate does with the model's answers (read, decode, open, upload) with the real adapters,
forty at once, against a server that sends real images and a storage server; its peak is what the kernel says. The rows
differ in the gate and in the allocator's arenas, so that the settings in docs/operations.md can be judged again.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from imagefactory.adapters import storage
from imagefactory.adapters.gemini import GeminiModel
from imagefactory.adapters.pillow import PillowPictures
from imagefactory.domain.execution import Recipe
from imagefactory.domain.provenance import Provenance
from imagefactory.ports import Drawing
from local.storage import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_FLIGHT = 40
#: Sides of square images of noise, whose PNGs have about 2 and 20 MB.
SIDES = {"2 MB": 816, "20 MB": 2600}
SETTINGS = ((40, None), (8, None), (8, "2"), (4, "2"))
ROOT = Path(__file__).parents[2]


def answer(side: int) -> bytes:
    """What Gemini sends for an image of noise of this size, with a signature of a megabyte and a half."""
    target = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(target, "PNG", compress_level=1)
    blob = {"mimeType": "image/png", "data": base64.b64encode(target.getvalue()).decode()}
    part = {"inlineData": blob, "thoughtSignature": base64.b64encode(os.urandom(1_100_000)).decode()}
    candidate = {"content": {"parts": [part], "role": "model"}, "finishReason": "STOP", "index": 0}
    return json.dumps({"candidates": [candidate], "usageMetadata": {"candidatesTokenCount": 1290}}).encode()


class Server(ThreadingHTTPServer):
    """A server that lets everybody connect at once."""

    request_queue_size = 2 * IN_FLIGHT
    daemon_threads = True


@contextlib.contextmanager
def serving(body: bytes) -> Iterator[str]:
    """A server that waits until all calls have come, and then sends this body to each at once."""
    all_here = threading.Barrier(IN_FLIGHT)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with contextlib.suppress(threading.BrokenBarrierError):
                all_here.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: the table is the output."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def storing() -> Iterator[str]:
    """A storage server with a bucket."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [str(binary()), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", port]
    process = subprocess.Popen([*command, "-log-level", "error"])  # noqa: S603 - the program in our own wheel
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def work(api_url: str, gate: int) -> None:
    """The worker: forty attempts at once; prints its peak memory in MB and the seconds it took."""
    cloud = storage.client("bench")
    cloud.create_bucket("bench")
    images = storage.CloudStorageImages(cloud, "bench")
    model, pictures = GeminiModel(api_url, gate=gate), PillowPictures()
    run = f"{os.getpid()}"
    drawing = Drawing("noise", Recipe("a-model", "1:1", "1K", None, None, 39_000, 40.0))

    def attempt(index: int) -> None:
        with model.generate(drawing, "a-key", 120) as generated:
            images.put(run, index, pictures.opened(generated.data), Provenance())

    began = time.monotonic()
    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        list(threads.map(attempt, range(IN_FLIGHT)))
    seconds = time.monotonic() - began
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    sys.stdout.write(f"{int(peak.split()[1]) / 1024:.0f} {seconds:.1f}\n")


def measured(api_url: str, storage_url: str, gate: int, arenas: str | None) -> tuple[str, str]:
    """Peak memory in MB and seconds of a worker of its own with these settings."""
    environment = os.environ | {"STORAGE_EMULATOR_HOST": storage_url, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    environment |= {"MALLOC_ARENA_MAX": arenas} if arenas else {}
    command = [sys.executable, __file__, api_url, str(gate)]
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
    peak, seconds = output.stdout.split()
    return peak, seconds


def main() -> None:
    """Measure every row and print the table."""
    sys.stdout.write(f"{IN_FLIGHT} answers at once, one process\n\n")
    sys.stdout.write("| image | gate | MALLOC_ARENA_MAX | peak MB | seconds |\n| --- | --- | --- | --- | --- |\n")
    for name, side in SIDES.items():
        body = answer(side)
        for gate, arenas in SETTINGS:
            with serving(body) as api_url, storing() as storage_url:
                peak, seconds = measured(api_url, storage_url, gate, arenas)
            sys.stdout.write(f"| {name} | {gate} | {arenas or '-'} | {peak} | {seconds} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(sys.argv[1], int(sys.argv[2]))
    else:
        main()
