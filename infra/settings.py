"""A deployment's settings, and the names that follow from them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefactory.settings import rename_settings
from infra.console import warn
from infra.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "infra/settings.env"
#: The prompts' and the watchdogs'; settings begin with these words.
QUEUES = ("QUEUE", "WATCHDOG_QUEUE")
_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")
_REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


@dataclass(frozen=True)
class Settings:
    """The settings of infra/settings.env, by name; what is not set is empty."""

    values: Mapping[str, str]

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """The settings of this environment, then of the file that its SETTINGS names, then of infra/settings.env.

        Raises:
            Stop: there is no such file.
        """
        values: dict[str, str] = {}
        environ = rename_settings(environ, _warn)
        for file in filter(None, [environ.get("SETTINGS", ""), str(FILE)]):
            for name, text in rename_settings(dict(_read_lines(Path(file))), _warn).items():
                known = {**environ, **values}
                values.setdefault(name, known[name] if name in known else fill(text, known))
        return cls(values)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def with_project_number(self, number: str) -> Settings:
        """The same settings, with the number that Google gave to the project."""
        return replace(self, values={**self.values, "PROJECT_NUMBER": number})

    def queue_path(self, queue: str) -> str:
        """The full name of one of the queues, QUEUE or WATCHDOG_QUEUE."""
        return f"projects/{self['PROJECT_ID']}/locations/{self['REGION']}/queues/{self[f'{queue}_NAME']}"

    @property
    def database_path(self) -> str:
        """The database's full name."""
        return f"projects/{self['PROJECT_ID']}/databases/{self['DATABASE']}"

    @property
    def bucket_url(self) -> str:
        """The bucket, as gcloud names it."""
        return f"gs://{self['BUCKET']}"

    @property
    def origins(self) -> list[str]:
        """The web origins whose pages may call."""
        return [origin.strip() for origin in self["CORS_ORIGINS"].split(",") if origin.strip()]

    @property
    def generate_url(self) -> str:
        """The address of generate that is known before it exists: by the service's name and the project's number."""
        return f"https://{self.function('generate')}-{self['PROJECT_NUMBER']}.{self['REGION']}.run.app"

    def function(self, name: str) -> str:
        """The name under which this function is deployed."""
        return f"{self['DEPLOYMENT']}-{name}"

    def account(self, name: str) -> str:
        """The service account of this part of the deployment."""
        return f"{self['DEPLOYMENT']}-{name}@{self['PROJECT_ID']}.iam.gserviceaccount.com"

    def size(self, function: str, name: str) -> str:
        """CONCURRENCY, MAX_INSTANCES, MIN_INSTANCES, CPU or MEMORY of a function; submit and status have the same."""
        return self[f"{'GENERATE' if function == 'generate' else 'API'}_{name}"]

    def timeout(self, function: str) -> str:
        """Seconds that one call of a function may take."""
        return self["FUNCTION_TIMEOUT_SECONDS" if function == "generate" else "API_TIMEOUT_SECONDS"]


def read_json(path: str | Path) -> Any:
    """A JSON file; a relative path begins at the repository's root."""
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with each `${NAME}` replaced by a value; nothing else is evaluated."""
    return _REFERENCE.sub(lambda match: values.get(match[1], ""), template)


def _warn(old: str, new: str) -> None:
    warn(f"{old} is now called {new}; the old name is read for one more release.")


def _read_lines(path: Path) -> Iterator[tuple[str, str]]:
    if not path.is_file():
        raise Stop(f"there is no settings file {path}.")
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := _LINE.fullmatch(line):
            yield match[1], match[2]
