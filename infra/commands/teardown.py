"""Deletes a deployment: first it names everything, then it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefactory.settings import FUNCTIONS
from infra.commands import monitoring
from infra.console import ask, say
from infra.gcloud import GcloudError
from infra.settings import QUEUES
from infra.steps import take_rights
from infra.stop import Stop

if TYPE_CHECKING:
    from infra.gcloud import Gcloud
    from infra.settings import Settings

ACCOUNTS = (*FUNCTIONS, "tasks", "build", "deploy")


def run(settings: Settings, gcloud: Gcloud, confirmation: str, *, keep_data: bool) -> None:
    """Delete everything, but for the data if that is kept; `confirmation` stands in for what the user would type."""
    _announce(settings, keep_data=keep_data)
    deployment = settings["DEPLOYMENT"]
    if (confirmation or ask(f"Type {deployment} to go on: ")) != deployment:
        raise Stop(f"that is not {deployment}; nothing was deleted.")
    _delete_work(gcloud, settings)
    monitoring.remove(settings, gcloud)
    _delete_accounts(gcloud, settings)
    secret = settings["KEY_SECRET"]
    _delete(gcloud, f"secret {secret}", "secrets", "delete", secret)
    if not keep_data:
        _delete_data(gcloud, settings)
    say("Gone. Enabled APIs stay enabled, and the images of the builds stay in Artifact Registry under gcf-artifacts.")
    say("So does the workload identity pool of setup-ci, if there is one: it opens nothing any more.")


def _announce(settings: Settings, *, keep_data: bool) -> None:
    deployment, database, bucket = settings["DEPLOYMENT"], settings["DATABASE"], settings["BUCKET"]
    queues = " and ".join(settings[f"{queue}_NAME"] for queue in QUEUES)
    say(f"This deletes the deployment {deployment} in {settings['PROJECT_ID']} ({settings['REGION']}), for good:")
    say(f"  the functions {', '.join(map(settings.function, FUNCTIONS))}")
    say(f"  the queues {queues} with every task in them (their names stay taken for some days)")
    say(f"  the secret {settings['KEY_SECRET']}: API keys of open executions can then never be decrypted")
    say(f"  the service accounts {deployment}-{{{','.join(ACCOUNTS)}}} and their rights")
    say(f"  the metrics, alerts and the dashboard of {deployment}")
    if keep_data:
        say(f"It keeps the database {database} and the bucket {bucket}.")
    else:
        say(f"  the database {database} with every execution in it")
        say(f"  the bucket {bucket} with every image in it")


def _delete_work(gcloud: Gcloud, settings: Settings) -> None:
    region, place = f"--region={settings['REGION']}", f"--location={settings['REGION']}"
    for name in map(settings.function, FUNCTIONS):
        _delete(gcloud, f"function {name}", "functions", "delete", name, "--gen2", region)
    for queue in QUEUES:
        name = settings[f"{queue}_NAME"]
        _delete(gcloud, f"queue {name}", "tasks", "queues", "delete", name, place)


def _delete_accounts(gcloud: Gcloud, settings: Settings) -> None:
    # Before the accounts: a right of an account that is gone stays in the policy as that of a deleted principal.
    take_rights(gcloud, settings, "project")
    for name in ACCOUNTS:
        account = settings.account(name)
        what = f"service account {settings['DEPLOYMENT']}-{name}"
        _delete(gcloud, what, "iam", "service-accounts", "delete", account)


def _delete_data(gcloud: Gcloud, settings: Settings) -> None:
    url, database = settings.bucket_url, f"--database={settings['DATABASE']}"
    if gcloud.describe("storage", "buckets", "describe", url) is not None:
        gcloud.read("storage", "rm", "--recursive", url)
        say(f"  bucket {settings['BUCKET']}: deleted")
    if gcloud.describe("firestore", "databases", "describe", database) is not None:
        gcloud.change("firestore", "databases", "update", database, "--no-delete-protection")
    _delete(gcloud, f"database {settings['DATABASE']}", "firestore", "databases", "delete", database)


def _delete(gcloud: Gcloud, what: str, *words: str) -> None:
    """Delete something, unless it is not there."""
    try:
        gcloud.read(*words)
    except GcloudError as error:
        if not error.is_missing:
            raise error.describe_as(f"deleting {what}") from error
        say(f"  {what}: was not there")
    else:
        say(f"  {what}: deleted")
