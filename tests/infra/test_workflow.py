"""How the workflow's configuration comes into Firestore, and when it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from infra.plan.settings import ROOT, read_json
from tests.infra.cloud.server import Cloud
from tests.infra.cloud.world import PROJECT, Fault, Refused
from tests.infra.scenes import DATABASE, WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        running.world.resources[DATABASE] = {"name": DATABASE}
        yield running


def deployed(cloud: Cloud, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PROJECT_ID": PROJECT,
        "DATABASE": "image-factory",
        "WORKFLOW_FILE": "infra/workflow.json",
        "WORKFLOW_EDITED": "keep",
        "ACCESS_TOKEN": "an-operator's-token",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE": f"{cloud.base}/",
    }
    command = [sys.executable, "-m", "infra.plan.workflow"]
    return subprocess.run(command, env=env | settings, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def commits(cloud: Cloud) -> int:
    return sum(call.path.endswith(":commit") for call, _ in cloud.world.requests)


def edit(cloud: Cloud) -> None:
    """What an operator does in the console."""
    cloud.world.documents[WORKFLOW]["fields"]["max_prompts"] = {"integerValue": "500"}
    cloud.world.documents[WORKFLOW]["updateTime"] = "2026-11-22T13:00:00Z"


def max_prompts(cloud: Cloud) -> Any:
    return cloud.world.documents[WORKFLOW]["fields"]["max_prompts"]["integerValue"]


def changed_file(folder: Path) -> str:
    path = folder / "workflow.json"
    path.write_text(json.dumps(read_json("infra/workflow.json") | {"max_prompts": 9000}))
    return str(path)


def test_the_first_deploy_writes_it(cloud: Cloud) -> None:
    result = deployed(cloud)

    assert (result.returncode, result.stdout) == (0, "  the workflow's configuration is written\n")
    assert max_prompts(cloud) == "10000"
    assert "id" not in cloud.world.documents[WORKFLOW]["fields"]


def test_the_next_deploy_leaves_it_alone(cloud: Cloud) -> None:
    deployed(cloud)

    result = deployed(cloud)

    assert result.stdout == "  the workflow's configuration is in place\n"
    assert commits(cloud) == 1


def test_a_new_version_of_the_file_replaces_what_nobody_edited(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud)

    deployed(cloud, WORKFLOW_FILE=changed_file(tmp_path))

    assert max_prompts(cloud) == "9000"


def test_what_was_edited_in_firestore_survives_and_is_told(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud)
    edit(cloud)

    result = deployed(cloud, WORKFLOW_FILE=changed_file(tmp_path))

    assert result.returncode == 0
    assert "was edited in Firestore and is kept (max_prompts differ" in result.stdout
    assert max_prompts(cloud) == "500"


def test_what_was_edited_is_replaced_when_the_settings_say_so(cloud: Cloud) -> None:
    deployed(cloud)
    edit(cloud)

    deployed(cloud, WORKFLOW_EDITED="replace")

    assert max_prompts(cloud) == "10000"


def test_an_edit_during_the_deploy_is_not_overwritten(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud)
    changed = Refused(400, "FAILED_PRECONDITION", "The document was changed.")
    cloud.world.faults.append(Fault("POST", ":commit$", changed))

    result = deployed(cloud, WORKFLOW_FILE=changed_file(tmp_path))

    assert (result.returncode, max_prompts(cloud)) == (1, "10000")
    assert result.stderr == "Firestore answered 400: The document was changed.\n"
