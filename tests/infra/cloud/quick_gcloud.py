"""A `gcloud` that starts quickly, because the real one's modules are imported once for a whole test session."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
START_SECONDS = 30


@contextlib.contextmanager
def quick_gcloud(folder: Path) -> Iterator[Path]:
    """A folder with such a `gcloud`; an empty one, where the SDK is not laid out as usual, leaves the real one."""
    sdk = Path(shutil.which("gcloud") or "").resolve().parents[1]
    python = sdk / "platform/bundledpythonunix/bin/python3"
    bin_, address = folder / "bin", folder / "s"
    bin_.mkdir()
    if not python.exists() or not (sdk / "lib/gcloud.py").exists():
        yield bin_
        return
    server = subprocess.Popen([str(python), "-S", str(HERE / "gcloud_server.py"), str(sdk), str(address)])  # noqa: S603 - gcloud's own
    try:
        _wait_for(address, server)
        words = [sys.executable, "-S", "-E", str(HERE / "gcloud_client.py"), str(address)]
        (bin_ / "gcloud").write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        (bin_ / "gcloud").chmod(0o755)
        yield bin_
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not address.exists():
        assert server.poll() is None, "gcloud's modules could not be imported"
        assert time.monotonic() < deadline, "gcloud's modules take too long to import"
        time.sleep(0.05)
