"""What verify.sh finds wrong, and what it says about it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from infra.plan.settings import read_json
from infra.plan.verify import There, checks
from tests.infra.cloud.gcloud import script
from tests.infra.cloud.world import NUMBER, PROJECT, World
from tests.infra.scenes import DATABASE, PLACE, SECRET, everything_slightly_wrong
from tests.infra.test_plan import settings

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


def described(world: World, folder: Path) -> There:
    """The folder that verify.sh fills: gcloud prints what the API answers."""
    names = {
        "queue": POLICIES["queue"],
        "watchdog-queue": POLICIES["watchdog-queue"],
        "bucket": POLICIES["bucket"],
        "database": DATABASE,
        **{name: f"{PLACE}/functions/image-factory-{name}" for name in ("submit", "generate", "status")},
    }
    below = [one for name, one in world.resources.items() if "/collectionGroups/" in name]
    versions = [one for one in world.children(f"{SECRET}/versions") if one["state"] == "ENABLED"]
    found: dict[str, object] = {name: world.resources.get(full) for name, full in names.items()}
    found |= {f"policy-{name}": world.policy(full) for name, full in POLICIES.items()}
    found |= {
        "versions": versions,
        "indexes": [one for one in below if "/indexes/" in one["name"]],
        "fields": [one for one in below if "indexConfig" in one],
        "ttls": [one for one in below if "ttlConfig" in one],
        "service": {"status": {"url": f"https://image-factory-generate-{NUMBER}.us-central1.run.app"}},
    }
    for name, content in found.items():
        if content is None:
            (folder / f"{name}.error").write_text("ERROR: it was not found\n")
        else:
            (folder / f"{name}.json").write_text(json.dumps(content))
    return There(folder)


def deployment() -> dict[str, str]:
    return {"PROJECT_NUMBER": NUMBER, "CORS_ORIGINS": "https://app.example.com"}


def test_each_fault_is_found_in_its_part_and_the_rest_is_well(first: Run, tmp_path: Path) -> None:
    world = first.world.copied()
    everything_slightly_wrong(world)
    there = described(world, tmp_path)

    found = {}
    for name, _, check in checks(there, settings(**deployment())):
        if name != "function status":
            found[name] = check()

    generate = "https://image-factory-generate-123456789012.us-central1.run.app"
    account = f"serviceAccount:image-factory-{{}}@{PROJECT}.iam.gserviceaccount.com"
    assert {name: faults for name, faults in found.items() if faults} == {
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


def test_what_is_not_there_is_wrong_and_the_script_says_how_to_mend_it(tmp_path: Path) -> None:
    # A gcloud that knows the project's number, and finds nothing.
    stand_in = tmp_path / "gcloud"
    stand_in.write_text('#!/bin/sh\n[ "$1" = projects ] && echo 1 && exit\necho "ERROR: NOT_FOUND" >&2\nexit 1\n')
    stand_in.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PROJECT_ID": PROJECT, "TMPDIR": str(tmp_path)}

    done = script("verify.sh", env, "--configuration")

    assert done.code == 1
    assert "WRONG  queue: gcloud cannot describe it: ERROR: NOT_FOUND. Mend: make setup-cloud" in done.out
    assert "WRONG  function submit: gcloud cannot describe it: ERROR: NOT_FOUND. Mend: make deploy" in done.out
    assert "  ok  " not in done.out
    assert "Stopped: something is wrong; the lines above say what, and how to mend it." in done.err


def test_a_service_at_another_address_is_found(first: Run, tmp_path: Path) -> None:
    there = described(first.world, tmp_path)
    (tmp_path / "service.json").write_text(json.dumps({"status": {"url": "https://elsewhere.run.app"}}))

    (found,) = [check() for name, _, check in checks(there, settings(**deployment())) if name == "address of generate"]

    assert found[0].endswith("but the service answers at https://elsewhere.run.app")


def test_a_queue_that_is_paused_is_wrong(first: Run, tmp_path: Path) -> None:
    there = described(first.world, tmp_path)
    paused = json.loads((tmp_path / "queue.json").read_text()) | {"state": "PAUSED"}
    (tmp_path / "queue.json").write_text(json.dumps(paused))

    (found,) = [check() for name, _, check in checks(there, settings(**deployment())) if name == "queue"]

    assert found == ["it is PAUSED"]
    assert read_json("infra/queue.json")["max_attempts"] == 10
