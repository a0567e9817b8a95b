"""A queue as gcloud's flags, and as Cloud Tasks describes it."""

from __future__ import annotations

import json
import sys
from typing import Any

from infra.plan.settings import DIFFERS, Settings

Numbers = dict[str, float]
#: How a file, and Cloud Tasks, say that attempts are not counted.
UNLIMITED = -1
#: gcloud's flag, where Cloud Tasks shows it, and the number's name in the queue's file.
NUMBERS = (
    ("max-dispatches-per-second", "rateLimits.maxDispatchesPerSecond", "max_dispatches_per_second"),
    ("max-concurrent-dispatches", "rateLimits.maxConcurrentDispatches", "max_concurrent_dispatches"),
    ("max-attempts", "retryConfig.maxAttempts", "max_attempts"),
    ("min-backoff", "retryConfig.minBackoff", "min_backoff_seconds"),
    ("max-backoff", "retryConfig.maxBackoff", "max_backoff_seconds"),
    ("max-doublings", "retryConfig.maxDoublings", "max_doublings"),
)


def flags(numbers: Numbers) -> list[str]:
    """The flags of `gcloud tasks queues create` and `update`."""
    texts = {name: _text(name, numbers) for _, _, name in NUMBERS}
    if numbers["max_attempts"] == UNLIMITED:
        texts["max_attempts"] = "unlimited"
    return [f"--{flag}={texts[name]}" for flag, _, name in NUMBERS]


def differences(described: dict[str, Any], numbers: Numbers) -> list[str]:
    """What of the queue is not as its file says."""
    found = []
    for _, path, name in NUMBERS:
        group, _, key = path.partition(".")
        there, wanted = str(described.get(group, {}).get(key, 0)), _text(name, numbers)
        if float(there.removesuffix("s")) != float(wanted.removesuffix("s")):
            found.append(f"{name} is {there}, not {wanted}")
    if float(str(described.get("retryConfig", {}).get("maxRetryDuration", "0s")).removesuffix("s")):
        found.append("max_retry_duration is set, so that tasks go on until both limits are met")
    return found


def _text(name: str, numbers: Numbers) -> str:
    return f"{numbers[name]:g}" + ("s" if name.endswith("_seconds") else "")


def main() -> int:
    """`flags QUEUE` prints them; `differs QUEUE` reads a description and exits with 3 when it is not so."""
    numbers = Settings.from_env().numbers(sys.argv[2])
    if sys.argv[1] == "differs":
        return DIFFERS if differences(json.load(sys.stdin), numbers) else 0
    sys.stdout.writelines(f"{flag}\n" for flag in flags(numbers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
