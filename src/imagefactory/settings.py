"""The functions' settings: the only reader of the environment.

Each function reads its own record at import, so a revision that lacks a setting, or has a wrong one, refuses to start
and says everything that is wrong with it at once.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Self, get_type_hints

from imagefactory import log
from imagefactory.domain.limits import Limits
from imagefactory.domain.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The longest dispatch deadline that Cloud Tasks takes, in seconds.
MAX_DISPATCH_DEADLINE = 1800.0
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
#: For a stack on one machine: an origin by address, or whatever its port.
_ANY_PORT_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\]):(\*|\d{1,5})")


#: Settings of this release by their names in the release before, which are read once more.
OLD_NAMES = {
    "MAX_CONCURRENT_DECODES": "GATE",
    "ATTEMPT_OVERHEAD_SECONDS": "OVERHEAD_SECONDS",
    "WATCHDOG_INTERVAL_SECONDS": "WATCHDOG_SECONDS",
    "GENERATE_REQUIRES_IAM": "IAM_GUARDS_GENERATE",
}


class BadSettings(Exception):
    """The environment does not configure this function; the message lists every error."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every function needs. A field's environment variable is its name in capitals.

    `dispatch_rate` is the queue's, in tasks a second; `retention_days` is how long results are kept; `log_level` is
    debug, info, warning or error; `k_service` is set by Cloud Run.
    """

    project_id: str
    bucket: str
    dispatch_rate: float
    database: str = "(default)"
    log_level: str = "info"
    retention_days: int = 30
    k_service: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read this function's settings.

        Raises:
            BadSettings: with every variable that is missing or wrong.
        """
        values: dict[str, object] = {}
        errors: list[str] = []
        types = get_type_hints(cls)
        source = rename_settings(os.environ if env is None else env, _log_old_name)
        for item in fields(cls):
            name = item.name.upper()
            text = source.get(name, "")
            try:
                if text:
                    values[item.name] = types[item.name](text)
                elif item.default is MISSING:
                    errors.append(f"{name} is not set")
            except ValueError:
                errors.append(f"{name} is {text!r}, which is no {types[item.name].__name__}")
        if errors:
            raise BadSettings("; ".join(errors))
        settings = cls(**values)  # type: ignore[arg-type] # the loop above made each value of its field's type
        if errors := settings.errors():
            raise BadSettings("; ".join(errors))
        return settings

    def errors(self) -> list[str]:
        """What is wrong with the values, each by itself and taken together."""
        errors = [] if self.retention_days >= 1 else ["RETENTION_DAYS must be at least 1"]
        return errors if 0 < self.dispatch_rate < math.inf else [*errors, "DISPATCH_RATE must be above 0"]

    def open_addresses(self, *names: str) -> list[str]:
        """An error for each of these addresses that is not https on Cloud Run."""
        schemes = ("https://",) if self.k_service else ("https://", "http://")
        wrong = [name for name in names if not str(getattr(self, name)).startswith(schemes)]
        return [f"{name.upper()} must begin with {' or '.join(schemes)}" for name in wrong]


