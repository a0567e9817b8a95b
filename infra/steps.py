"""What several commands do: create accounts, write policies, add a key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from infra.console import say
from infra.resources import iam, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.gcloud import Gcloud
    from infra.settings import Settings

#: A new account stays invisible to other services for up to a minute, and somebody else may write the policy meanwhile.
TEMPORARY = ("does not exist", "ABORTED", "concurrent policy", "etag", "conditionNotMet")


def create_accounts(gcloud: Gcloud, settings: Settings, purposes: Mapping[str, str]) -> None:
    """Create the service accounts that are missing; the purposes are by name."""
    actual = gcloud.read("iam", "service-accounts", "list", "--format=value(email)").split()
    for name, purpose in purposes.items():
        if settings.account(name) in actual:
            continue
        title = f"{settings['DEPLOYMENT']}: {purpose}"
        account = f"{settings['DEPLOYMENT']}-{name}"
        gcloud.change("iam", "service-accounts", "create", account, f"--display-name={title}")
        say(f"  service account {account}: created")


def policy_command(settings: Settings, resource: str, verb: str, *file: str) -> list[str]:
    """The words that get or set the policy of a resource in the table of rights with gcloud."""
    kind, _, name = resource.partition(":")
    region = f"--region={settings['REGION']}"
    place = f"--location={settings['REGION']}"
    group, target = {
        "project": (["projects"], [settings["PROJECT_ID"]]),
        "queue": (["tasks", "queues"], [settings["QUEUE_NAME"], place]),
        "watchdog-queue": (["tasks", "queues"], [settings["WATCHDOG_QUEUE_NAME"], place]),
        "bucket": (["storage", "buckets"], [settings.bucket_url]),
        "secret": (["secrets"], [settings["KEY_SECRET"]]),
        "account": (["iam", "service-accounts"], [settings.account(name)]),
        "run": (["run", "services"], [settings.function(name), region]),
    }[kind]
    return [*group, f"{verb}-iam-policy", target[0], *file, *target[1:]]


def grant_rights(gcloud: Gcloud, settings: Settings, resource: str) -> None:
    """Give the rights on a resource that the table names; writes nothing when they are given."""
    desired = [right for right in iam.table(settings) if right.resource == resource]
    _edit_policy(gcloud, settings, resource, partial(iam.add, desired=desired))


def take_rights(gcloud: Gcloud, settings: Settings, resource: str) -> None:
    """Take all rights on a resource from the deployment's accounts."""
    is_unwanted = partial(iam.belongs, settings=settings)
    _edit_policy(gcloud, settings, resource, partial(iam.remove, is_unwanted=is_unwanted))


def add_key_version(gcloud: Gcloud, settings: Settings) -> str:
    """Add a random key to the secret, and return its version's number; the key itself only goes through a pipe."""
    words = ("secrets", "versions", "add", settings["KEY_SECRET"], "--data-file=-", "--format=value(name.basename())")
    return gcloud.read(*words, stdin=keys.new_key())


def has_key(gcloud: Gcloud, settings: Settings) -> bool:
    """Whether the secret has an enabled version."""
    enabled = ("--filter=state=ENABLED", "--limit=1", "--format=value(name)")
    return bool(gcloud.read("secrets", "versions", "list", settings["KEY_SECRET"], *enabled))


def _edit_policy(gcloud: Gcloud, settings: Settings, resource: str, edit: Callable[[iam.Policy], iam.Policy]) -> None:
    def prepare() -> iam.Policy | None:
        actual = gcloud.read_json(*policy_command(settings, resource, "get"))
        desired = edit(actual)
        return None if desired == actual else desired

    def write(desired: iam.Policy) -> None:
        file = gcloud.write_file("policy.json", desired)
        gcloud.change(*policy_command(settings, resource, "set", file))

    if gcloud.write_with_retries(prepare, write, TEMPORARY, f"writing the policy of {resource}"):
        say(f"  rights on {resource}: written")
