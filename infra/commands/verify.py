"""Compares what is deployed with what should be, part by part, and says of each difference how to fix it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from imagefactory.settings import FUNCTIONS
from infra.commands import smoke_test
from infra.console import say, say_fail, say_ok
from infra.gcloud import SIGNED_OUT, GcloudError, run_concurrently
from infra.resources import bucket, firestore, function, iam, queue
from infra.resources.firestore import Indexes
from infra.resources.queue import QueueNumbers
from infra.steps import policy_command
from infra.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.gcloud import Gcloud
    from infra.settings import Settings

SETUP, DEPLOY = "make setup-cloud", "make deploy"
POLICIES = (
    *("project", "queue", "watchdog-queue", "bucket", "secret", "account:tasks", "account:status"),
    *("run:submit", "run:generate", "run:status"),
)


class NotDescribed(Exception):
    """gcloud could not describe a part; the message is gcloud's."""


@dataclass(frozen=True)
class ActualState:
    """What gcloud describes, by part, or its complaint in place of the description."""

    parts: Mapping[str, Any]
    complaints: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, part: str) -> Any:
        if part not in self.parts:
            raise NotDescribed(self.complaints[part])
        return self.parts[part]


@dataclass(frozen=True)
class Check:
    """A part that is compared, the command that fixes it, and what returns its faults."""

    part: str
    fix: str
    faults: Callable[[], list[str]]


def run(settings: Settings, gcloud: Gcloud, environ: Mapping[str, str], *, configuration_only: bool) -> None:
    """Compare everything; then, unless only the configuration counts, use the deployment as a user would.

    Raises:
        Stop: a part is not as it should be, or Python lacks what the use needs.
    """
    if not configuration_only:
        smoke_test.require_client()
    say(f"Looking at {settings['DEPLOYMENT']} in {settings['PROJECT_ID']} ({settings['REGION']})")
    settings = settings.with_project_number(gcloud.project_number())
    actual = read_state(gcloud, settings)
    is_well = compare(actual, settings)
    if not configuration_only:
        is_well = _pass_smoke_test(actual, settings, environ) and is_well
    if not is_well:
        raise Stop("something is wrong; the lines above say what, and how to fix it.")
    say("All is as it should be.")


def read_state(gcloud: Gcloud, settings: Settings) -> ActualState:
    """Ask gcloud about every part.

    Raises:
        GcloudError: nobody is signed in.
    """
    commands = _commands(settings)
    calls = [partial(_describe, gcloud, part, words) for part, words in commands.items()]
    answers = dict(zip(commands, run_concurrently(calls), strict=True))
    complaints = {part: answer.first_line for part, answer in answers.items() if isinstance(answer, GcloudError)}
    return ActualState({part: answer for part, answer in answers.items() if part not in complaints}, complaints)


def compare(actual: ActualState, settings: Settings) -> bool:
    """Print a line for each part, or for each of its faults; returns whether there are none."""
    is_well = True
    for check in checks(actual, settings):
        try:
            faults = check.faults()
        except NotDescribed as complaint:
            faults = [f"gcloud cannot describe it: {complaint}"]
        for fault in faults:
            say_fail(f"{check.part}: {fault}. Fix: {check.fix}")
        if not faults:
            say_ok(check.part)
        is_well = is_well and not faults
    return is_well


def checks(actual: ActualState, settings: Settings) -> list[Check]:
    """What is compared, in order."""
    return [
        Check("queue", SETUP, lambda: _queue(actual["queue"], settings, "QUEUE")),
        Check("watchdog queue", SETUP, lambda: _queue(actual["watchdog-queue"], settings, "WATCHDOG_QUEUE")),
        Check("bucket", SETUP, lambda: bucket.differences(actual["bucket"], settings)),
        Check("encryption key", SETUP, lambda: [] if actual["versions"] else ["the secret has no enabled version"]),
        Check("database", SETUP, lambda: _database(actual)),
        *(Check(f"function {name}", DEPLOY, partial(_function, actual, settings, name)) for name in FUNCTIONS),
        Check("address of generate", DEPLOY, lambda: function.address_differences(actual["service"], settings)),
        *(_rights(actual, settings, resource) for resource in POLICIES),
    ]


def _queue(actual: dict[str, Any], settings: Settings, name: str) -> list[str]:
    state = actual.get("state", "RUNNING")
    paused = [] if state == "RUNNING" else [f"it is {state}"]
    return paused + queue.differences(actual, QueueNumbers.read(settings, name))


def _database(actual: ActualState) -> list[str]:
    indexes = Indexes(actual["indexes"], actual["fields"], actual["ttls"])
    return firestore.differences(actual["database"], indexes)


def _function(actual: ActualState, settings: Settings, name: str) -> list[str]:
    return function.differences(actual[name], settings, name)


def _rights(actual: ActualState, settings: Settings, resource: str) -> Check:
    fix = DEPLOY if resource.startswith("run:") else SETUP
    return Check(
        f"rights on {resource}", fix, lambda: iam.differences(actual[f"policy-{resource}"], settings, resource)
    )


def _commands(settings: Settings) -> dict[str, list[str]]:
    """What to ask gcloud about every part."""
    place, region = f"--location={settings['REGION']}", f"--region={settings['REGION']}"
    database = f"--database={settings['DATABASE']}"
    return {
        "queue": ["tasks", "queues", "describe", settings["QUEUE_NAME"], place],
        "watchdog-queue": ["tasks", "queues", "describe", settings["WATCHDOG_QUEUE_NAME"], place],
        "bucket": ["storage", "buckets", "describe", settings.bucket_url, "--raw"],
        "versions": ["secrets", "versions", "list", settings["KEY_SECRET"], "--filter=state=ENABLED"],
        "database": ["firestore", "databases", "describe", database],
        **{part: [*words, database] for part, words in firestore.LISTS.items()},
        "service": ["run", "services", "describe", settings.function("generate"), region],
        **{name: ["functions", "describe", settings.function(name), "--gen2", region] for name in FUNCTIONS},
        **{f"policy-{resource}": policy_command(settings, resource, "get") for resource in POLICIES},
    }


def _describe(gcloud: Gcloud, part: str, words: list[str]) -> Any:
    """What gcloud says of a part, or why it says nothing; only that nobody is signed in is not about the part."""
    try:
        return gcloud.read_json(*words)
    except GcloudError as error:
        if error.mentions(*SIGNED_OUT):
            raise error.describe_as(f"looking at {part}") from error
        return error


def _pass_smoke_test(actual: ActualState, settings: Settings, environ: Mapping[str, str]) -> bool:
    try:
        addresses = {name: actual[name]["serviceConfig"]["uri"] for name in FUNCTIONS}
    except NotDescribed as complaint:
        say_fail(str(complaint))
        return False
    return smoke_test.run(addresses, settings, environ)
