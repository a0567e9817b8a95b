"""What needs no gcloud: settings, checks, desired states and their differences from actual ones."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.settings import FUNCTIONS
from infra import checks
from infra.resources import bucket, hosting, iam, keys, monitoring, queue, workflow
from infra.resources.environment import NEVER_DEPLOYED, derive
from infra.resources.firestore import Indexes
from infra.resources.queue import QueueNumbers
from infra.settings import ROOT, Settings, read_json

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def settings(**changes: str) -> Settings:
    defaults = Settings.read({"PROJECT_ID": "demo-project"}).with_project_number("1")
    return Settings({**defaults.values, **changes})


def test_the_defaults_fit_together() -> None:
    assert checks.faults(settings()) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PROJECT_ID": ""}, "PROJECT_ID is not set."),
        ({"DEPLOYMENT": "a-name-that-is-much-too-long"}, "DEPLOYMENT is 'a-name-that-is-much-too-long'"),
        ({"REGION": "Mars"}, "REGION is 'Mars'"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'loud'; choose one of 'debug'"),
        ({"MAX_CONCURRENT_DECODES": "0"}, "MAX_CONCURRENT_DECODES must be at least 1."),
        ({"MAX_CONCURRENT_DECODES": "few"}, "MAX_CONCURRENT_DECODES is 'few', which is no int."),
        ({"API_CONCURRENCY": "0"}, "API_CONCURRENCY is '0'; it must be a whole number above 0."),
        ({"RETENTION_DAYS": "0"}, "RETENTION_DAYS must be at least 1."),
        ({"GEMINI_API_URL": "http://a.example"}, "GEMINI_API_URL must begin with https://."),
        ({"GENERATE_CPU": "many"}, "GENERATE_CPU is 'many'"),
        ({"QUEUE_FILE": "infra/none.json"}, "QUEUE_FILE is 'infra/none.json', which is no JSON file."),
        ({"QUEUE_FILE": "infra/firebase.json"}, "QUEUE_FILE is 'infra/firebase.json', whose numbers are not"),
        ({"CORS_ORIGINS": "*"}, "CORS_ORIGINS has *"),
        ({"CORS_ORIGINS": "https://a.example/page"}, "CORS_ORIGINS has https://a.example/page"),
        ({"CORS_ORIGINS": "https://A.example"}, "CORS_ORIGINS has https://A.example"),
        ({"ID_TOKENS_NOT_BEFORE": "2026-11-22"}, "ID_TOKENS_NOT_BEFORE must be a timestamp with its zone"),
        ({"MODEL_TIMEOUT_SECONDS": "430"}, "deadlines must nest: the longest attempt (550 s)"),
        ({"FUNCTION_TIMEOUT_SECONDS": "600"}, "within dispatch_deadline_seconds of QUEUE_FILE (600)"),
        ({"FUNCTION_TIMEOUT_SECONDS": "239"}, "deadlines must nest: the longest attempt (240 s)"),
        ({"FUNCTION_TIMEOUT_SECONDS": "250"}, "gives gemini-3-pro-image 180 s for 4K"),
        ({"GENERATE_CPU": "0.5"}, "GENERATE_CPU must be at least 1 when GENERATE_CONCURRENCY is above 1."),
        ({"API_CONCURRENCY": "1001"}, "API_CONCURRENCY must be at most 1000."),
        ({"API_MIN_INSTANCES": "6"}, "API_MIN_INSTANCES must be at most API_MAX_INSTANCES."),
        (
            {"GENERATE_CONCURRENCY": "49"},
            "98 calls (GENERATE_CONCURRENCY x GENERATE_MAX_INSTANCES), but the queues dispatch up to 150",
        ),
        ({"ATTEMPT_OVERHEAD_SECONDS": "361"}, "deadlines must nest: the longest attempt (541 s)"),
        ({"ATTEMPT_OVERHEAD_SECONDS": "301"}, "gives gemini-3-pro-image 180 s for 4K"),
        ({"WATCHDOG_QUEUE_NAME": "image-factory"}, "must be two queues"),
        ({"SIGNED_URL_SECONDS": "43201"}, "SIGNED_URL_SECONDS must be at most 43200."),
        ({"SIGNED_URL_SECONDS": "59"}, "SIGNED_URL_SECONDS must be from 60 to"),
        ({"API_TIMEOUT_SECONDS": "3601"}, "API_TIMEOUT_SECONDS must be at most 3600."),
    ],
)
def test_each_limit_has_its_sentence(changes: dict[str, str], sentence: str) -> None:
    assert any(sentence in fault for fault in checks.faults(settings(**changes)))


def test_all_faults_are_told_at_once() -> None:
    faults = checks.faults(settings(PROJECT_ID="", REGION="Mars", MAX_CONCURRENT_DECODES="-1", RETENTION_DAYS="0"))

    assert len(faults) == 4


def test_a_model_that_would_be_cut_short_is_told(tmp_path: Path) -> None:
    row = {"timeout_seconds": {"4K": 421}}
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(read_json("infra/workflow.json") | {"models": {"slow": row}}))

    (fault,) = checks.faults(settings(WORKFLOW_FILE=str(file)))

    assert fault.startswith("WORKFLOW_FILE gives slow 421 s for 4K")
    assert fault.endswith("a first attempt has at most 420 s.")


def test_every_setting_of_a_function_comes_from_somewhere() -> None:
    deployment = Settings.read({})

    for record in FUNCTIONS.values():
        names = {field.name.upper() for field in fields(record)}
        sources = [set(deployment.values), set(derive(deployment)), NEVER_DEPLOYED]
        assert names <= set().union(*sources), record
        # One fact, one place.
        assert [name for name in names if sum(name in source for source in sources) > 1] == [], record


def test_the_environment_wins_over_a_file_and_a_file_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "europe.env"
    file.write_text("DEPLOYMENT=europe\nREGION=europe-west1\nBUCKET=${PROJECT_ID}-`id`-$(id)-$HOME\n")

    read = Settings.read({"SETTINGS": str(file), "PROJECT_ID": "p", "REGION": "europe-west4", "LOCATION": ""})

    assert [read[name] for name in ("DEPLOYMENT", "REGION", "LOCATION")] == ["europe", "europe-west4", ""]
    assert read["BUCKET"] == "p-`id`-$(id)-$HOME"
    assert read["QUEUE_NAME"] == "europe"


def test_nothing_differs_in_a_queue_that_is_as_its_file_says() -> None:
    actual = {
        "rateLimits": {"maxDispatchesPerSecond": 1.0, "maxBurstSize": 10, "maxConcurrentDispatches": 100},
        "retryConfig": {"maxAttempts": 10, "minBackoff": "10s", "maxBackoff": "300s", "maxDoublings": 4},
    }

    assert queue.differences(actual, QueueNumbers.read(settings(), "QUEUE")) == []


def test_a_queue_that_would_go_on_for_a_time_differs() -> None:
    actual: dict[str, dict[str, Any]] = {
        "rateLimits": {"maxDispatchesPerSecond": 1.0, "maxConcurrentDispatches": 100},
        "retryConfig": {"maxAttempts": 10, "minBackoff": "10s", "maxBackoff": "300s", "maxDoublings": 4},
    }
    actual["retryConfig"]["maxRetryDuration"] = "3600s"

    assert queue.differences(actual, QueueNumbers.read(settings(), "QUEUE")) == [
        "max_retry_duration is set, so that tasks go on until both limits are met"
    ]


def test_without_origins_the_bucket_has_no_cors() -> None:
    assert bucket.cors(settings()) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON)
def test_a_value_survives_the_way_to_firestore_and_back(value: Any) -> None:
    assert workflow.decode(workflow.encode(value)) == value


def test_adding_rights_keeps_those_of_others_and_is_done_once() -> None:
    mine = iam.Binding("project", "roles/x", "serviceAccount:a", ("t", "resource.name==1"))
    policy = {"etag": "e", "bindings": [{"role": "roles/x", "members": ["user:b"]}]}

    once = iam.add(policy, [mine])

    assert once["bindings"][0] == {"role": "roles/x", "members": ["user:b"]}
    assert once["bindings"][1]["condition"]["expression"] == "resource.name==1"
    assert (once["version"], once["etag"]) == (3, "e")
    assert iam.add(once, [mine]) == once


def test_removing_rights_takes_only_ours_also_of_deleted_accounts() -> None:
    deleted = "deleted:serviceAccount:image-factory-submit@demo-project.iam.gserviceaccount.com?uid=1"
    policy = {"bindings": [{"role": "r", "members": [deleted, "user:b"]}, {"role": "s", "members": [deleted]}]}

    left = iam.remove(policy, lambda member: iam.belongs(member, settings()))

    assert left == {"bindings": [{"role": "r", "members": ["user:b"]}]}


def test_rights_name_no_role_that_gives_more_than_one_service() -> None:
    table = iam.table(settings(CI_REPOSITORY="o/n"))

    assert {right.role for right in table} & {"roles/owner", "roles/editor", "roles/viewer"} == set()
    assert {right.resource for right in table if right.member == "allUsers"} == {"run:submit", "run:status"}


def test_an_index_that_google_still_builds_is_told() -> None:
    indexes = [{"name": f"{'x/' * 4}collectionGroups/results/indexes/1", "state": "CREATING"}]

    assert Indexes(indexes, [], []).not_ready() == ["an index on results"]


def version(number: int, age: timedelta) -> dict[str, str]:
    return {"name": f"projects/p/secrets/s/versions/{number}", "createTime": f"{(NOW - age).isoformat()[:19]}.5Z"}


def test_the_newest_key_is_always_needed() -> None:
    assert keys.unneeded_versions([version(10, timedelta(days=9)), version(9, timedelta(days=10))], set(), NOW) == (
        ["9"],
        [],
    )


def test_a_key_that_was_replaced_just_now_is_needed_for_a_while() -> None:
    free, kept = keys.unneeded_versions([version(1, timedelta(days=9)), version(2, timedelta(minutes=9))], set(), NOW)

    assert free == []
    assert kept == ["Version 1 stays: it was in use until just now. Sweep in 10 minutes."]


def test_every_log_entry_that_a_metric_counts_is_written_somewhere() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))

    messages = [
        re.findall(r'jsonPayload.message="([^"]+)"', item.content["filter"])
        for item in monitoring.desired_items(settings(), "")
        if item.kind == "metric"
    ]

    assert sum(map(len, messages)) == 5
    assert [message for group in messages for message in group if f'"{message}"' not in code] == []


def test_every_metric_that_a_policy_or_tile_shows_exists() -> None:
    made = {item.content["name"] for item in monitoring.desired_items(settings(), "") if item.kind == "metric"}
    text = "".join(path.read_text(encoding="utf-8") for path in Path(ROOT / "infra/monitoring").rglob("*.json"))

    used = set(re.findall(r"logging.googleapis.com/user/\$\{DEPLOYMENT\}_(\w+)", text))

    assert {f"image-factory_{name}" for name in used} <= made


def test_what_google_leaves_out_because_it_is_empty_is_there() -> None:
    assert monitoring.contains({"a": 1}, {"a": 1, "b": []})
    assert not monitoring.contains({"a": 1}, {"a": 1, "b": [1]})


def test_hosting_gets_this_deployments_names() -> None:
    configuration = hosting.configuration(settings(DEPLOYMENT="europe", REGION="europe-west1"))

    rewrites = configuration["hosting"]["rewrites"]
    assert rewrites[-1]["run"] == {"serviceId": "europe-status", "region": "europe-west1"}


def test_every_path_of_the_api_reaches_its_function_through_hosting() -> None:
    rewrites = [
        (re.compile(rule["source"].replace("**", ".+").replace("/*/", "/[^/]+/") + "$"), rule["run"]["serviceId"])
        for rule in read_json("infra/firebase.json")["hosting"]["rewrites"]
    ]
    rows = re.findall(r"^\| (GET|POST) \| `(/api[^`]*)` \| (\w+) \|", (ROOT / "docs/api.md").read_text(), re.MULTILINE)

    for _, path, function in rows:
        service = next(service for pattern, service in rewrites if pattern.match(re.sub(r"\{\w+\}", "x", path)))
        assert service.endswith(f"-{function}") or path == "/api/executions", path
    assert len(rows) == 7


def test_a_setting_under_its_old_name_is_read_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "europe.env"
    file.write_text("GATE=4\n")

    settings = Settings.read({"SETTINGS": str(file), "OVERHEAD_SECONDS": "50"})

    assert (settings["MAX_CONCURRENT_DECODES"], settings["ATTEMPT_OVERHEAD_SECONDS"]) == ("4", "50")
    told = capsys.readouterr().err
    assert "GATE is now called MAX_CONCURRENT_DECODES" in told
    assert "OVERHEAD_SECONDS is now called ATTEMPT_OVERHEAD_SECONDS" in told
