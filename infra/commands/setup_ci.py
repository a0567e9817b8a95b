"""Lets the `production` environment of one GitHub repository deploy, without any key; once, after setup.

GitHub vouches for the workflow, which gets a service account that may roll out functions but not change rights.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infra.console import say
from infra.steps import create_accounts, grant_rights
from infra.stop import Stop

if TYPE_CHECKING:
    from infra.gcloud import Gcloud
    from infra.settings import Settings

POOLS = ("iam", "workload-identity-pools")
RESOURCES = (
    *("account:deploy", "account:submit", "account:generate", "account:status", "account:build"),
    *("secret", "project"),
)


def run(settings: Settings, gcloud: Gcloud) -> None:
    """Create what is missing, and say what to tell the repository."""
    repository = settings["CI_REPOSITORY"]
    if not re.fullmatch(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", repository):
        raise Stop("CI_REPOSITORY must be the repository's OWNER/NAME.")
    number = gcloud.project_number()
    settings = settings.with_project_number(number)
    _ensure_provider(gcloud, settings["DEPLOYMENT"], repository)
    create_accounts(gcloud, settings, {"deploy": "GitHub, when it deploys"})
    for resource in RESOURCES:
        grant_rights(gcloud, settings, resource)
    pool = f"projects/{number}/locations/global/workloadIdentityPools/{settings['DEPLOYMENT']}"
    say(f"Set up. Give the environment production of {repository} these variables:")
    say(f"  PROJECT_ID={settings['PROJECT_ID']}")
    say(f"  WORKLOAD_IDENTITY_PROVIDER={pool}/providers/github")
    say(f"  DEPLOYER={settings.account('deploy')}")


def _ensure_provider(gcloud: Gcloud, pool: str, repository: str) -> None:
    everywhere, inside = "--location=global", ("--location=global", f"--workload-identity-pool={pool}")
    if gcloud.describe(*POOLS, "describe", pool, everywhere) is None:
        gcloud.change(*POOLS, "create", pool, everywhere, f"--display-name={pool}")
        say(f"  workload identity pool {pool}: created")
    if gcloud.describe(*POOLS, "providers", "describe", "github", *inside) is not None:
        return
    # Without the condition, every repository on GitHub could ask.
    condition = f"assertion.repository=='{repository}' && assertion.environment=='production'"
    mapping = "google.subject=assertion.sub,attribute.repository=assertion.repository"
    gcloud.change(
        *(*POOLS, "providers", "create-oidc", "github", *inside),
        "--issuer-uri=https://token.actions.githubusercontent.com",
        *(f"--attribute-mapping={mapping}", f"--attribute-condition={condition}"),
    )
    say(f"  provider github: created, for the environment production of {repository}")
