"""How the workflow's configuration comes into Firestore, and when it does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.resources import workflow
from infra.rest import Firestore, RestError
from infra.settings import Settings, read_json
from tests.infra.cloud.server import Cloud
from tests.infra.cloud.world import PROJECT, Fault, Refused
from tests.infra.scenarios import DATABASE, WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        running.world.resources[DATABASE] = {"name": DATABASE}
        yield running


def deploy(cloud: Cloud, **settings: str) -> str:
    """Write the workflow's configuration; returns what was done."""
    given = Settings.read({"PROJECT_ID": PROJECT, **settings})
    return workflow.write(given, Firestore(cloud.base, "an-operator's-token"))


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
    told = deploy(cloud)

    assert told == "the workflow's configuration is written"
    assert max_prompts(cloud) == "10000"
    assert "id" not in cloud.world.documents[WORKFLOW]["fields"]
    assert {call.headers["authorization"] for call, _ in cloud.world.requests} == {"Bearer an-operator's-token"}


def test_the_next_deploy_leaves_it_alone(cloud: Cloud) -> None:
    deploy(cloud)

    told = deploy(cloud)

    assert told == "the workflow's configuration is in place"
    assert commits(cloud) == 1


def test_a_new_version_of_the_file_replaces_what_nobody_edited(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud)

    deploy(cloud, WORKFLOW_FILE=changed_file(tmp_path))

    assert max_prompts(cloud) == "9000"


def test_what_was_edited_in_firestore_survives_and_is_told(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud)
    edit(cloud)

    told = deploy(cloud, WORKFLOW_FILE=changed_file(tmp_path))

    assert "was edited in Firestore and is kept (max_prompts differ" in told
    assert max_prompts(cloud) == "500"


def test_what_was_edited_is_replaced_when_the_settings_say_so(cloud: Cloud) -> None:
    deploy(cloud)
    edit(cloud)

    deploy(cloud, WORKFLOW_EDITED="replace")

    assert max_prompts(cloud) == "10000"


def test_an_edit_during_the_deploy_is_not_overwritten(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud)
    changed = Refused(400, "FAILED_PRECONDITION", "The document was changed.")
    cloud.world.faults.append(Fault("POST", ":commit$", changed))

    with pytest.raises(RestError, match=r"^Firestore answered 400: The document was changed\.$"):
        deploy(cloud, WORKFLOW_FILE=changed_file(tmp_path))

    assert max_prompts(cloud) == "10000"


def test_the_token_is_not_shown_with_the_client() -> None:
    assert "secret-token" not in repr(Firestore("https://firestore.googleapis.com", "secret-token"))
