"""Compares what is deployed with what should be, part by part, and says of each difference how to mend it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.plan import bindings, bucket, firestore, queue
from infra.plan.environment import environment
from infra.plan.settings import FUNCTIONS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SETUP, DEPLOY = "make setup-cloud", "make deploy"
POLICIES = (
    *("project", "queue", "watchdog-queue", "bucket", "secret", "account:tasks", "account:status"),
    *("run:submit", "run:generate", "run:status"),
)


class NotThereError(Exception):
    """gcloud could not describe it; the message is gcloud's."""


@dataclass(frozen=True)
class There:
    """What gcloud said, a file for each part: NAME.json, or NAME.error with its complaint."""

    folder: Path

    def __getitem__(self, name: str) -> Any:
        path = self.folder / f"{name}.json"
        if not path.exists():
            raise NotThereError((self.folder / f"{name}.error").read_text(encoding="utf-8").strip())
        return json.loads(path.read_text(encoding="utf-8"))


def checks(there: There, settings: Settings) -> list[tuple[str, str, Callable[[], list[str]]]]:
    """Each part's name, what mends it, and the function that finds its faults."""
    return [
        ("queue", SETUP, lambda: _queue(there["queue"], settings.numbers("QUEUE"))),
        ("watchdog queue", SETUP, lambda: _queue(there["watchdog-queue"], settings.numbers("WATCHDOG_QUEUE"))),
        ("bucket", SETUP, lambda: bucket.differences(there["bucket"], settings)),
        ("encryption key", SETUP, lambda: [] if there["versions"] else ["the secret has no enabled version"]),
        ("database", SETUP, lambda: _database(there)),
        *((f"function {name}", DEPLOY, partial(_function, there, settings, name)) for name in FUNCTIONS),
        ("address of generate", DEPLOY, lambda: _address(there, settings)),
        *((f"rights on {name}", _mender(name), partial(_rights, there, settings, name)) for name in POLICIES),
    ]


def _mender(resource: str) -> str:
    return DEPLOY if resource.startswith("run:") else SETUP


def _queue(described: dict[str, Any], numbers: dict[str, float]) -> list[str]:
    paused = [] if described.get("state", "RUNNING") == "RUNNING" else [f"it is {described['state']}"]
    return paused + queue.differences(described, numbers)


def _database(there: There) -> list[str]:
    described, indexes, ttls = there["database"], there["indexes"], there["ttls"]
    found = [
        f"{what} on {group} {path} is missing"
        for what, group, path, _ in firestore.todo(indexes, there["fields"], ttls)
    ]
    found += [f"{one} is not ready yet (wait some minutes)" for one in firestore.not_ready(indexes, ttls)]
    if described.get("deleteProtectionState") != "DELETE_PROTECTION_ENABLED":
        found.append("it can be deleted by accident (gcloud firestore databases update --delete-protection)")
    return found


def _function(there: There, settings: Settings, name: str) -> list[str]:
    described = there[name]
    service, size = described.get("serviceConfig", {}), settings.size(name)
    facts = {
        "state": (described.get("state"), "ACTIVE"),
        "service account": (service.get("serviceAccountEmail"), settings.account(name)),
        "ingress": (service.get("ingressSettings"), "ALLOW_INTERNAL_ONLY" if name == "generate" else "ALLOW_ALL"),
        "concurrency": (str(service.get("maxInstanceRequestConcurrency")), size["CONCURRENCY"]),
        "instances": (str(service.get("maxInstanceCount")), size["MAX_INSTANCES"]),
        "CPU": (service.get("availableCpu"), size["CPU"]),
        "memory": (service.get("availableMemory"), size["MEMORY"]),
        "timeout": (str(service.get("timeoutSeconds")), size["TIMEOUT"]),
    }
    found = [f"its {what} is {is_}, not {wanted}" for what, (is_, wanted) in facts.items() if is_ != wanted]
    return found + list(_variables(service.get("environmentVariables", {}), environment(name, settings)))


def _variables(there: dict[str, str], wanted: dict[str, str]) -> Iterator[str]:
    for name, value in wanted.items():
        if there.get(name, "") != value:
            yield f"{name} is {there.get(name, '')!r}, not {value!r}"
    # LOG_EXECUTION_ID is Google's own doing.
    for name in sorted({*there} - {*wanted} - {"LOG_EXECUTION_ID"}):
        yield f"{name} is set, and should not be"


def _address(there: There, settings: Settings) -> list[str]:
    described = there["service"]
    annotation = described.get("metadata", {}).get("annotations", {}).get("run.googleapis.com/urls", "[]")
    urls = {*json.loads(annotation), described.get("status", {}).get("url")}
    if settings.generate_url in urls:
        return []
    return [f"tasks go to {settings.generate_url}, but the service answers at {', '.join(sorted(filter(None, urls)))}"]


def _rights(there: There, settings: Settings, resource: str) -> list[str]:
    policy = there[f"policy-{resource}"]
    wanted = [one for one in bindings.table(settings) if one.resource == resource]
    allowed = {(one.role, one.member, one.condition[1] if one.condition else "") for one in wanted}
    given = {
        (entry["role"], member, entry.get("condition", {}).get("expression", ""))
        for entry in policy.get("bindings", [])
        for member in entry["members"]
    }
    # Other people's rights in the project are their own affair; the deployment's accounts and the public are ours.
    watched = {right for right in given if bindings.is_ours(right[1], settings) or right[1].startswith("all")}
    too_few = [f"{member} lacks {role}" for role, member, _ in sorted(allowed - given)]
    return too_few + [
        f"{member} has {role}, which it should not (take it away)" for role, member, _ in sorted(watched - allowed)
    ]


def main() -> int:
    """Print a line for each part; exit with 1 when any is not as it should be."""
    there, wrong = There(Path(sys.argv[1])), False
    for name, mender, check in checks(there, Settings.from_env()):
        try:
            found = check()
        except NotThereError as missing:
            found = [f"gcloud cannot describe it: {missing}"]
        wrong = wrong or bool(found)
        sys.stdout.write("".join(f"  WRONG  {name}: {one}. Mend: {mender}\n" for one in found) or f"  ok     {name}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
