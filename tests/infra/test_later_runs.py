"""What the commands do to a world that is deployed already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.cloud.world import NUMBER, PROJECT
from tests.infra.scenarios import API_KEY, DATABASE, PLACE, REPOSITORY, SECRET

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tests.infra.runs import Run

# The first test waits for everything to be set up and deployed.
pytestmark = pytest.mark.timeout(900)

Runs = dict[str, "Future[Run]"]
READS = ("GET", "OPTIONS")
#: Posted, but only to read or to enable what is enabled.
HARMLESS = (":getIamPolicy", ":batchEnable", ":batchGet", ":runQuery", ":generateUploadUrl")


def writes(run: Run) -> list[tuple[str, str]]:
    calls = [(call.method, call.path) for call, _ in run.world.requests if call.method not in READS]
    return [(method, path) for method, path in calls if not path.endswith(HARMLESS)]


def test_a_second_run_changes_nothing(runs: Runs) -> None:
    run = runs["again"].result()

    assert run.codes == (0, 0), run.err
    assert run.world.facts() == run.before


def test_a_second_run_writes_nothing_but_new_revisions_and_sets_no_policy(runs: Runs) -> None:
    run = runs["again"].result()

    written = [(method, path) for method, path in writes(run) if not path.startswith("/upload/")]

    functions = [f"/v2/{PLACE}/functions/image-factory-{name}" for name in ("generate", "submit", "status")]
    assert written == [("PATCH", path) for path in functions]


def test_verify_says_of_every_part_that_it_is_well_and_makes_two_images(runs: Runs) -> None:
    run = runs["verified"].result()

    assert run.codes == (0,), run.out + run.err
    assert "FAIL" not in run.out
    assert run.out.count("\n  ok ") == 24
    assert "both images are made and can be fetched (image/png)" in run.out
    assert API_KEY not in run.out + run.err
    (batch,) = run.world.batches.values()
    assert (len(batch["prompts"]), batch["key"]) == (2, API_KEY)


def test_verify_changes_nothing(runs: Runs) -> None:
    run = runs["verified"].result()

    assert run.world.facts() == run.before


def test_a_teardown_leaves_nothing_of_the_deployment_and_all_of_the_others(runs: Runs) -> None:
    run = runs["monitored and taken down"].result()

    assert run.codes == (0, 0, 0), run.err
    left = [name for name in run.world.resources if "/notificationChannels/" not in name]
    assert left == []
    assert run.world.bindings() == {(f"projects/{PROJECT}", "roles/owner", "user:ada@example.com", "")}
    assert run.world.documents == {}


def test_a_teardown_first_names_what_it_deletes(runs: Runs) -> None:
    run = runs["monitored and taken down"].result()

    said, _, done = run.commands[2].out.partition("  function image-factory-submit: deleted")
    assert done
    for name in ("-submit", "-generate", "-status", "queues image-factory", f"bucket {PROJECT}", "database", "-key"):
        assert name in said


def test_a_teardown_keeps_the_data_if_asked_to(runs: Runs) -> None:
    run = runs["taken down but for the data"].result()

    assert run.codes == (0,), run.err
    assert f"It keeps the database image-factory and the bucket {PROJECT}-image-factory." in run.out
    kept = {name for name in run.before["resources"] if name.startswith((DATABASE, "b/"))}
    assert set(run.world.resources) == kept
    assert run.world.facts()["documents"] == run.before["documents"]


def test_monitoring_makes_metrics_alerts_and_a_dashboard_once(runs: Runs) -> None:
    run = runs["monitored and taken down"].result()

    resources = run.states[1]["resources"]
    made = [name.split("/")[2] for name in resources if name.split("/")[2:] and "/functions/" not in name]
    counts = {kind: made.count(kind) for kind in ("metrics", "alertPolicies", "dashboards", "notificationChannels")}
    assert counts == {"metrics": 6, "alertPolicies": 5, "dashboards": 1, "notificationChannels": 1}
    assert run.commands[1].out.startswith("Monitoring is in place")
    assert run.states[2] == run.states[1]


def test_every_alert_goes_to_the_address_in_the_settings(runs: Runs) -> None:
    run = runs["monitored and taken down"].result()

    resources = run.states[1]["resources"]
    policies = [policy for name, policy in resources.items() if "/alertPolicies/" in name]
    (channel,) = [name for name in resources if "/notificationChannels/" in name]
    assert [policy["notificationChannels"] for policy in policies] == [[channel]] * 5
    assert all(policy["displayName"].startswith("image-factory: ") for policy in policies)


def test_github_may_roll_out_but_not_change_rights(runs: Runs) -> None:
    run = runs["ci"].result()

    assert run.codes == (0, 0), run.err
    deployer = f"serviceAccount:image-factory-deploy@{PROJECT}.iam.gserviceaccount.com"
    roles = {role for _, role, member, _ in run.world.bindings() if member == deployer}
    assert roles == {
        *("roles/cloudfunctions.developer", "roles/run.viewer", "roles/datastore.user"),
        *("roles/secretmanager.viewer", "roles/iam.serviceAccountUser"),
    }


def test_only_the_production_environment_of_one_repository_is_let_in(runs: Runs) -> None:
    run = runs["ci"].result()

    pool = "locations/global/workloadIdentityPools/image-factory"
    provider = run.world.resources[f"projects/{PROJECT}/{pool}/providers/github"]
    assert provider["attributeCondition"] == (
        f"assertion.repository=='{REPOSITORY}' && assertion.environment=='production'"
    )
    members = {member for _, role, member, _ in run.world.bindings() if role == "roles/iam.workloadIdentityUser"}
    assert members == {f"principalSet://iam.googleapis.com/projects/{NUMBER}/{pool}/attribute.repository/{REPOSITORY}"}


def test_a_rotation_adds_a_key_and_disables_only_what_nothing_needs(runs: Runs) -> None:
    run = runs["rotated"].result()

    assert run.codes == (0,), run.err
    versions = {name[-1]: part["state"] for name, part in run.world.resources.items() if f"{SECRET}/versions/" in name}
    assert versions == {"1": "ENABLED", "2": "DISABLED", "3": "ENABLED", "4": "ENABLED"}
    assert len(run.world.payloads[f"{SECRET}/versions/4"]) == 32
    assert "Version 1 stays: open executions were encrypted with it" in run.err
    assert "Version 3 stays: it was in use until just now" in run.err


def test_a_rotation_touches_no_execution(runs: Runs) -> None:
    run = runs["rotated"].result()

    assert run.world.facts()["documents"] == run.before["documents"]
    assert f"{DATABASE}/documents/executions/one" in run.world.documents
