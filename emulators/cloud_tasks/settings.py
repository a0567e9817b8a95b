"""The settings of one run of the emulator."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one run; times in seconds of the emulated clock.

    A name stays reserved for `task_name_reuse` or `queue_name_reuse` after its task or queue is gone. `shuffle`
    delivers due tasks in random order. `throttle` slows a queue down when its targets answer 429 or 503. App Engine
    tasks go to `app_engine_url`; without it their attempts fail.
    """

    task_name_reuse: float = DAY_S
    queue_name_reuse: float = 3 * DAY_S
    shuffle: bool = False
    throttle: bool = False
    app_engine_url: str = ""
