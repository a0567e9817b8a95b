"""The environment each process of the stack gets: as little of the user's as possible, and the functions' settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.stack.settings import SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from local.stack.settings import QueueNumbers, State

# What programs need to run at all and to trust the machine's certificates; never a credential or a key.
KEPT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
    *("HTTPS_PROXY", "https_proxy"),
)

# Settings of the functions that a user of the local stack may choose.
PASSED_ON = (
    "RESULT_URLS",
    "SIGNED_URL_SECONDS",
    "RETENTION_DAYS",
    "LOG_LEVEL",
    "FUNCTION_TIMEOUT_SECONDS",
    "GATE",
    "WATCHDOG_SECONDS",
    "OVERHEAD_SECONDS",
    "MAX_EXECUTIONS_PER_USER",
    "MAX_PROMPTS_PER_USER",
)
PASSED_ON_PREFIX = "MODEL_"

KEY_FILE = "service-account.json"

# generate holds a thread for as long as the model takes, and the queue dispatches up to a hundred at once.
THREADS = {"submit": 16, "generate": 100, "status": 16}


def minimal(user: Mapping[str, str]) -> dict[str, str]:
    """The part of the user's environment that every process gets."""
    kept = {name: user[name] for name in KEPT if name in user}
    return kept | {
        # A proxy is for the world outside; the parts talk to each other directly.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def for_function(
    name: str,
    state: State,
    numbers: QueueNumbers,
    user: Mapping[str, str],
    run_folder: Path,
    *,
    cors_origins: Sequence[str] = (),
) -> dict[str, str]:
    """Everything in the environment of one function's process.

    `cors_origins` are those whose pages may call beside the pages of this machine.
    `run_folder` is the private folder of this run, in which `KEY_FILE` is the service account with which status signs.
    """
    settings = minimal(user) | chosen(user) | common(state)
    settings["DISPATCH_RATE"] = f"{numbers.max_dispatches_per_second:g}"
    settings["THREADS"] = str(THREADS[name])
    # As deployed: with many threads and big bodies, glibc's arenas would keep most of the memory they once had.
    settings["MALLOC_ARENA_MAX"] = "2"
    # gunicorn puts a control socket here; in one shared folder the functions would take it from each other.
    settings["XDG_RUNTIME_DIR"] = str(run_folder / name)
    if name in {"submit", "status"}:
        settings |= for_users(state)
        settings["CORS_ORIGINS"] = list_origins(user.get("CORS_ORIGINS", ""), cors_origins)
    if name in {"submit", "generate"}:
        settings |= for_tasks(state, numbers)
    if name == "submit":
        # As deployed: blocks of a large body go back to the system as soon as they are free.
        settings["MALLOC_MMAP_THRESHOLD_"] = "1000000"
    if name == "generate":
        settings |= {
            "GEMINI_API_URL": state.gemini,
            "TASKS_ISSUER": state.cloud_tasks_rest,
            "TASKS_JWKS_URL": f"{state.cloud_tasks_rest}/oauth2/v3/certs",
        }
    if name == "status":
        settings |= {"GOOGLE_APPLICATION_CREDENTIALS": str(run_folder / KEY_FILE), "STORAGE_URL": state.storage}
    return settings


def chosen(user: Mapping[str, str]) -> dict[str, str]:
    """The settings that the user made in the shell."""
    return {name: value for name, value in user.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIX)}


def common(state: State) -> dict[str, str]:
    """What every function needs: where the data is."""
    return {
        "PROJECT_ID": state.project,
        "GOOGLE_CLOUD_PROJECT": state.project,
        "BUCKET": state.bucket,
        "FIRESTORE_EMULATOR_HOST": state.firestore,
        "STORAGE_EMULATOR_HOST": state.storage,
        # Google's clients otherwise ask for a metadata server, and wait for it, when they look for credentials.
        "NO_GCE_CHECK": "true",
    }


def for_users(state: State) -> dict[str, str]:
    """What the functions that face users need."""
    return {
        "ID_TOKEN_ISSUER": state.identity,
        "ID_TOKEN_AUDIENCE": state.project,
        "ID_TOKEN_JWKS_URL": f"{state.identity}/jwks.json",
    }


def list_origins(chosen: str, more: Sequence[str]) -> str:
    """The origins whose pages may call: all of this machine, those that the shell names, and those of the command."""
    local = [f"{scheme}://{host}:*" for scheme in ("http", "https") for host in ("localhost", "127.0.0.1", "[::1]")]
    return ",".join([*local, *filter(None, [chosen]), *more])


def for_tasks(state: State, numbers: QueueNumbers) -> dict[str, str]:
    """What the functions that create tasks need."""
    return {
        "QUEUE": state.queue_path,
        "WATCHDOG_QUEUE": state.watchdog_queue_path,
        "GENERATE_URL": state.generate,
        "TASKS_SERVICE_ACCOUNT": f"tasks-invoker@{state.project}.iam.gserviceaccount.com",
        "DISPATCH_DEADLINE_SECONDS": f"{numbers.dispatch_deadline_seconds:g}",
        "CLOUD_TASKS_EMULATOR_HOST": state.cloud_tasks,
        "ENCRYPTION_KEY_SECRET": f"projects/{state.project}/secrets/{SECRET}",
        "SECRET_MANAGER_EMULATOR_HOST": state.secret_manager,
    }
