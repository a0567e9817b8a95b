"""The reaper: ends what is left of a local stack, even after SIGKILL of `python -m local`.

The stack starts this process first and writes lines to its standard input:

- `group N`: a process group of the stack
- `ended N`: that group is gone
- `remove PATH`: a file or folder to delete at the end
- `done`: the stack has ended in good order and deletes its files itself, unless they are wanted

The pipe closes when the stack ends in any way. Then the remaining groups get SIGTERM, five seconds later SIGKILL, and
the paths are deleted. The reaper has a process group of its own, so Ctrl-C does not reach it. It imports only the
standard library.
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
        # The number now belongs to a process of somebody else.
        return False
    return True


def send_signal(group: int, signal_number: int) -> None:
    """Send a signal to a process group, if it still exists."""
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):
        return


def end_groups(groups: set[int]) -> None:
    """End the groups: SIGTERM, and SIGKILL after at most five seconds."""
    for group in groups:
        send_signal(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(map(is_alive, groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in filter(is_alive, groups):
        send_signal(group, signal.SIGKILL)


def remove(path: Path) -> None:
    """Delete a file, or a folder with its content; a missing path is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def main() -> None:
    """Read commands until the pipe closes, then end the groups and delete the paths."""
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
    end_groups(groups)
    for path in paths:
        remove(path)


if __name__ == "__main__":
    main()
