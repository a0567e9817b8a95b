"""Who may do what: the table of rights, and the policies that follow from it.

Rights are on single resources wherever these have policies of their own. Firestore's databases have none, so those
rights are the project's, on the condition that it is this database. Only submit and status are open to the world.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagefactory.settings import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings

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

    @property
    def expression(self) -> str:
        """What the condition demands; empty when there is none."""
        return self.condition[1] if self.condition else ""


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
        # The next attempt is a task of its own, and so is a watchdog's next check.
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


def add(policy: Policy, desired: list[Binding]) -> Policy:
    """The policy with these rights; equal to the policy when it has them."""
    changed = copy.deepcopy(policy)
    entries = changed.setdefault("bindings", [])
    for binding in desired:
        same = [
            entry for entry in entries if entry["role"] == binding.role and _expression(entry) == binding.expression
        ]
        if any(binding.member in entry["members"] for entry in same):
            continue
        if same:
            same[0]["members"].append(binding.member)
        else:
            entries.append({"role": binding.role, "members": [binding.member], **_condition(binding)})
    return changed | {"version": 3} if changed != policy else changed


def remove(policy: Policy, is_unwanted: Callable[[str], bool]) -> Policy:
    """The policy without the rights of these members."""
    kept = []
    for entry in policy.get("bindings", []):
        members = [member for member in entry["members"] if not is_unwanted(member)]
        if members:
            kept.append(entry | {"members": members})
    return policy | {"bindings": kept} if kept != policy.get("bindings", []) else policy


def belongs(member: str, settings: Settings) -> bool:
    """Whether this is one of the deployment's service accounts, also one that has been deleted."""
    accounts = [settings.account(name) for name in (*FUNCTIONS, "tasks", "build", "deploy")]
    return any(f"serviceAccount:{account}" in member for account in accounts)


def differences(policy: Policy, settings: Settings, resource: str) -> list[str]:
    """Which rights on the resource are missing, and which the deployment's accounts or the public have too many."""
    allowed = {(right.role, right.member, right.expression) for right in table(settings) if right.resource == resource}
    actual = {
        (entry["role"], member, _expression(entry))
        for entry in policy.get("bindings", [])
        for member in entry["members"]
    }
    # Other people's rights in the project are their own affair.
    watched = {right for right in actual if belongs(right[1], settings) or right[1].startswith("all")}
    return [
        *(f"{member} lacks {role}" for role, member, _ in sorted(allowed - actual)),
        *(f"{member} has {role}, which it should not (take it away)" for role, member, _ in sorted(watched - allowed)),
    ]


def _expression(entry: Policy) -> str:
    """The condition of a policy's entry: it counts by what it demands, not by its title."""
    expression: str = entry.get("condition", {}).get("expression", "")
    return expression


def _condition(binding: Binding) -> Policy:
    if not binding.condition:
        return {}
    title, expression = binding.condition
    return {"condition": {"title": title, "expression": expression}}
