"""Measure the memory of one generate process with forty attempts in flight: `make bench` prints tables.

A worker process does generate's work with the real adapters (read, decode, open, convert, upload), forty times at once,
against a server that sends real images and a storage server. The kernel tells its peak. The rows differ in
decodes at once and in the allocator's settings: docs/operations.md recommends some of them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from bench import conversions, hostile_answers
from bench.processes import DEPLOYED, measure_module, report_measurement
from emulators.gemini.api.generation_request import GenerationRequest as WireRequest
from emulators.gemini.api.response_builder import ResponseBuilder
from emulators.gemini.faults.outcomes import Outcome
from emulators.gemini.images.models import MODELS
from imagefactory.adapters import storage
from imagefactory.adapters.gemini import GeminiModel
from imagefactory.adapters.pillow import PillowImageCodec
from imagefactory.domain.generation import GenerationParameters
from imagefactory.domain.image import Provenance
from imagefactory.ports import GenerationRequest, ImageFormat
from local.stack.storage import find_binary

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_FLIGHT = 40
#: Bytes of a reference image at most.
MAX_REFERENCE_BYTES = 5 * 2**20


@dataclass(frozen=True)
class Row:
    """The model's image, the decodes at once and allocator, the references of each prompt, and the target format."""

    image: str
    max_decodes: int
    allocator: str
    references: int = 0
    target: str = "-"


#: By name: the model and size of an image as large as Google's.
IMAGES = {"1K, PNG": ("gemini-2.5-flash-image", None), "4K, JPEG": ("gemini-3-pro-image", "4K")}
#: By name: settings of glibc, which by itself raises its threshold for returning memory with every large block.
ALLOCATORS = {
    "-": {},
    "2 arenas": DEPLOYED,
    "2 arenas, 1 MB": DEPLOYED | {"MALLOC_MMAP_THRESHOLD_": "1048576"},
}
SETTINGS = ((40, "-"), (8, "-"), (8, "2 arenas"), (8, "2 arenas, 1 MB"), (4, "2 arenas"))
ROWS = [
    *(Row(image, max_decodes, allocator) for image in IMAGES for max_decodes, allocator in SETTINGS),
    *(Row(image, 8, "2 arenas", references=3) for image in IMAGES),
    Row("1K, PNG", 8, "2 arenas", target="webp"),
    Row("4K, JPEG", 8, "2 arenas", target="webp"),
    Row("4K, JPEG", 8, "2 arenas, 1 MB", target="webp"),
]


def build_body(name: str, size: str | None) -> bytes:
    """The model's answer with a square image, with a signature if the model signs."""
    request = WireRequest(MODELS[name], "A lighthouse at dusk", "", (), "1:1", size, wants_text=False, wants_image=True)
    return ResponseBuilder().build(request, (), Outcome.FULL_SIZE)


class Server(ThreadingHTTPServer):
    """A server that accepts many connections at once."""

    request_queue_size = 2 * IN_FLIGHT
    daemon_threads = True


@contextlib.contextmanager
def serve_answer(body: bytes) -> Iterator[str]:
    """Run a server that waits for all calls, and then sends this body to all at once; yields its URL."""
    all_here = threading.Barrier(IN_FLIGHT)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            left = int(self.headers["Content-Length"])
            while left:
                left -= len(self.rfile.read(min(left, 1_000_000)))
            with contextlib.suppress(threading.BrokenBarrierError):
                all_here.wait(60)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: the table is the output."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def run_storage() -> Iterator[str]:
    """Run a storage server; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [str(find_binary()), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", port]
    process = subprocess.Popen([*command, "-log-level", "error"])
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


def work(api_url: str, max_decodes: int, references: int, target: str) -> str:
    """In the worker: make forty attempts at once; return the number of stored images."""
    cloud = storage.client("bench")
    cloud.create_bucket("bench")
    images = storage.CloudStorageImageStore(cloud, "bench")
    model, codec = GeminiModel(api_url, max_decodes=max_decodes), PillowImageCodec()
    run = f"{os.getpid()}"
    # The attempts of an execution share its references, which the process caches.
    references_bytes = tuple(("image/png", bytes(MAX_REFERENCE_BYTES)) for _ in range(references))
    drawing = GenerationRequest(
        "noise", GenerationParameters("a-model", "1:1", "1K", None, None, 39_000, 40.0), references_bytes
    )

    def attempt(index: int) -> None:
        with model.generate(drawing, "a-key", 300) as generated:
            picture = codec.decode(generated.data)
            if target != "-":
                picture = codec.convert(picture, ImageFormat(target))
            images.put(run, index, picture, Provenance())

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        return str(len(list(threads.map(attempt, range(IN_FLIGHT)))))


def main() -> None:
    """Measure every row and print the tables."""
    bodies = {name: build_body(*model) for name, model in IMAGES.items()}
    for name, body in bodies.items():
        sys.stdout.write(f"{name}: {len(body) / 1e6:.1f} MB of JSON\n")
    sys.stdout.write(f"\n{IN_FLIGHT} answers at once, one process\n\n")
    sys.stdout.write(
        "| image | references | converted to | `MAX_CONCURRENT_DECODES` | allocator | peak MB | seconds |\n"
    )
    sys.stdout.write("| --- | --- | --- | --- | --- | --- | --- |\n")
    for row in ROWS:
        with serve_answer(bodies[row.image]) as api_url, run_storage() as storage_url:
            environment = {"STORAGE_EMULATOR_HOST": storage_url, **ALLOCATORS[row.allocator]}
            arguments = (api_url, str(row.max_decodes), str(row.references), row.target)
            measurement = measure_module("bench.generate_memory", *arguments, environment=environment)
        sys.stdout.write(
            f"| {row.image} | {row.references or '-'} | {row.target} | {row.max_decodes} | {row.allocator} "
            f"| {measurement.peak_mb:.0f} | {measurement.seconds:.1f} |\n"
        )
        sys.stdout.flush()
    sys.stdout.write("\nImages of 4K, opened and converted; by how much a process grows\n\n")
    conversions.main()
    sys.stdout.write("\nServers that mean ill; by how much a process grows\n\n")
    hostile_answers.main()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        url, max_decodes, reference_count, format_ = sys.argv[1:]
        report_measurement(lambda: work(url, int(max_decodes), int(reference_count), format_))
    else:
        main()
