"""`python -m tools.install`: install the lock into `.venv`, unless it is up to date.

```
no .venv, or an incomplete one ──► a new one: venv, then uv by pip, then all else by uv
.venv of another Python        ──► a new one
.venv of another lock          ──► uv installs what is missing, and removes what is not in the lock
```

pip and uv verify the hashes of the lock. `.venv/installed` is written last: without it `.venv` is incomplete. This
module imports only the standard library, since nothing is installed yet.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]


class SetupError(Exception):
    """One sentence for people: why the installation failed, and what to do about it."""


def install(root: Path) -> None:
    """Bring `root/.venv` up to date; raises SetupError."""
    venv = root / ".venv"
    if is_current(root):
        return
    with hold_lock(root):
        # Another make may have installed it meanwhile.
        if is_current(root):
            return
        if not has_same_python(venv):
            create_venv(venv)
        marker = venv / "installed"
        digest = lock_digest(root)
        marker.unlink(missing_ok=True)
        python = venv / "bin" / "python"
        run(
            *(str(python), "-m", "tools.run_uv", "pip", "sync", "--quiet", "--python", str(python)),
            *("--require-hashes", "--compile-bytecode", "requirements-dev.txt"),
            folder=root,
        )
        marker.write_text(f"{describe_python()}\n{digest}\n")


def is_current(root: Path) -> bool:
    """Whether `.venv` is complete, of this Python and of this lock."""
    return has_same_python(root / ".venv") and read_marker(root / ".venv")[1:] == [lock_digest(root)]


def has_same_python(venv: Path) -> bool:
    """Whether `.venv` was complete once, and of this Python."""
    return read_marker(venv)[:1] == [describe_python()]


def read_marker(venv: Path) -> list[str]:
    """The lines of the marker: `.venv`'s Python and the digest of its lock; empty for an incomplete `.venv`."""
    if not (venv / "bin" / "python").exists():
        return []
    try:
        return (venv / "installed").read_text().splitlines()
    except OSError:
        return []


def describe_python() -> str:
    """The running Python: its version and its folder."""
    return f"{platform.python_version()} {sys.base_prefix}"


def lock_digest(root: Path) -> str:
    """The SHA-256 of the lock in hex."""
    return hashlib.sha256((root / "requirements-dev.txt").read_bytes()).hexdigest()


@contextlib.contextmanager
def hold_lock(root: Path) -> Iterator[None]:
    """Hold the lock file of this checkout: one make at a time installs. Raises SetupError."""
    path = root / ".cache" / "setup.lock"
    try:
        path.parent.mkdir(exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise SetupError(
            f"Nothing can be installed, since {root} cannot be written ({error.strerror}): give yourself the right to,"
            " or clone into a folder of yours."
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def create_venv(venv: Path) -> None:
    """Make a new `.venv` with pip and uv; raises SetupError."""
    try:
        for name in ("venv", "ensurepip"):
            importlib.import_module(name)
    except ImportError as error:
        raise SetupError(
            f"The Python at {sys.executable} has no module {error.name}: install it"
            f" (on Debian and Ubuntu: apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv)."
        ) from error
    if venv.is_symlink() or not venv.is_dir():
        # The target of a link belongs to another checkout.
        venv.unlink(missing_ok=True)
    root = venv.parent
    run(sys.executable, "-m", "venv", "--clear", ".venv", folder=root)
    run(
        *(str(venv / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"),
        *("--require-hashes", "-r", "requirements-uv.txt"),
        folder=root,
    )


def run(*command: str, folder: Path) -> None:
    """Run a program, which prints its own errors; raises SetupError if it does not end with code 0."""
    completed = subprocess.run(command, cwd=folder, check=False)  # noqa: S603 - ours
    if completed.returncode != 0:
        raise SetupError(f"Nothing is installed: `{' '.join(command)}` ended with code {completed.returncode}.")


def main() -> int:
    """Install; return 0, or 1 after a sentence on stderr."""
    try:
        install(ROOT)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(f"Nothing is installed: {error}.\n")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
