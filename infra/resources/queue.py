"""A queue: its numbers, as a file states them, as gcloud's flags, and as Cloud Tasks describes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from infra.settings import read_json

if TYPE_CHECKING:
    from infra.settings import Settings

#: How a file, and Cloud Tasks, say that attempts are not counted.
UNLIMITED = -1
#: gcloud's flag, where Cloud Tasks shows it, and the number's name in the queue's file.
FLAGS = (
    ("max-dispatches-per-second", "rateLimits.maxDispatchesPerSecond", "max_dispatches_per_second"),
    ("max-concurrent-dispatches", "rateLimits.maxConcurrentDispatches", "max_concurrent_dispatches"),
    ("max-attempts", "retryConfig.maxAttempts", "max_attempts"),
    ("min-backoff", "retryConfig.minBackoff", "min_backoff_seconds"),
    ("max-backoff", "retryConfig.maxBackoff", "max_backoff_seconds"),
    ("max-doublings", "retryConfig.maxDoublings", "max_doublings"),
)


@dataclass(frozen=True, kw_only=True)
class QueueNumbers:
    """The numbers of a queue's file; `dispatch_deadline_seconds` is each task's own, the queue knows none."""

    max_dispatches_per_second: float
    max_concurrent_dispatches: float
    max_attempts: float
    min_backoff_seconds: float
    max_backoff_seconds: float
    max_doublings: float
    dispatch_deadline_seconds: float

    @classmethod
    def read(cls, settings: Settings, queue: str) -> Self:
        """The numbers of QUEUE or WATCHDOG_QUEUE.

        Raises:
            OSError, ValueError: its file is no JSON.
            TypeError: the file has other names than the fields of this class.
        """
        return cls(**read_json(settings[f"{queue}_FILE"]))

    def text(self, name: str) -> str:
        """A number as gcloud takes it."""
        return f"{asdict(self)[name]:g}" + ("s" if name.endswith("_seconds") else "")


def flags(numbers: QueueNumbers) -> list[str]:
    """The flags of `gcloud tasks queues create` and `update`.

    There is no --max-retry-duration: with one, Cloud Tasks would go on until both limits are met.
    """
    texts = {name: numbers.text(name) for _, _, name in FLAGS}
    if numbers.max_attempts == UNLIMITED:
        texts["max_attempts"] = "unlimited"
    return [f"--{flag}={texts[name]}" for flag, _, name in FLAGS]


def differences(actual: dict[str, Any], numbers: QueueNumbers) -> list[str]:
    """What of the queue is not as its file says."""
    faults = []
    for _, path, name in FLAGS:
        group, _, key = path.partition(".")
        is_, desired = str(actual.get(group, {}).get(key, 0)), numbers.text(name)
        if _number(is_) != _number(desired):
            faults.append(f"{name} is {is_}, not {desired}")
    if _number(str(actual.get("retryConfig", {}).get("maxRetryDuration", "0s"))):
        faults.append("max_retry_duration is set, so that tasks go on until both limits are met")
    return faults


def _number(text: str) -> float:
    return float(text.removesuffix("s"))
