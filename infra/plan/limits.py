"""What can be known to be wrong with the settings before anything is called.

The limits are those of Cloud Run, Cloud Tasks, Cloud Storage and IAM, and those by which the parts fit together.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

from infra.plan.settings import QUEUES, Settings, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds by which the third attempt's timeout is longer than the first's.
THIRD_ATTEMPT = 60
#: The longest dispatch deadline of Cloud Tasks, request of a function, and life of a URL signed with Google's own key.
MAX_DISPATCH_DEADLINE, MAX_TIMEOUT, MAX_SIGNED_URL = 1800, 3600, 43_200
MIN_SIGNED_URL = 60
MAX_CONCURRENCY, MAX_DISPATCHES, MAX_RATE = 1000, 5000, 500
WHOLE = (
    *("RETENTION_DAYS", "SIGNED_URL_SECONDS", "MODEL_TIMEOUT_SECONDS", "OVERHEAD_SECONDS"),
    *("FUNCTION_TIMEOUT_SECONDS", "WATCHDOG_SECONDS", "GATE", "MAX_EXECUTIONS_PER_USER", "MAX_PROMPTS_PER_USER"),
    *("GENERATE_CONCURRENCY", "GENERATE_MAX_INSTANCES", "GENERATE_MIN_INSTANCES"),
    *("API_CONCURRENCY", "API_MAX_INSTANCES", "API_MIN_INSTANCES", "API_TIMEOUT_SECONDS"),
)
MAY_BE_ZERO = ("GENERATE_MIN_INSTANCES", "API_MIN_INSTANCES")
CHOICES = {
    "LOG_LEVEL": ("debug", "info", "warning", "error"),
    "HOSTING": ("", "firebase"),
    "WORKFLOW_EDITED": ("keep", "replace"),
}
NAMES = {
    "PROJECT_ID": r"[a-z][a-z0-9-]{4,28}[a-z0-9]",
    # Service accounts have at most 30 characters, and the longest ends in -generate.
    "DEPLOYMENT": r"[a-z][a-z0-9-]{2,19}[a-z0-9]",
    "REGION": r"[a-z]+-[a-z]+[0-9]+",
    "BUCKET": r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "DATABASE": r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]",
    "QUEUE_NAME": r"[A-Za-z0-9-]{1,500}",
    "WATCHDOG_QUEUE_NAME": r"[A-Za-z0-9-]{1,500}",
    "KEY_SECRET": r"[A-Za-z0-9_-]{1,255}",
}


def faults(settings: Settings) -> list[str]:
    """Everything that is wrong with these settings, one sentence each."""
    found = [*_names(settings), *_numbers(settings), *_users(settings)]
    # The rest computes with the numbers, and so needs them to be numbers.
    return found or [*_deadlines(settings), *_capacity(settings), *_queue(settings), *_urls(settings)]


def _names(settings: Settings) -> Iterator[str]:
    for name, pattern in NAMES.items():
        if not settings[name]:
            yield f"{name} is not set."
        elif not re.fullmatch(pattern, settings[name]):
            yield f"{name} is {settings[name]!r}, which is no such name."
    for name, choices in CHOICES.items():
        if settings[name] not in choices:
            yield f"{name} is {settings[name]!r}; choose one of {', '.join(map(repr, choices))}."


def _numbers(settings: Settings) -> Iterator[str]:
    for name in WHOLE:
        text = settings[name]
        if not text.isascii() or not text.isdigit() or (int(text) == 0 and name not in MAY_BE_ZERO):
            yield f"{name} is {text!r}; it must be a whole number above 0."
    for name in ("GENERATE_CPU", "API_CPU"):
        if not re.fullmatch(r"\d+(\.\d+)?|\.\d+", settings[name]):
            yield f"{name} is {settings[name]!r}; it must be a number of CPUs."
    for name in ("QUEUE_FILE", "WATCHDOG_QUEUE_FILE", "WORKFLOW_FILE"):
        try:
            read_json(settings[name])
        except (OSError, json.JSONDecodeError):
            yield f"{name} is {settings[name]!r}, which is no JSON file."


def _users(settings: Settings) -> Iterator[str]:
    for origin in settings.origins:
        # As browsers send it: in small letters.
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d{1,5})?", origin):
            yield f"CORS_ORIGINS has {origin!r}; an origin is https://HOST, without a path, and * is none."
    moment = settings["ID_TOKENS_NOT_BEFORE"]
    if moment and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", moment):
        yield f"ID_TOKENS_NOT_BEFORE is {moment!r}; it must be a timestamp such as 2026-11-22T15:04:05Z."


def _deadlines(settings: Settings) -> Iterator[str]:
    """Model call < attempt < function < dispatch deadline, for the slowest row of the workflow too."""
    rows = read_json(settings["WORKFLOW_FILE"])["models"]
    slowest = max([int(settings["MODEL_TIMEOUT_SECONDS"]), *(s for row in rows.values() for s in _timeouts(row))])
    attempt = slowest + THIRD_ATTEMPT + int(settings["OVERHEAD_SECONDS"])
    function, dispatch = (
        int(settings["FUNCTION_TIMEOUT_SECONDS"]),
        settings.numbers("QUEUE")["dispatch_deadline_seconds"],
    )
    if not attempt <= function < dispatch <= MAX_DISPATCH_DEADLINE:
        yield (
            f"Deadlines must nest: the longest attempt ({attempt:g} s) within FUNCTION_TIMEOUT_SECONDS ({function} s) "
            f"within dispatch_deadline_seconds of QUEUE_FILE ({dispatch:g} s) within {MAX_DISPATCH_DEADLINE} s."
        )
    if int(settings["API_TIMEOUT_SECONDS"]) > MAX_TIMEOUT:
        yield f"API_TIMEOUT_SECONDS must be at most {MAX_TIMEOUT}."


def _timeouts(row: dict[str, dict[str, float]]) -> list[float]:
    return list((row.get("timeout_seconds") or {}).values())


def _capacity(settings: Settings) -> Iterator[str]:
    for prefix in ("GENERATE", "API"):
        concurrency, cpu = int(settings[f"{prefix}_CONCURRENCY"]), float(settings[f"{prefix}_CPU"])
        if concurrency > 1 > cpu:
            yield f"{prefix}_CPU must be at least 1 when {prefix}_CONCURRENCY is above 1."
        if concurrency > MAX_CONCURRENCY:
            yield f"{prefix}_CONCURRENCY must be at most {MAX_CONCURRENCY}."
        if int(settings[f"{prefix}_MIN_INSTANCES"]) > int(settings[f"{prefix}_MAX_INSTANCES"]):
            yield f"{prefix}_MIN_INSTANCES must be at most {prefix}_MAX_INSTANCES."
    room = int(settings["GENERATE_CONCURRENCY"]) * int(settings["GENERATE_MAX_INSTANCES"])
    dispatched = sum(settings.numbers(queue)["max_concurrent_dispatches"] for queue in QUEUES)
    if room < dispatched:
        yield (
            f"generate has room for {room} calls (GENERATE_CONCURRENCY x GENERATE_MAX_INSTANCES), but the queues "
            f"dispatch up to {dispatched:g} at once."
        )


def _queue(settings: Settings) -> Iterator[str]:
    for queue in QUEUES:
        numbers = settings.numbers(queue)
        if not 0 < numbers["max_dispatches_per_second"] <= MAX_RATE:
            yield f"max_dispatches_per_second of {queue}_FILE must be above 0 and at most {MAX_RATE}."
        if not 1 <= numbers["max_concurrent_dispatches"] <= MAX_DISPATCHES:
            yield f"max_concurrent_dispatches of {queue}_FILE must be from 1 to {MAX_DISPATCHES}."
    if settings["QUEUE_NAME"] == settings["WATCHDOG_QUEUE_NAME"]:
        yield "QUEUE_NAME and WATCHDOG_QUEUE_NAME must be two queues: purging the one must spare the other."


def _urls(settings: Settings) -> Iterator[str]:
    if not MIN_SIGNED_URL <= int(settings["SIGNED_URL_SECONDS"]) <= MAX_SIGNED_URL:
        yield f"SIGNED_URL_SECONDS must be from {MIN_SIGNED_URL} to {MAX_SIGNED_URL}."


def main() -> int:
    """Print the faults; the exit code says whether there are any."""
    found = faults(Settings.from_env())
    sys.stderr.writelines(f"{fault}\n" for fault in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
