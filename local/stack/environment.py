"""The environment of each process: a minimum of the user's variables, and the functions' settings."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from imagefactory.settings import FUNCTIONS, BadSettings
from local.stack.settings import SECRET
from local.supervision.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from local.stack.settings import Endpoints, QueueNumbers

# What programs need to run and to trust the machine's certificates; never a credential or a key.
INHERITED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
    *("HTTPS_PROXY", "https_proxy"),
)

KEY_FILE = "service-account.json"

# What Cloud Run sets by itself.
CLOUD_RUN = frozenset({"K_SERVICE"})

# generate holds a thread for as long as the model takes, and the queue dispatches up to a hundred at once.
THREADS = {"submit": 16, "generate": 100, "status": 16}


def minimal_environment(user: Mapping[str, str]) -> dict[str, str]:
    """The variables of the user's environment that every process gets."""
    inherited = {name: user[name] for name in INHERITED if name in user}
    return inherited | {
        # A proxy is for the outside world: the services talk to each other directly.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def function_environment(
    name: str,
    endpoints: Endpoints,
    numbers: QueueNumbers,
    user: Mapping[str, str],
    run_folder: Path,
    *,
    cors_origins: Sequence[str] = (),
) -> dict[str, str]:
    """The whole environment of one function's process.

    Pages of `cors_origins` may call, beside those of this machine. `run_folder` is the private folder of this run; its
    `KEY_FILE` is the service account with which status signs.

    Raises:
        StackError: a setting in the shell is wrong.
    """
    settings = minimal_environment(user) | data_settings(endpoints)
    settings["DISPATCH_RATE"] = f"{numbers.max_dispatches_per_second:g}"
    settings["THREADS"] = str(THREADS[name])
    # As deployed: with many threads and large bodies, glibc's arenas never return most of their memory.
    settings["MALLOC_ARENA_MAX"] = "2"
    # gunicorn puts a control socket here: in a shared folder the functions would overwrite each other's.
    settings["XDG_RUNTIME_DIR"] = str(run_folder / name)
    if name in {"submit", "status"}:
        settings |= user_auth_settings(endpoints)
        settings["CORS_ORIGINS"] = list_origins(user.get("CORS_ORIGINS", ""), cors_origins)
    if name in {"submit", "generate"}:
        settings |= task_settings(endpoints, numbers)
    if name == "submit":
        # As deployed: glibc returns the blocks of a large body to the system at once.
        settings["MALLOC_MMAP_THRESHOLD_"] = "1000000"
    if name == "generate":
        settings |= {
            "GEMINI_API_URL": endpoints.gemini,
            "TASKS_ISSUER": endpoints.cloud_tasks_rest,
            "TASKS_JWKS_URL": f"{endpoints.cloud_tasks_rest}/oauth2/v3/certs",
        }
    if name == "status":
        settings |= {"GOOGLE_APPLICATION_CREDENTIALS": str(run_folder / KEY_FILE), "STORAGE_URL": endpoints.storage}
    settings |= select_user_settings(name, user, settings)
    try:
        FUNCTIONS[name].from_env(settings)
    except BadSettings as bad:
        raise StackError(f"The settings of {name} are wrong: {bad}.") from None
    return settings


def select_user_settings(name: str, user: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Select what the shell sets of a function's settings; what follows from the stack is not the user's to choose."""
    known = {field.name.upper() for field in fields(FUNCTIONS[name])} - settings.keys() - CLOUD_RUN
    return {setting: user[setting] for setting in sorted(known & user.keys())}


def data_settings(endpoints: Endpoints) -> dict[str, str]:
    """The settings of every function: where its data is."""
    return {
        "PROJECT_ID": endpoints.project,
        "GOOGLE_CLOUD_PROJECT": endpoints.project,
        "BUCKET": endpoints.bucket,
        "DATABASE": endpoints.database,
        "FIRESTORE_EMULATOR_HOST": endpoints.firestore,
        "STORAGE_EMULATOR_HOST": endpoints.storage,
        # Otherwise Google's clients look for a metadata server, and wait for it.
        "NO_GCE_CHECK": "true",
    }


def user_auth_settings(endpoints: Endpoints) -> dict[str, str]:
    """The settings of the functions that verify users' tokens."""
    return {
        "ID_TOKEN_ISSUER": endpoints.identity,
        "ID_TOKEN_AUDIENCE": endpoints.project,
        "ID_TOKEN_JWKS_URL": f"{endpoints.identity}/jwks.json",
    }


def list_origins(user_origins: str, more: Sequence[str]) -> str:
    """The origins whose pages may call, joined by commas: this machine's, the shell's, and the command line's."""
    local = [f"{scheme}://{host}:*" for scheme in ("http", "https") for host in ("localhost", "127.0.0.1", "[::1]")]
    return ",".join([*local, *filter(None, [user_origins]), *more])


def task_settings(endpoints: Endpoints, numbers: QueueNumbers) -> dict[str, str]:
    """The settings of the functions that create tasks."""
    return {
        "QUEUE": endpoints.queue_path,
        "WATCHDOG_QUEUE": endpoints.watchdog_queue_path,
        "GENERATE_URL": endpoints.generate,
        "TASKS_SERVICE_ACCOUNT": f"tasks-invoker@{endpoints.project}.iam.gserviceaccount.com",
        "DISPATCH_DEADLINE_SECONDS": f"{numbers.dispatch_deadline_seconds:g}",
        "CLOUD_TASKS_EMULATOR_HOST": endpoints.cloud_tasks,
        "ENCRYPTION_KEY_SECRET": f"projects/{endpoints.project}/secrets/{SECRET}",
        "SECRET_MANAGER_EMULATOR_HOST": endpoints.secret_manager,
    }
