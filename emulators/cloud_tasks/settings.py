"""What the emulator can be told at its start."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The choices of one run; times in seconds of the emulated clock.

    `task_name_reuse` and `queue_name_reuse` are how long a name stays taken after its task or queue is gone.
    `shuffle` delivers due tasks in random order. `throttle` slows a queue down when its targets answer 429 or 503.
    `app_engine_url` is where App Engine tasks go; without it their attempts fail.
    """

    task_name_reuse: float = DAY_S
    queue_name_reuse: float = 3 * DAY_S
    shuffle: bool = False
    throttle: bool = False
    app_engine_url: str = ""
