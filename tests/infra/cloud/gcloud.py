"""The environment in which the real gcloud talks to the fake, and to nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.infra.cloud.world import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.cloud.server import Cloud

ROOT_APIS = (
    *("ARTIFACTREGISTRY", "CLOUDBUILD", "CLOUDFUNCTIONS", "CLOUDRESOURCEMANAGER", "CLOUDTASKS", "FIRESTORE", "IAM"),
    *(
        "IAMCREDENTIALS",
        "LOGGING",
        "MONITORING",
        "RUN",
        "SECRETMANAGER",
        "SERVICEMANAGEMENT",
        "SERVICEUSAGE",
        "STORAGE",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def environment(cloud: Cloud, folder: Path, programs: Path) -> dict[str, str]:
    """A shell without anything of the user's but the programs, in which every API is the fake."""
    (folder / "token").write_text("an-operator's-token", encoding="utf-8")
    overrides = {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"{cloud.base}/" for api in ROOT_APIS}
    return overrides | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LC_ALL": "C.UTF-8",
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        # A token from a file keeps gcloud from looking for credentials; the fake does not look at it.
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(folder / "token"),
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_CORE_SURVEY_DISABLE_PROMPTS": "1",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
        # As a proxy, the fake also gets requests for regional hosts, and refuses those for APIs that are not listed.
        "CLOUDSDK_PROXY_TYPE": "http",
        "CLOUDSDK_PROXY_ADDRESS": "127.0.0.1",
        "CLOUDSDK_PROXY_PORT": str(cloud.port),
        "PROJECT_ID": PROJECT,
        "CORS_ORIGINS": "https://app.example.com",
        "RETRY_SECONDS": "0",
    }


def run_infra(env: dict[str, str], *arguments: str, answers: str = "", is_bare: bool = True) -> Outcome:
    """Run `python -m infra` to its end, which may be a bad one, by default with the standard library alone."""
    bare = ["-S"] if is_bare else []
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *bare, "-m", "infra", *arguments],
        env=env,
        input=answers,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
