"""The environment of each deployed function: all that `imagefactory.settings` asks for."""

from __future__ import annotations

import json
import sys

from infra.plan.settings import Settings


def environment(function: str, settings: Settings) -> dict[str, str]:
    """The environment variables of this function."""
    common = {name: settings[name] for name in ("PROJECT_ID", "BUCKET", "DATABASE", "LOG_LEVEL", "RETENTION_DAYS")}
    common["DISPATCH_RATE"] = f"{settings.numbers('QUEUE')['max_dispatches_per_second']:g}"
    # The framework's own default of four threads a CPU would let the other requests queue inside the instance.
    common["THREADS"] = settings.size(function)["CONCURRENCY"]
    # With many threads and big bodies, glibc's arenas would keep most of the memory they once had.
    common["MALLOC_ARENA_MAX"] = "2"
    own = {
        # Blocks of a large body go back to the system as soon as they are free.
        "submit": _users(settings) | _tasks(settings) | _limits(settings) | {"MALLOC_MMAP_THRESHOLD_": "1000000"},
        "generate": _tasks(settings) | _model(settings),
        "status": _users(settings) | _links(settings),
    }
    return common | own[function]


def _users(settings: Settings) -> dict[str, str]:
    names = ("ID_TOKEN_ISSUER", "ID_TOKEN_AUDIENCE", "ID_TOKEN_JWKS_URL", "ID_TOKENS_NOT_BEFORE", "CORS_ORIGINS")
    return {name: settings[name] for name in names}


def _limits(settings: Settings) -> dict[str, str]:
    return {name: settings[name] for name in ("MAX_EXECUTIONS_PER_USER", "MAX_PROMPTS_PER_USER")}


def _tasks(settings: Settings) -> dict[str, str]:
    return {
        "QUEUE": settings.queue_path("QUEUE"),
        "WATCHDOG_QUEUE": settings.queue_path("WATCHDOG_QUEUE"),
        "WATCHDOG_SECONDS": settings["WATCHDOG_SECONDS"],
        "GENERATE_URL": settings.generate_url,
        "TASKS_SERVICE_ACCOUNT": settings.account("tasks"),
        "DISPATCH_DEADLINE_SECONDS": f"{settings.numbers('QUEUE')['dispatch_deadline_seconds']:g}",
        "ENCRYPTION_KEY_SECRET": f"projects/{settings['PROJECT_ID']}/secrets/{settings['KEY_SECRET']}",
    }


def _model(settings: Settings) -> dict[str, str]:
    names = (
        *("GEMINI_API_URL", "TASKS_ISSUER", "TASKS_JWKS_URL"),
        *("MODEL_TIMEOUT_SECONDS", "OVERHEAD_SECONDS", "FUNCTION_TIMEOUT_SECONDS", "GATE"),
    )
    # deploy.sh makes generate private, and the table of rights lets only the tasks' service account call it.
    return {name: settings[name] for name in names} | {"IAM_GUARDS_GENERATE": "yes"}


def _links(settings: Settings) -> dict[str, str]:
    # Public URLs would need a bucket that everyone may read, and the references are in it.
    return {"RESULT_URLS": "signed", "SIGNED_URL_SECONDS": settings["SIGNED_URL_SECONDS"]}


def main() -> int:
    """Print the environment of the function that is named, as gcloud's --env-vars-file takes it."""
    sys.stdout.write(json.dumps(environment(sys.argv[1], Settings.from_env()), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
