"""What can be known to be wrong with the settings before anything is called.

The functions check their own settings (`imagefactory.settings`). Here are the limits of Cloud Run, Cloud Tasks, Cloud
Storage and IAM, and how the parts fit together.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from imagefactory.settings import FUNCTIONS, BadSettings, GenerateSettings
from infra.resources.environment import environment
from infra.resources.queue import QueueNumbers
from infra.settings import QUEUES, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Settings

#: Seconds: the longest request of a function, and the longest life of a URL that is signed with Google's own key.
MAX_TIMEOUT, MAX_SIGNED_URL = 3600, 43_200
MAX_CONCURRENCY, MAX_DISPATCHES, MAX_RATE = 1000, 5000, 500
#: Numbers that Google takes whole.
WHOLE = (
    *("GENERATE_CONCURRENCY", "GENERATE_MAX_INSTANCES", "GENERATE_MIN_INSTANCES", "FUNCTION_TIMEOUT_SECONDS"),
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
#: The functions' names for numbers of a queue, and where a deployment states them.
STATED_AS = {
    "DISPATCH_RATE": "max_dispatches_per_second of QUEUE_FILE",
    "DISPATCH_DEADLINE_SECONDS": "dispatch_deadline_seconds of QUEUE_FILE",
}


def faults(settings: Settings) -> list[str]:
    """Everything that is wrong with these settings, a sentence each."""
    wrong = [*_names(settings), *_numbers(settings)]
    # What follows reads the files, and the last part computes with the numbers.
    wrong += [*_files(settings)] or [*_functions(settings)]
    return wrong or [*_sizes(settings), *_queues(settings), *_slowest_model(settings)]


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


def _files(settings: Settings) -> Iterator[str]:
    for name in (*(f"{queue}_FILE" for queue in QUEUES), "WORKFLOW_FILE"):
        try:
            read_json(settings[name])
        except (OSError, json.JSONDecodeError):
            yield f"{name} is {settings[name]!r}, which is no JSON file."
        else:
            yield from _other_numbers(settings, name)


def _other_numbers(settings: Settings, name: str) -> Iterator[str]:
    if name == "WORKFLOW_FILE":
        return
    try:
        QueueNumbers.read(settings, name.removesuffix("_FILE"))
    except TypeError as error:
        expected = ", ".join(QueueNumbers.__dataclass_fields__)
        yield f"{name} is {settings[name]!r}, whose numbers are not {expected} ({error})."


def _functions(settings: Settings) -> list[str]:
    """What the functions would refuse to start with, each fault once."""
    # Cloud Run sets K_SERVICE. A project's name is checked above; here it only has to be there.
    given = {"K_SERVICE": "deployed", "PROJECT_ID": settings["PROJECT_ID"] or "missing"}
    wrong: dict[str, None] = {}
    for function, record in FUNCTIONS.items():
        try:
            record.from_env(environment(function, settings) | given)
        except BadSettings as error:
            wrong |= dict.fromkeys(str(error).split("; "))
    return [re.sub(r"\w+", lambda word: STATED_AS.get(word[0], word[0]), f"{fault}.") for fault in wrong]


def _sizes(settings: Settings) -> Iterator[str]:
    for prefix in ("GENERATE", "API"):
        concurrency, cpu = int(settings[f"{prefix}_CONCURRENCY"]), float(settings[f"{prefix}_CPU"])
        if concurrency > 1 > cpu:
            yield f"{prefix}_CPU must be at least 1 when {prefix}_CONCURRENCY is above 1."
        if concurrency > MAX_CONCURRENCY:
            yield f"{prefix}_CONCURRENCY must be at most {MAX_CONCURRENCY}."
        if int(settings[f"{prefix}_MIN_INSTANCES"]) > int(settings[f"{prefix}_MAX_INSTANCES"]):
            yield f"{prefix}_MIN_INSTANCES must be at most {prefix}_MAX_INSTANCES."
    if int(settings["API_TIMEOUT_SECONDS"]) > MAX_TIMEOUT:
        yield f"API_TIMEOUT_SECONDS must be at most {MAX_TIMEOUT}."
    if int(settings["SIGNED_URL_SECONDS"]) > MAX_SIGNED_URL:
        yield f"SIGNED_URL_SECONDS must be at most {MAX_SIGNED_URL}."


def _queues(settings: Settings) -> Iterator[str]:
    numbers = {queue: QueueNumbers.read(settings, queue) for queue in QUEUES}
    for queue, its in numbers.items():
        if not 0 < its.max_dispatches_per_second <= MAX_RATE:
            yield f"max_dispatches_per_second of {queue}_FILE must be above 0 and at most {MAX_RATE}."
        if not 1 <= its.max_concurrent_dispatches <= MAX_DISPATCHES:
            yield f"max_concurrent_dispatches of {queue}_FILE must be from 1 to {MAX_DISPATCHES}."
    if settings["QUEUE_NAME"] == settings["WATCHDOG_QUEUE_NAME"]:
        yield "QUEUE_NAME and WATCHDOG_QUEUE_NAME must be two queues: purging the one must spare the other."
    room = int(settings["GENERATE_CONCURRENCY"]) * int(settings["GENERATE_MAX_INSTANCES"])
    dispatched = sum(its.max_concurrent_dispatches for its in numbers.values())
    if room < dispatched:
        yield (
            f"generate has room for {room} calls (GENERATE_CONCURRENCY x GENERATE_MAX_INSTANCES), but the queues "
            f"dispatch up to {dispatched:g} at once."
        )


def _slowest_model(settings: Settings) -> Iterator[str]:
    """The functions would cut a model's timeout to the longest that fits; a deployment says so instead."""
    longest = GenerateSettings.from_env(environment("generate", settings)).retry_policy.longest_base
    for model, row in read_json(settings["WORKFLOW_FILE"])["models"].items():
        for size, seconds in (row.get("timeout_seconds") or {}).items():
            if seconds > longest:
                yield (
                    f"WORKFLOW_FILE gives {model} {seconds:g} s for {size}, but with FUNCTION_TIMEOUT_SECONDS a first "
                    f"attempt has at most {longest:g} s."
                )
