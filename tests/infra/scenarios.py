"""What is done to the deployed world, apart from looking at it: commands, and what is changed before they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.infra.cloud.firestore import put_document
from tests.infra.cloud.world import PROJECT, Fault, Refused, World
from tests.infra.runs import Command

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE = f"projects/{PROJECT}/locations/us-central1"
DATABASE = f"projects/{PROJECT}/databases/image-factory"
SECRET = f"projects/{PROJECT}/secrets/image-factory-key"
WORKFLOW = f"{DATABASE}/documents/workflows/f8b20b59-7d06-4599-8413-64da74225b0c"
API_KEY = "a-user's-gemini-key"
REPOSITORY = "owner/name"


def nothing(_: World) -> None:
    """Leave the world as the first run left it."""


def no_right_to_set_policies(world: World) -> None:
    world.faults.append(Fault("POST", ":setIamPolicy$", Refused(403, "PERMISSION_DENIED", "You may not.")))


def everything_slightly_wrong(world: World) -> None:
    """One fault in each part that verify looks at."""
    world.resources[f"{PLACE}/queues/image-factory"]["retryConfig"]["maxAttempts"] = 3
    world.resources[f"b/{PROJECT}-image-factory"]["cors"] = []
    world.resources[f"{SECRET}/versions/1"]["state"] = "DISABLED"
    del world.resources[f"{DATABASE}/collectionGroups/prompts/fields/expires_at"]
    generate = world.resources[f"{PLACE}/functions/image-factory-generate"]["serviceConfig"]
    generate["maxInstanceRequestConcurrency"] = 1
    generate["environmentVariables"]["GENERATE_URL"] = "https://elsewhere.example"
    del world.resources[f"{PLACE}/functions/image-factory-status"]
    world.policies[f"{PLACE}/services/image-factory-generate"]["bindings"][0]["members"].append("allUsers")
    del world.policies[f"{PLACE}/queues/image-factory"]


def an_image(world: World) -> None:
    name = "executions/x/00000.png"
    world.resources[f"o/{PROJECT}-image-factory/{name}"] = {
        "kind": "storage#object",
        "name": name,
        "bucket": f"{PROJECT}-image-factory",
        "generation": "1",
        "metageneration": "1",
        "size": "3",
    }
    world.policies[f"projects/{PROJECT}"]["bindings"].append(
        {"role": "roles/owner", "members": ["user:ada@example.com"]}
    )


def three_key_versions(world: World) -> None:
    """The first is needed by an open execution, the second by an ended one only, the third is the newest."""
    for number in (2, 3):
        name = f"{SECRET}/versions/{number}"
        world.resources[name] = {"name": name, "state": "ENABLED", "createTime": "2026-11-20T12:00:00.123456789Z"}
    for name, state, version in (("one", "open", 1), ("two", "completed", 2)):
        sealed = {"key_version": {"stringValue": f"projects/123456789012/secrets/image-factory-key/versions/{version}"}}
        fields: dict[str, Any] = {"state": {"stringValue": state}, "sealed_key": {"mapValue": {"fields": sealed}}}
        put_document(world, f"{DATABASE}/documents/executions/{name}", fields)


SIGN_IN = (
    *(("FIREBASE_API_KEY", "web"), ("VERIFY_EMAIL", "ada@example.com"), ("VERIFY_PASSWORD", "pass")),
    *(("IDENTITY_TOOLKIT_URL", "CLOUD"), ("GEMINI_API_KEY", API_KEY)),
)
CI = (("CI_REPOSITORY", REPOSITORY),)
CONFIRMED = (("CONFIRM", "image-factory"),)
ALERTS = (("ALERT_EMAIL", "ops@example.com"),)

#: The longest first, so that the two workers end at about the same time.
SCENARIOS: dict[str, tuple[tuple[Command, ...], Callable[[World], None]]] = {
    "again": ((Command(("setup",)), Command(("deploy",))), no_right_to_set_policies),
    "monitored and taken down": (
        (
            Command(("monitoring",), settings=ALERTS),
            Command(("monitoring",), settings=ALERTS),
            Command(("teardown",), answers="image-factory\n"),
        ),
        an_image,
    ),
    "taken down but for the data": ((Command(("teardown", "--keep-data"), settings=CONFIRMED),), nothing),
    "ci": ((Command(("setup-ci",), settings=CI), Command(("setup-ci",), settings=CI)), nothing),
    "verified": ((Command(("verify",), settings=SIGN_IN, is_bare=False),), nothing),
    "rotated": ((Command(("rotate-key",)),), three_key_versions),
}
