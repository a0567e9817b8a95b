"""Prepares a project for a deployment, once: APIs, accounts, queues, database, bucket, encryption key, rights."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from infra.console import say
from infra.gcloud import run_concurrently
from infra.resources import bucket, queue
from infra.resources.firestore import LISTS, Indexes
from infra.resources.queue import QueueNumbers
from infra.settings import QUEUES
from infra.steps import add_key_version, create_accounts, grant_rights, has_key

if TYPE_CHECKING:
    from infra.gcloud import Gcloud
    from infra.settings import Settings

APIS = (
    *("artifactregistry", "cloudbuild", "cloudfunctions", "cloudtasks", "firestore", "iam", "iamcredentials"),
    *("logging", "monitoring", "run", "secretmanager", "storage"),
)
ACCOUNTS = {
    "submit": "the function submit",
    "generate": "the function generate",
    "status": "the function status",
    "tasks": "Cloud Tasks, when it calls generate",
    "build": "Cloud Build, when it builds the functions",
}
SHARED = ("queue", "watchdog-queue", "account:tasks", "account:status", "secret", "bucket", "project")


def run(settings: Settings, gcloud: Gcloud) -> None:
    """Create what is missing, and change what is different."""
    say(f"Setting up {settings['DEPLOYMENT']} in {settings['PROJECT_ID']} ({settings['REGION']})")
    gcloud.change("services", "enable", *(f"{api}.googleapis.com" for api in APIS))
    settings = settings.with_project_number(gcloud.project_number())
    create_accounts(gcloud, settings, ACCOUNTS)
    for name in QUEUES:
        _ensure_queue(gcloud, settings, name)
    _ensure_database(gcloud, settings)
    _ensure_bucket(gcloud, settings)
    _ensure_secret(gcloud, settings)
    for resource in SHARED:
        grant_rights(gcloud, settings, resource)
    say("Set up. Next: make deploy")


def _ensure_queue(gcloud: Gcloud, settings: Settings, which: str) -> None:
    name, place = settings[f"{which}_NAME"], f"--location={settings['REGION']}"
    numbers = QueueNumbers.read(settings, which)
    actual = gcloud.describe("tasks", "queues", "describe", name, place)
    if actual is None:
        gcloud.change("tasks", "queues", "create", name, place, *queue.flags(numbers))
        say(f"  queue {name}: created")
    elif queue.differences(actual, numbers):
        gcloud.change("tasks", "queues", "update", name, place, *queue.flags(numbers))
        say(f"  queue {name}: changed to the numbers of {settings[f'{which}_FILE']}")


def _ensure_database(gcloud: Gcloud, settings: Settings) -> None:
    name, database = settings["DATABASE"], f"--database={settings['DATABASE']}"
    if gcloud.describe("firestore", "databases", "describe", database) is None:
        protected = ("--type=firestore-native", "--delete-protection")
        gcloud.change("firestore", "databases", "create", database, f"--location={settings['LOCATION']}", *protected)
        say(f"  database {name}: created")
    lists = run_concurrently([partial(gcloud.read_json, *words, database) for words in LISTS.values()])
    # Google builds indexes and takes up TTL policies by itself for some minutes; verify waits for neither, but looks.
    for addition in Indexes(*lists).additions():
        gcloud.change(*addition.command, database)
        say(f"  database {name}, {addition.group}: {addition.kind} on {addition}")


def _ensure_bucket(gcloud: Gcloud, settings: Settings) -> None:
    name, url = settings["BUCKET"], settings.bucket_url
    rules = gcloud.write_file("lifecycle.json", bucket.lifecycle(settings))
    access = ("--uniform-bucket-level-access", "--public-access-prevention", f"--lifecycle-file={rules}")
    describe = ("storage", "buckets", "describe", url, "--raw")
    actual = gcloud.describe(*describe)
    if actual is None:
        # Deleted images are gone at once: whoever deletes one means it, and soft-deleted ones would be paid for a week.
        forgetting = ("--soft-delete-duration=0", f"--location={settings['LOCATION']}")
        gcloud.change("storage", "buckets", "create", url, *forgetting, *access)
        say(f"  bucket {name}: created")
        actual = gcloud.read_json(*describe)
    if bucket.differences(actual, settings):
        # `create` takes no CORS file; an empty list takes CORS away.
        cors = gcloud.write_file("cors.json", bucket.cors(settings))
        gcloud.change("storage", "buckets", "update", url, *access, f"--cors-file={cors}")
        say(f"  bucket {name}: access, lifecycle and CORS written")


def _ensure_secret(gcloud: Gcloud, settings: Settings) -> None:
    name = settings["KEY_SECRET"]
    if gcloud.describe("secrets", "describe", name) is None:
        gcloud.change("secrets", "create", name, "--replication-policy=automatic")
        say(f"  secret {name}: created")
    if not has_key(gcloud, settings):
        add_key_version(gcloud, settings)
        say(f"  secret {name}: has a new random key")
