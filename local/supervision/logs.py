"""The logs of the services: each has a file, its last lines in memory, and optionally the terminal."""

from __future__ import annotations

import sys
from collections import deque
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

TAIL_LINES = 20

# ANSI colours that read well on light and dark: the bright and the plain ones without black, white and red.
COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)


class Log:
    """The log of one service: the file `FOLDER/NAME.log`, and the lines with the name before them on `terminal`."""

    def __init__(self, folder: Path, name: str, terminal: Terminal | None) -> None:
        self.name = name
        self.path = folder / f"{name}.log"
        self._file: IO[bytes] | None = self.path.open("wb", buffering=0)
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._terminal = terminal

    def write(self, line: bytes) -> None:
        """Write one line, with or without its line end."""
        self._show(line.decode(errors="replace").rstrip())
        if self._file is None:
            return
        try:
            # Unbuffered: whoever reads the file while the stack runs sees every line.
            self._file.write(line.rstrip(b"\r\n") + b"\n")
        except OSError as error:
            # A full disk. Go on reading the lines: otherwise the service would block for ever.
            self.close()
            self._file = None
            self._show(f"(from here on nothing is kept, since {self.path} cannot be written: {error.strerror})")

    def _show(self, text: str) -> None:
        self._tail.append(text)
        if self._terminal is not None:
            self._terminal.write(self.name, text)

    def tail(self) -> tuple[str, ...]:
        """The last lines, oldest first."""
        return tuple(self._tail)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class Terminal:
    """Prints lines of many services, each after the service's name; in colour if the stream is a terminal."""

    def __init__(self, stream: IO[str], *, width: int) -> None:
        self._stream: IO[str] | None = stream
        self._coloured = stream.isatty()
        self._width = width
        self._colours: dict[str, int] = {}

    @classmethod
    def standard(cls, *, width: int) -> Self:
        """The standard output; names are padded to `width` characters."""
        return cls(sys.stdout, width=width)

    def write(self, name: str, text: str) -> None:
        """Print one line; ignore a closed stream."""
        if self._stream is None:
            return
        try:
            self._stream.write(f"{self._prefix(name)} {text}\n")
            self._stream.flush()
        except OSError:
            # `python -m local | head`: the stack goes on without a terminal.
            self._stream = None

    def _prefix(self, name: str) -> str:
        padded = f"{name:<{self._width}} |"
        if not self._coloured:
            return padded
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        return f"\x1b[{colour}m{padded}\x1b[0m"
