"""What can keep the local stack from running.

```
StackError             one sentence for people: a busy port, a missing program, a folder that cannot be written
└─ CrashError          one part ended or never answered; carries its name and its last log lines
```
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StackError(Exception):
    """One sentence for people that says what is wrong and what to do about it."""


class CrashError(StackError):
    """A part of the stack ended by itself, or did not answer in time.

    `part` is its name, `tail` its last log lines without line ends, `logs` the folder that was kept for people.
    """

    logs: Path | None = None

    def __init__(self, part: str, what: str, tail: tuple[str, ...]) -> None:
        super().__init__(f"{part} {what}; everything else was stopped.")
        self.part = part
        self.tail = tail

    def report(self) -> str:
        """The sentence, followed by the part's last log lines."""
        lines = self.tail or ("(it logged nothing)",)
        kept = [f"All logs are in {self.logs}"] if self.logs is not None else []
        return "\n".join([str(self), f"Its last log lines ({self.part}):", *(f"  {line}" for line in lines), *kept])


@contextmanager
def writing(what: str, advice: str) -> Iterator[None]:
    """Raises StackError, which says what to do about it, where `what` cannot be written inside the block."""
    try:
        yield
    except OSError as error:
        raise StackError(f"{what} cannot be written ({error.strerror or error}): {advice}.") from error
