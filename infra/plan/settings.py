"""A deployment's settings, and the names that follow from them."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("submit", "generate", "status")
#: The prompts' and the watchdogs'; settings begin with these words.
QUEUES = ("QUEUE", "WATCHDOG_QUEUE")
#: The exit code for "what is there differs from what should be".
DIFFERS = 3


@dataclass(frozen=True)
class Settings:
    """The settings of `infra/settings.env`, by name."""

    values: Mapping[str, str]

    @classmethod
    def from_env(cls) -> Settings:
        """The settings that lib.sh exported."""
        return cls(os.environ)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def numbers(self, queue: str) -> dict[str, float]:
        """The numbers of one of the queues, QUEUE or WATCHDOG_QUEUE."""
        found: dict[str, float] = read_json(self[f"{queue}_FILE"])
        return found

    def queue_path(self, queue: str) -> str:
        """The full name of one of the queues, QUEUE or WATCHDOG_QUEUE."""
        return f"projects/{self['PROJECT_ID']}/locations/{self['REGION']}/queues/{self[f'{queue}_NAME']}"

    @property
    def database_path(self) -> str:
        """The database's full name."""
        return f"projects/{self['PROJECT_ID']}/databases/{self['DATABASE']}"

    @property
    def origins(self) -> list[str]:
        """The web origins whose pages may call."""
        return [origin.strip() for origin in self["CORS_ORIGINS"].split(",") if origin.strip()]

    @property
    def generate_url(self) -> str:
        """The address of generate that is known before it exists: by the service's name and the project's number."""
        return f"https://{self['DEPLOYMENT']}-generate-{self['PROJECT_NUMBER']}.{self['REGION']}.run.app"

    def account(self, name: str) -> str:
        """The service account of this part of the deployment."""
        return f"{self['DEPLOYMENT']}-{name}@{self['PROJECT_ID']}.iam.gserviceaccount.com"

    def size(self, function: str) -> dict[str, str]:
        """Concurrency, instances, CPU, memory and timeout of a function, as the settings have them."""
        prefix = "GENERATE" if function == "generate" else "API"
        names = ("CONCURRENCY", "MAX_INSTANCES", "MIN_INSTANCES", "CPU", "MEMORY")
        timeout = self["FUNCTION_TIMEOUT_SECONDS" if function == "generate" else "API_TIMEOUT_SECONDS"]
        return {name: self[f"{prefix}_{name}"] for name in names} | {"TIMEOUT": timeout}


def read_json(path: str | Path) -> Any:
    """A JSON file; a relative path begins at the repository's root."""
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def filled(template: str, settings: Mapping[str, str]) -> str:
    """The template with `${NAME}` replaced by settings."""
    return re.sub(r"\$\{([A-Z_]+)\}", lambda found: settings.get(found[1], ""), template)
