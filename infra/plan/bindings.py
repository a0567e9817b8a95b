"""Who may do what: the table of rights, and the policies that follow from it.

Rights are on single resources wherever these have policies of their own. Firestore's databases have none, so those
rights are the project's, on the condition that it is this database. Nobody but submit and status is open to the world.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.plan.settings import DIFFERS, FUNCTIONS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

Policy = dict[str, Any]


@dataclass(frozen=True)
class Binding:
    """One right. `resource` is project, queue, watchdog-queue, bucket, secret, account:NAME or run:FUNCTION.

    `condition` is a title and an expression in IAM's language.
    """

    resource: str
    role: str
    member: str
    condition: tuple[str, str] | None = None


def table(settings: Settings) -> list[Binding]:
    """All rights that the deployment needs."""
    return [*_submit(settings), *_generate(settings), *_status(settings), *_build(settings), *_deployer(settings)]


def _submit(settings: Settings) -> list[Binding]:
    me = _member(settings, "submit")
    return [
        Binding("project", "roles/datastore.user", me, _database(settings)),
        Binding("queue", "roles/cloudtasks.enqueuer", me),
        Binding("watchdog-queue", "roles/cloudtasks.enqueuer", me),
        # A cancel takes the tasks that have not begun out of the queue.
        Binding("queue", "roles/cloudtasks.taskDeleter", me),
        # To name the tasks' account in a task's token is to act as it.
        Binding("account:tasks", "roles/iam.serviceAccountUser", me),
        Binding("secret", "roles/secretmanager.secretAccessor", me),
        # References are written again when a submit is repeated, and to overwrite takes the right to delete.
        Binding("bucket", "roles/storage.objectUser", me),
        *_callers(settings, "submit"),
    ]


def _generate(settings: Settings) -> list[Binding]:
    me = _member(settings, "generate")
    return [
        Binding("project", "roles/datastore.user", me, _database(settings)),
        # The next attempt is a task of its own, and so is a watchdog's next round.
        Binding("queue", "roles/cloudtasks.enqueuer", me),
        Binding("watchdog-queue", "roles/cloudtasks.enqueuer", me),
        # A watchdog asks which tasks are still there.
        Binding("queue", "roles/cloudtasks.viewer", me),
        Binding("account:tasks", "roles/iam.serviceAccountUser", me),
        Binding("secret", "roles/secretmanager.secretAccessor", me),
        # Without the right to overwrite, writing an image that is there already is answered 403, not "it is there".
        Binding("bucket", "roles/storage.objectUser", me),
        Binding("run:generate", "roles/run.invoker", _member(settings, "tasks")),
    ]


def _status(settings: Settings) -> list[Binding]:
    me = _member(settings, "status")
    return [
        Binding("project", "roles/datastore.viewer", me, _database(settings)),
        # A signed URL lets its holder do what its signer may.
        Binding("bucket", "roles/storage.objectViewer", me),
        # It has no key of its own: IAM signs for it, and it must be allowed to ask for that.
        Binding("account:status", "roles/iam.serviceAccountTokenCreator", me),
        *_callers(settings, "status"),
    ]


def _build(settings: Settings) -> list[Binding]:
    me = _member(settings, "build")
    # The buckets into which Google puts the functions' sources; the image bucket is none of them.
    sources = ("function sources", 'resource.name.startsWith("projects/_/buckets/gcf-v2-")')
    return [
        Binding("project", "roles/logging.logWriter", me),
        Binding("project", "roles/artifactregistry.writer", me),
        Binding("project", "roles/storage.objectViewer", me, sources),
    ]


def _deployer(settings: Settings) -> list[Binding]:
    """What deploys from GitHub: it may roll out functions, not change rights."""
    if not settings["CI_REPOSITORY"]:
        return []
    me = _member(settings, "deploy")
    pool = f"projects/{settings['PROJECT_NUMBER']}/locations/global/workloadIdentityPools/{settings['DEPLOYMENT']}"
    workflow = f"principalSet://iam.googleapis.com/{pool}/attribute.repository/{settings['CI_REPOSITORY']}"
    return [
        Binding("project", "roles/cloudfunctions.developer", me),
        Binding("project", "roles/run.viewer", me),
        Binding("project", "roles/datastore.user", me, _database(settings)),
        Binding("secret", "roles/secretmanager.viewer", me),
        *(Binding(f"account:{name}", "roles/iam.serviceAccountUser", me) for name in (*FUNCTIONS, "build")),
        Binding("account:deploy", "roles/iam.workloadIdentityUser", workflow),
    ]


def _callers(settings: Settings, function: str) -> list[Binding]:
    return [Binding(f"run:{function}", "roles/run.invoker", member) for member in settings["API_INVOKERS"].split()]


def _member(settings: Settings, name: str) -> str:
    return f"serviceAccount:{settings.account(name)}"


def _database(settings: Settings) -> tuple[str, str]:
    return f"database {settings['DATABASE']}", f'resource.name=="{settings.database_path}"'


def added(policy: Policy, wanted: list[Binding]) -> Policy:
    """The policy with these rights; equal to the policy when it has them."""
    changed: Policy = json.loads(json.dumps(policy))
    bindings = changed.setdefault("bindings", [])
    for one in wanted:
        same = [entry for entry in bindings if entry["role"] == one.role and _is_on(entry, one)]
        if any(one.member in entry["members"] for entry in same):
            continue
        if same:
            same[0]["members"].append(one.member)
        else:
            bindings.append({"role": one.role, "members": [one.member], **_condition(one)})
    return changed | {"version": 3} if changed != policy else changed


def removed(policy: Policy, unwanted: Callable[[str], bool]) -> Policy:
    """The policy without the rights of these members."""
    kept = []
    for entry in policy.get("bindings", []):
        members = [member for member in entry["members"] if not unwanted(member)]
        if members:
            kept.append(entry | {"members": members})
    return policy | {"bindings": kept} if kept != policy.get("bindings", []) else policy


def is_ours(member: str, settings: Settings) -> bool:
    """Whether this is one of the deployment's service accounts, also one that has been deleted."""
    accounts = [settings.account(name) for name in (*FUNCTIONS, "tasks", "build", "deploy")]
    return any(f"serviceAccount:{account}" in member for account in accounts)


def _is_on(entry: Policy, one: Binding) -> bool:
    # A condition counts by what it demands, not by its title.
    expression: str = entry.get("condition", {}).get("expression", "")
    return expression == (one.condition[1] if one.condition else "")


def _condition(one: Binding) -> Policy:
    return {"condition": {"title": one.condition[0], "expression": one.condition[1]}} if one.condition else {}


def main() -> int:
    """`add` or `remove`, and a resource: read its policy and print what it should be; exit with 3 when it is so."""
    verb, resource = sys.argv[1:]
    settings = Settings.from_env()
    policy = json.load(sys.stdin)
    if verb == "add":
        wanted = added(policy, [one for one in table(settings) if one.resource == resource])
    else:
        wanted = removed(policy, lambda member: is_ours(member, settings))
    if wanted == policy:
        return DIFFERS
    sys.stdout.write(json.dumps(wanted, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
