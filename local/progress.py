"""An execution's progress: on a terminal a bar with counts and time left, elsewhere plain lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

    from imagefactory_client import Execution

STATUS_ORDER = ("completed", "processing", "pending", "failed", "blocked", "cancelled")


class ProgressView:
    """Shows an execution inside a `with` block."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last_line = ""
        self._task: TaskID | None = None
        self._bar = Progress(
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.description}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        """Start the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the bar; its last state stays on the screen."""
        self._bar.stop()

    def show(self, execution: Execution) -> None:
        """Show how an execution stands; print a line only if it differs from the last."""
        line = describe_progress(execution)
        if not self._console.is_terminal:
            if line != self._last_line:
                self._console.print(f"{execution.percent:3d} %  {line}", highlight=False, soft_wrap=True)
            self._last_line = line
            return
        total = execution.counts.total
        if self._task is None:
            self._task = self._bar.add_task("", total=total)
        self._bar.update(self._task, completed=round(execution.percent * total / 100), description=line)


def describe_progress(execution: Execution) -> str:
    """The counts by status and the time left, in words."""
    counts = {status: getattr(execution.counts, status) for status in STATUS_ORDER}
    parts = [f"{count} {status}" for status, count in counts.items() if count]
    if execution.seconds_left and not execution.has_ended:
        parts.append(f"about {format_duration(execution.seconds_left)} left")
    return ", ".join(parts)


def format_duration(seconds: float) -> str:
    """Seconds in words: 9 s, 3 min 20 s or 2 h 46 min."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
