"""The errors of the local stack.

```
StackError             one sentence for people: a busy port, a missing program, an unwritable folder
└─ CrashError          a service ended or never answered; carries its name and its last log lines
```
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StackError(Exception):
    """One sentence for people: what is wrong, and what to do about it."""


class CrashError(StackError):
    """A service ended by itself, or did not answer in time.

    `service` is its name, `tail` its last log lines without line ends, `logs` the folder of all logs, if it was kept.
    """

    logs: Path | None = None

    def __init__(self, service: str, what: str, tail: tuple[str, ...]) -> None:
        super().__init__(f"{service} {what}; everything else was stopped.")
        self.service = service
        self.tail = tail

    def report(self) -> str:
        """The sentence, the service's last log lines, and the folder of all logs."""
        lines = self.tail or ("(it logged nothing)",)
        folder = [f"All logs are in {self.logs}"] if self.logs is not None else []
        return "\n".join(
            [str(self), f"Its last log lines ({self.service}):", *(f"  {line}" for line in lines), *folder]
        )


@contextmanager
def explain_write_errors(what: str, advice: str) -> Iterator[None]:
    """Turn an OSError inside the block into a StackError: `what` cannot be written, and `advice` says what to do."""
    try:
        yield
    except OSError as error:
        raise StackError(f"{what} cannot be written ({error.strerror or error}): {advice}.") from error
