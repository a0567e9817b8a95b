"""`python -m tools.install`: makes `.venv` what the lock says, and does nothing where it is that already.

```
no .venv, or one whose making was interrupted ──► a new one: venv, then uv by pip, then all else by uv
.venv of another Python than asked for        ──► the same
.venv of another lock                         ──► uv installs what is missing, and removes what is too much
```

Everything is checked against the hashes of the lock. `.venv/installed` is written last: without it, nothing counts.
Only the standard library, since nothing is installed yet.
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
    """One sentence for people: why nothing can be installed, and what to do about it."""


def install(root: Path) -> None:
    """Brings `root/.venv` up to date; raises SetupError, also for a program that failed after saying why."""
    venv = root / ".venv"
    if is_current(root):
        return
    with locked(root):
        # Another make may have been quicker.
        if is_current(root):
            return
        if not same_python(venv):
            create(venv)
        marker = venv / "installed"
        digest = digest_of(root)
        marker.unlink(missing_ok=True)
        python = venv / "bin" / "python"
        run(
            *(str(python), "-m", "tools.run_uv", "pip", "sync", "--quiet", "--python", str(python)),
            *("--require-hashes", "--compile-bytecode", "requirements-dev.txt"),
            folder=root,
        )
        marker.write_text(f"{this_python()}\n{digest}\n")


def is_current(root: Path) -> bool:
    """Whether `.venv` was made by this Python from this lock, to the end."""
    return same_python(root / ".venv") and read_marker(root / ".venv")[1:] == [digest_of(root)]


def same_python(venv: Path) -> bool:
    """Whether `.venv` was once made to the end by this Python, or by the one it has itself if that is this one."""
    return read_marker(venv)[:1] == [this_python()]


def read_marker(venv: Path) -> list[str]:
    """The Python and the digest of the lock that `.venv` was made of; empty for half of one, or one without Python."""
    if not (venv / "bin" / "python").exists():
        return []
    try:
        return (venv / "installed").read_text().splitlines()
    except OSError:
        return []


def this_python() -> str:
    """Which Python runs this: its version, and where it is installed."""
    return f"{platform.python_version()} {sys.base_prefix}"


def digest_of(root: Path) -> str:
    """The digest of the lock."""
    return hashlib.sha256((root / "requirements-dev.txt").read_bytes()).hexdigest()


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Holds the lock of this checkout: one make at a time installs."""
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


def create(venv: Path) -> None:
    """Makes `.venv` anew, with pip and uv in it; raises SetupError where this Python cannot."""
    try:
        for name in ("venv", "ensurepip"):
            importlib.import_module(name)
    except ImportError as error:
        raise SetupError(
            f"The Python at {sys.executable} has no module {error.name}: install it"
            f" (on Debian and Ubuntu: apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv)."
        ) from error
    if venv.is_symlink() or not venv.is_dir():
        # What a link leads to belongs to somebody else.
        venv.unlink(missing_ok=True)
    root = venv.parent
    run(sys.executable, "-m", "venv", "--clear", ".venv", folder=root)
    run(
        *(str(venv / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"),
        *("--require-hashes", "-r", "requirements-uv.txt"),
        folder=root,
    )


def run(*command: str, folder: Path) -> None:
    """Runs a program, which says itself what is wrong; raises SetupError when it ends with another code than 0."""
    ended = subprocess.run(command, cwd=folder, check=False)  # noqa: S603 - ours
    if ended.returncode != 0:
        raise SetupError(f"Nothing is installed: `{' '.join(command)}` ended with code {ended.returncode}.")


def main() -> int:
    """The exit code."""
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
