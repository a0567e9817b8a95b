"""When something is wrong, the commands stop with one sentence that says what to do, and call nothing done."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.infra.cloud.world import PROJECT, Fault, Refused, World
from tests.infra.runs import Command
from tests.infra.scenarios import PLACE, SECRET, three_key_versions

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from tests.infra.runs import Run

# The first test waits for everything to be set up and deployed.
pytestmark = pytest.mark.timeout(900)

FORBIDDEN = Refused(403, "PERMISSION_DENIED", "The caller does not have permission")


def stopped(run: Run) -> str:
    """The sentence with which the last command stopped."""
    assert run.codes[-1] == 1
    for success in ("Set up.", "Deployed.", "All is as it should be"):
        assert success not in run.commands[-1].out
    return run.err.rpartition("Stopped: ")[2]


def test_the_gcloud_of_these_tests_is_the_installed_one(programs: Path) -> None:
    paths = [os.environ["PATH"], f"{programs}{os.pathsep}{os.environ['PATH']}"]

    versions = [
        subprocess.run(["gcloud", "version"], env={"PATH": path}, capture_output=True, check=True)  # noqa: S607 - as the commands do
        for path in paths
    ]

    assert versions[0].stdout == versions[1].stdout != b""


def test_what_may_not_be_looked_at_is_not_created(later: Callable[..., Future[Run]]) -> None:
    def closed(world: World) -> None:
        world.faults.append(Fault("GET", "/queues/", FORBIDDEN))

    run = later(Command(("setup",)), change=closed).result()

    assert "gcloud tasks queues describe image-factory failed: you may not do this in demo-project" in stopped(run)
    assert run.world.facts() == run.before


def test_a_failing_build_stops_the_deploy_at_its_function(later: Callable[..., Future[Run]]) -> None:
    def broken(world: World) -> None:
        failure = {"name": "x", "done": True, "error": {"code": 3, "message": "Build failed: pip check"}}
        world.faults.append(Fault("GET", "/operations/update-image-factory-generate", failure))

    run = later(Command(("deploy",)), change=broken).result()

    assert "gcloud functions deploy image-factory-generate failed" in stopped(run)
    assert "Build failed: pip check" in run.err
    touched = [call.path for call, _ in run.world.requests if call.method == "PATCH"]
    assert touched == [f"/v2/{PLACE}/functions/image-factory-generate"]


def test_without_a_key_nothing_is_deployed(later: Callable[..., Future[Run]]) -> None:
    def keyless(world: World) -> None:
        world.resources[f"{SECRET}/versions/1"]["state"] = "DISABLED"

    run = later(Command(("deploy",)), change=keyless).result()

    assert "has no enabled version, so submit could not encrypt: run make setup-cloud" in stopped(run)
    assert run.world.facts() == run.before


def test_a_project_that_is_not_set_up_is_sent_to_setup(later: Callable[..., Future[Run]]) -> None:
    def empty(world: World) -> None:
        world.resources.clear()

    run = later(Command(("deploy",)), change=empty).result()

    assert "something this builds on is missing: run make setup-cloud" in stopped(run)


def test_an_account_that_stays_unseen_ends_the_command_after_some_patience(later: Callable[..., Future[Run]]) -> None:
    def hidden(world: World) -> None:
        del world.policies[f"{PLACE}/services/image-factory-generate"]
        world.unseen[f"image-factory-tasks@{PROJECT}.iam.gserviceaccount.com"] = 1000

    run = later(Command(("deploy",), settings=(("RETRIES", "2"),)), change=hidden).result()

    assert "writing the policy of run:generate (2 times) failed" in stopped(run)
    assert sum(call.path.endswith(":setIamPolicy") for call, _ in run.world.requests) == 2


def test_no_key_is_disabled_when_nobody_can_say_whether_it_is_needed(later: Callable[..., Future[Run]]) -> None:
    def closed(world: World) -> None:
        three_key_versions(world)
        world.faults.append(Fault("POST", "documents:runQuery", FORBIDDEN))

    run = later(Command(("rotate-key", "--sweep")), change=closed).result()

    assert "which keys are still needed could not be found out; none was disabled" in stopped(run)
    assert run.world.facts() == run.before


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (Command(("teardown",), answers="yes\n"), "that is not image-factory; nothing was deleted"),
        (Command(("teardown",)), "that is not image-factory; nothing was deleted"),
        (Command(("rotate-key", "--swep")), "unrecognized arguments: --swep; --help tells which arguments there are"),
        (Command(("setup-ci",)), "CI_REPOSITORY must be the repository's OWNER/NAME"),
        (Command(("setup",), settings=(("SETTINGS", "infra/none.env"),)), "there is no settings file infra/none.env"),
        (Command(()), "the following arguments are required: COMMAND"),
        (Command(("deploy",), settings=(("RETRIES", "many"),)), "RETRIES must be a whole number"),
        (
            Command(("deploy",), settings=(("MAX_CONCURRENT_DECODES", "0"),)),
            "the settings above do not fit together; nothing was called",
        ),
        (
            Command(("deploy",), settings=(("GENERATE_MAX_INSTANCES", "1"),)),
            "the settings above do not fit together; nothing was called",
        ),
    ],
)
def test_what_can_be_known_before_is_said_before_anything_is_called(
    later: Callable[..., Future[Run]], command: Command, sentence: str
) -> None:
    run = later(command).result()

    assert sentence in stopped(run)
    assert run.world.requests == []
