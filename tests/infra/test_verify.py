"""What verify finds wrong, and what it says about it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from infra.commands.verify import ActualState, NotDescribed, checks
from infra.settings import read_json
from tests.infra.cloud.gcloud import run_infra
from tests.infra.cloud.world import NUMBER, PROJECT, World
from tests.infra.scenarios import DATABASE, PLACE, SECRET, everything_slightly_wrong
from tests.infra.test_resources import settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.runs import Run

# The first test waits for everything to be set up and deployed.
pytestmark = pytest.mark.timeout(900)

ACCOUNTS = f"projects/{PROJECT}/serviceAccounts/image-factory"
POLICIES = {
    "project": f"projects/{PROJECT}",
    "queue": f"{PLACE}/queues/image-factory",
    "watchdog-queue": f"{PLACE}/queues/image-factory-watchdog",
    "bucket": f"b/{PROJECT}-image-factory",
    "secret": SECRET,
    "account:tasks": f"{ACCOUNTS}-tasks@{PROJECT}.iam.gserviceaccount.com",
    "account:status": f"{ACCOUNTS}-status@{PROJECT}.iam.gserviceaccount.com",
    **{f"run:{name}": f"{PLACE}/services/image-factory-{name}" for name in ("submit", "generate", "status")},
}


def describe(world: World) -> ActualState:
    """What verify reads: gcloud prints what the API answers."""
    names = {
        "queue": POLICIES["queue"],
        "watchdog-queue": POLICIES["watchdog-queue"],
        "bucket": POLICIES["bucket"],
        "database": DATABASE,
        **{name: f"{PLACE}/functions/image-factory-{name}" for name in ("submit", "generate", "status")},
    }
    below = [resource for name, resource in world.resources.items() if "/collectionGroups/" in name]
    parts: dict[str, object] = {name: world.resources[full] for name, full in names.items() if full in world.resources}
    parts |= {f"policy-{name}": world.policy(full) for name, full in POLICIES.items()}
    parts |= {
        "versions": [version for version in world.children(f"{SECRET}/versions") if version["state"] == "ENABLED"],
        "indexes": [index for index in below if "/indexes/" in index["name"]],
        "fields": [field for field in below if "indexConfig" in field],
        "ttls": [field for field in below if "ttlConfig" in field],
        "service": {"status": {"url": f"https://image-factory-generate-{NUMBER}.us-central1.run.app"}},
    }
    return ActualState(parts, {name: "ERROR: it was not found" for name in names if name not in parts})


def faults(actual: ActualState, part: str) -> list[str]:
    (check,) = [check for check in checks(actual, settings(**deployment())) if check.part == part]
    return check.faults()


def deployment() -> dict[str, str]:
    return {"PROJECT_NUMBER": NUMBER, "CORS_ORIGINS": "https://app.example.com"}


def test_each_fault_is_told_of_its_part_and_the_rest_is_well(first: Run) -> None:
    world = first.world.copied()
    everything_slightly_wrong(world)
    actual = describe(world)

    told = {}
    for check in checks(actual, settings(**deployment())):
        if check.part != "function status":
            told[check.part] = check.faults()

    with pytest.raises(NotDescribed, match="ERROR: it was not found"):
        faults(actual, "function status")
    generate = "https://image-factory-generate-123456789012.us-central1.run.app"
    account = f"serviceAccount:image-factory-{{}}@{PROJECT}.iam.gserviceaccount.com"
    assert {part: wrong for part, wrong in told.items() if wrong} == {
        "queue": ["max_attempts is 3, not 10"],
        "bucket": ["the CORS rules are others"],
        "encryption key": ["the secret has no enabled version"],
        "database": ["ttl on prompts expires_at is missing"],
        "function generate": [
            "its concurrency is 1, not 100",
            f"GENERATE_URL is 'https://elsewhere.example', not '{generate}'",
        ],
        "rights on queue": [
            f"{account.format('generate')} lacks roles/cloudtasks.enqueuer",
            f"{account.format('submit')} lacks roles/cloudtasks.enqueuer",
            f"{account.format('submit')} lacks roles/cloudtasks.taskDeleter",
            f"{account.format('generate')} lacks roles/cloudtasks.viewer",
        ],
        "rights on run:generate": ["allUsers has roles/run.invoker, which it should not (take it away)"],
    }


def test_what_is_not_there_is_wrong_and_verify_says_how_to_fix_it(tmp_path: Path) -> None:
    # A gcloud that knows the project's number, and finds nothing.
    stand_in = tmp_path / "gcloud"
    stand_in.write_text(
        '#!/bin/sh\n[ "$1 $2" = "projects describe" ] && echo 1 && exit\necho "ERROR: NOT_FOUND" >&2\nexit 1\n'
    )
    stand_in.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PROJECT_ID": PROJECT, "TMPDIR": str(tmp_path)}

    done = run_infra(env, "verify", "--configuration")

    assert done.code == 1
    assert "FAIL  queue: gcloud cannot describe it: ERROR: NOT_FOUND. Fix: make setup-cloud" in done.out
    assert "FAIL  function submit: gcloud cannot describe it: ERROR: NOT_FOUND. Fix: make deploy" in done.out
    assert "  ok  " not in done.out
    assert "Stopped: something is wrong; the lines above say what, and how to fix it." in done.err


def test_a_service_at_another_address_is_wrong(first: Run) -> None:
    actual = describe(first.world)
    elsewhere = ActualState({**actual.parts, "service": {"status": {"url": "https://elsewhere.run.app"}}})

    (fault,) = faults(elsewhere, "address of generate")

    assert fault.endswith("but the service answers at https://elsewhere.run.app")


def test_a_queue_that_is_paused_is_wrong(first: Run) -> None:
    actual = describe(first.world)
    paused = ActualState({**actual.parts, "queue": actual["queue"] | {"state": "PAUSED"}})

    assert faults(paused, "queue") == ["it is PAUSED"]
    assert read_json("infra/queue.json")["max_attempts"] == 10


def test_without_the_package_that_its_images_need_verify_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "gcloud").write_text("#!/bin/sh\necho 1\n")
    (tmp_path / "gcloud").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PROJECT_ID": PROJECT, "TMPDIR": str(tmp_path)}

    done = run_infra(env, "verify")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "\nStopped: the images of verify need the package requests: run make setup, then make verify.\n"
    )