@dataclass(frozen=True, kw_only=True)
class ApiSettings(Settings):
    """What the functions that face users need: whose tokens they take, and which web pages may call.

    `cors_origins` is a comma-separated list; the port `*` is every port, and refused on Cloud Run. Tokens issued before
    `id_tokens_not_before`, a timestamp, are refused.
    """

    id_token_issuer: str
    id_token_audience: str
    id_token_jwks_url: str
    id_tokens_not_before: str = ""
    cors_origins: str = ""

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may call."""
        return frozenset(origin.strip() for origin in self.cors_origins.split(",") if origin.strip())

    @property
    def not_before(self) -> datetime | None:
        """The moment before which no token may have been issued."""
        return datetime.fromisoformat(self.id_tokens_not_before) if self.id_tokens_not_before else None

    def errors(self) -> list[str]:
        """Keys from an address that can be trusted, a moment that is one, and no origin that stands for others."""
        errors = [*super().errors(), *self.open_addresses("id_token_jwks_url")]
        if not _is_moment(self.id_tokens_not_before):
            errors.append("ID_TOKENS_NOT_BEFORE must be a timestamp with its zone, such as 2026-11-22T15:04:05Z")
        known = (_ORIGIN,) if self.k_service else (_ORIGIN, _ANY_PORT_ORIGIN)
        if wrong := sorted(
            origin for origin in self.origins if not any(pattern.fullmatch(origin) for pattern in known)
        ):
            example = "an origin is https://HOST, without a path, and neither * nor null is one"
            errors.append(f"CORS_ORIGINS has {', '.join(wrong)}: {example}")
        return errors


@dataclass(frozen=True, kw_only=True)
class QueueSettings(Settings):
    """What the functions that create tasks need. The queues are full names, projects/…/locations/…/queues/….

    `watchdog_interval_seconds` is the pause between two checks of an execution's watchdog.
    The `…_emulator_host` fields are host:port of a service without TLS; empty in the cloud.
    """

    queue: str
    watchdog_queue: str
    generate_url: str
    tasks_service_account: str
    encryption_key_secret: str
    dispatch_deadline_seconds: float
    watchdog_interval_seconds: float = 60.0
    cloud_tasks_emulator_host: str = ""
    secret_manager_emulator_host: str = ""

    def errors(self) -> list[str]:
        """The dispatch deadline must be one that Cloud Tasks takes, and the watchdog must pause."""
        errors = super().errors()
        if not 0 < self.dispatch_deadline_seconds <= MAX_DISPATCH_DEADLINE:
            errors.append(f"DISPATCH_DEADLINE_SECONDS must be at most {MAX_DISPATCH_DEADLINE:.0f}")
        if self.watchdog_interval_seconds <= 0:
            errors.append("WATCHDOG_INTERVAL_SECONDS must be above 0")
        return errors


@dataclass(frozen=True, kw_only=True)
class SubmitSettings(ApiSettings, QueueSettings):
    """The settings of submit: how much one user may have in flight at once."""

    max_executions_per_user: int = 100
    max_prompts_per_user: int = 50_000

    @property
    def limits(self) -> Limits:
        """The limits of each user."""
        return Limits(self.max_executions_per_user, self.max_prompts_per_user)

    def errors(self) -> list[str]:
        """Every user must be able to run something."""
        errors = super().errors()
        for name in ("max_executions_per_user", "max_prompts_per_user"):
            if getattr(self, name) < 1:
                errors.append(f"{name.upper()} must be at least 1")
        return errors


@dataclass(frozen=True, kw_only=True)
class StatusSettings(ApiSettings):
    """The settings of status. `result_urls` is signed or public; `signed_url_seconds` is how long a signed one works.

    `storage_url` is where public addresses begin.
    """

    result_urls: str = "signed"
    signed_url_seconds: int = 3600
    storage_url: str = "https://storage.googleapis.com"

    def errors(self) -> list[str]:
        """A kind of URL that exists, for a time that Cloud Storage signs for (a week at most)."""
        errors = super().errors()
        if self.result_urls not in ("signed", "public"):
            errors.append("RESULT_URLS must be signed or public")
        if not 60 <= self.signed_url_seconds <= 604_800:  # noqa: PLR2004 - a minute to a week
            errors.append("SIGNED_URL_SECONDS must be from 60 to 604800")
        return errors


@dataclass(frozen=True, kw_only=True)
class GenerateSettings(QueueSettings):
    """The settings of generate; times in seconds.

    `generate_requires_iam` is yes where IAM lets nobody but Cloud Tasks' service account call. `model_timeout_seconds`
    is the first attempt's; `attempt_overhead_seconds` is what claim, upload and commit may take around the model's
    call; `function_timeout_seconds` is the deployed function's own limit; `max_concurrent_decodes` is how many of the
    model's answers are read and decoded at once.
    """

    gemini_api_url: str
    tasks_issuer: str
    tasks_jwks_url: str
    generate_requires_iam: str = "no"
    model_timeout_seconds: float = 120.0
    attempt_overhead_seconds: float = 60.0
    function_timeout_seconds: float = 540.0
    max_concurrent_decodes: int = 8

    @property
    def retry_policy(self) -> RetryPolicy:
        """The rules for attempts, with this deployment's first timeout; no model's row makes one longer than fits."""
        later = self._policy.lease(self._policy.max_attempts) - self.model_timeout_seconds
        return replace(self._policy, longest_base=self.function_timeout_seconds - later)

    @property
    def _policy(self) -> RetryPolicy:
        return RetryPolicy(timeout_base=self.model_timeout_seconds, overhead=self.attempt_overhead_seconds)

    def errors(self) -> list[str]:
        """Deadlines nest: model call < attempt < function < dispatch; keys and prompts travel where nobody listens."""
        errors = [*super().errors(), *self.open_addresses("gemini_api_url", "tasks_jwks_url")]
        attempt = self._policy.lease(self._policy.max_attempts)
        if not 0 < attempt <= self.function_timeout_seconds < self.dispatch_deadline_seconds:
            errors.append(
                f"deadlines must nest: the longest attempt ({attempt:.0f} s) within FUNCTION_TIMEOUT_SECONDS "
                f"({self.function_timeout_seconds:.0f}) within DISPATCH_DEADLINE_SECONDS "
                f"({self.dispatch_deadline_seconds:.0f})"
            )
        if self.attempt_overhead_seconds <= 0:
            errors.append("ATTEMPT_OVERHEAD_SECONDS must be above 0")
        if self.generate_requires_iam not in ("yes", "no"):
            errors.append("GENERATE_REQUIRES_IAM must be yes or no")
        elif self.k_service and self.generate_requires_iam == "no":
            errors.append(
                "GENERATE_REQUIRES_IAM must be yes on Cloud Run, which hides the tokens' signatures: deploy generate "
                "without allUsers among its invokers, then say so"
            )
        if self.max_concurrent_decodes < 1:
            errors.append("MAX_CONCURRENT_DECODES must be at least 1")
        return errors


#: The settings of each function.
FUNCTIONS: dict[str, type[Settings]] = {
    "submit": SubmitSettings,
    "generate": GenerateSettings,
    "status": StatusSettings,
}


def rename_settings(source: Mapping[str, str], warn: Callable[[str, str], object]) -> dict[str, str]:
    """The settings under their names of this release; `warn(old, new)` is called for each that has an old name.

    Where both names are set, the new one wins.
    """
    renamed = dict(source)
    for new, old in OLD_NAMES.items():
        if renamed.get(old) and not renamed.get(new):
            warn(old, new)
            renamed[new] = renamed.pop(old)
    return renamed


def _log_old_name(old: str, new: str) -> None:
    log.warning("a setting has a new name", old_name=old, new_name=new)


def _is_moment(text: str) -> bool:
    """Whether this is a timestamp that leaves no doubt about its zone; nothing is one too."""
    try:
        return not text or datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
