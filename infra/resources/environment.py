"""The environment of each deployed function: all that its record in `imagefactory.settings` asks for.

A field of a record whose name is a setting of infra/settings.env is passed on as it is. A new setting therefore needs
no line here, unless it follows from the deployment.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from imagefactory.settings import FUNCTIONS
from infra.resources.queue import QueueNumbers

if TYPE_CHECKING:
    from infra.settings import Settings

#: What only a local stack sets, and what Cloud Run sets by itself.
NEVER_DEPLOYED = frozenset({"CLOUD_TASKS_EMULATOR_HOST", "SECRET_MANAGER_EMULATOR_HOST", "STORAGE_URL", "K_SERVICE"})


def environment(function: str, settings: Settings) -> dict[str, str]:
    """The environment variables of this function."""
    names = {field.name.upper() for field in fields(FUNCTIONS[function])} - NEVER_DEPLOYED
    values = {**settings.values, **derive(settings)}
    return {name: values[name] for name in sorted(names & values.keys())} | _process(function, settings)


def derive(settings: Settings) -> dict[str, str]:
    """The functions' settings that follow from the deployment."""
    numbers = QueueNumbers.read(settings, "QUEUE")
    return {
        "QUEUE": settings.queue_path("QUEUE"),
        "WATCHDOG_QUEUE": settings.queue_path("WATCHDOG_QUEUE"),
        "DISPATCH_RATE": numbers.text("max_dispatches_per_second"),
        "DISPATCH_DEADLINE_SECONDS": f"{numbers.dispatch_deadline_seconds:g}",
        "GENERATE_URL": settings.generate_url,
        "TASKS_SERVICE_ACCOUNT": settings.account("tasks"),
        "ENCRYPTION_KEY_SECRET": f"projects/{settings['PROJECT_ID']}/secrets/{settings['KEY_SECRET']}",
        # generate is deployed without allUsers, and the table of rights lets only the tasks' service account call it.
        "GENERATE_REQUIRES_IAM": "yes",
        # Public URLs would need a bucket that everyone may read, and the references are in it.
        "RESULT_URLS": "signed",
    }


def _process(function: str, settings: Settings) -> dict[str, str]:
    """What the framework and the C library read, not the function."""
    return {
        # The framework's own default of four threads a CPU would let the other requests queue inside the instance.
        "THREADS": settings.size(function, "CONCURRENCY"),
        # With many threads and big bodies, glibc's arenas would keep most of the memory they once had.
        "MALLOC_ARENA_MAX": "2",
        # Blocks of a large body go back to the system as soon as they are free.
        **({"MALLOC_MMAP_THRESHOLD_": "1000000"} if function == "submit" else {}),
    }
