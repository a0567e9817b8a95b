"""Makes sure that nothing of a local stack outlives it, even when `python -m local` is killed with SIGKILL.

The stack starts this process first and writes to its standard input, one line each:

- `group N`: a process group that belongs to the stack
- `ended N`: that group is gone
- `remove PATH`: a file or folder to delete at the end
- `done`: the stack has ended in good order, and deletes its files itself: they may be wanted

The pipe closes when the stack ends, however it ends: then what is left of the groups gets SIGTERM, five seconds later
SIGKILL, and the paths are deleted. Only the standard library, and a group of its own: Ctrl-C does not reach it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

GRACE_SECONDS = 5.0


def is_alive(group: int) -> bool:
    """Whether the process group still has a member."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # The number belongs to somebody else by now.
        return False
    return True


def send(group: int, signal_number: int) -> None:
    """Sends a signal to a process group, which may be gone."""
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):
        return


def end(groups: set[int]) -> None:
    """Ends the groups: SIGTERM, at most five seconds of patience, SIGKILL."""
    for group in groups:
        send(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(map(is_alive, groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in filter(is_alive, groups):
        send(group, signal.SIGKILL)


def remove(path: Path) -> None:
    """Deletes a file or a folder with all it holds; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def main() -> None:
    """Listens until the pipe closes, then clears up."""
    groups: set[int] = set()
    paths: list[Path] = []
    for line in sys.stdin:
        verb, _, value = line.rstrip("\n").partition(" ")
        if verb == "group":
            groups.add(int(value))
        elif verb == "ended":
            groups.discard(int(value))
        elif verb == "remove":
            paths.append(Path(value))
        elif verb == "done":
            paths.clear()
    end(groups)
    for path in paths:
        remove(path)


if __name__ == "__main__":
    main()
