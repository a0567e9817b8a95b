"""The part that needs no gcloud: limits, differences, what is still needed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefactory.domain.retry import RetryPolicy
from infra.plan import bindings, bucket, firestore, keys, limits, monitoring, queue, workflow
from infra.plan.settings import ROOT, Settings, filled, read_json

FILE = (ROOT / "infra/settings.env").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def settings(**changes: str) -> Settings:
    values = {"PROJECT_ID": "demo-project", "PROJECT_NUMBER": "1"}
    for name, value in re.findall(r"^([A-Z_]+)=(.*)$", FILE, re.MULTILINE):
        values.setdefault(name, filled(value, values))
    return Settings(values | changes)


def test_the_defaults_fit_together() -> None:
    assert limits.faults(settings()) == []


def test_the_longest_attempt_is_reckoned_as_the_product_does() -> None:
    policy = RetryPolicy()

    assert policy.lease(policy.max_attempts) == policy.timeout_base + limits.THIRD_ATTEMPT + policy.overhead


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PROJECT_ID": ""}, "PROJECT_ID is not set."),
        ({"DEPLOYMENT": "a-name-that-is-much-too-long"}, "DEPLOYMENT is 'a-name-that-is-much-too-long'"),
        ({"REGION": "Mars"}, "REGION is 'Mars'"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'loud'; choose one of 'debug'"),
        ({"GATE": "0"}, "GATE is '0'; it must be a whole number above 0."),
        ({"GENERATE_CPU": "many"}, "GENERATE_CPU is 'many'"),
        ({"QUEUE_FILE": "infra/none.json"}, "QUEUE_FILE is 'infra/none.json', which is no JSON file."),
        ({"CORS_ORIGINS": "*"}, "CORS_ORIGINS has '*'"),
        ({"CORS_ORIGINS": "https://a.example/page"}, "CORS_ORIGINS has 'https://a.example/page'"),
        ({"CORS_ORIGINS": "https://A.example"}, "CORS_ORIGINS has 'https://A.example'"),
        ({"ID_TOKENS_NOT_BEFORE": "2026-11-22"}, "ID_TOKENS_NOT_BEFORE is '2026-11-22'"),
        ({"MODEL_TIMEOUT_SECONDS": "430"}, "Deadlines must nest: the longest attempt (550 s)"),
        ({"FUNCTION_TIMEOUT_SECONDS": "600"}, "within dispatch_deadline_seconds of QUEUE_FILE (600 s)"),
        ({"FUNCTION_TIMEOUT_SECONDS": "250"}, "Deadlines must nest: the longest attempt (300 s)"),
        ({"GENERATE_CPU": "0.5"}, "GENERATE_CPU must be at least 1 when GENERATE_CONCURRENCY is above 1."),
        ({"API_CONCURRENCY": "1001"}, "API_CONCURRENCY must be at most 1000."),
        ({"API_MIN_INSTANCES": "6"}, "API_MIN_INSTANCES must be at most API_MAX_INSTANCES."),
        (
            {"GENERATE_CONCURRENCY": "49"},
            "98 calls (GENERATE_CONCURRENCY x GENERATE_MAX_INSTANCES), but the queues dispatch up to 150",
        ),
        ({"OVERHEAD_SECONDS": "361"}, "Deadlines must nest: the longest attempt (601 s)"),
        ({"WATCHDOG_QUEUE_NAME": "image-factory"}, "must be two queues"),
        ({"SIGNED_URL_SECONDS": "43201"}, "SIGNED_URL_SECONDS must be from 60 to 43200."),
        ({"API_TIMEOUT_SECONDS": "3601"}, "API_TIMEOUT_SECONDS must be at most 3600."),
    ],
)
def test_each_limit_has_its_sentence(changes: dict[str, str], sentence: str) -> None:
    assert any(sentence in fault for fault in limits.faults(settings(**changes)))


def test_all_faults_are_told_at_once() -> None:
    found = limits.faults(settings(PROJECT_ID="", REGION="Mars", GATE="-1"))

    assert len(found) == 3


def test_nothing_differs_in_a_queue_that_is_as_its_file_says() -> None:
    described = {
        "rateLimits": {"maxDispatchesPerSecond": 1.0, "maxBurstSize": 10, "maxConcurrentDispatches": 100},
        "retryConfig": {"maxAttempts": 10, "minBackoff": "10s", "maxBackoff": "300s", "maxDoublings": 4},
    }

    assert queue.differences(described, settings().numbers("QUEUE")) == []


def test_a_queue_that_would_go_on_for_a_time_differs() -> None:
    described: dict[str, dict[str, Any]] = {
        "rateLimits": {"maxDispatchesPerSecond": 1.0, "maxConcurrentDispatches": 100},
        "retryConfig": {"maxAttempts": 10, "minBackoff": "10s", "maxBackoff": "300s", "maxDoublings": 4},
    }
    described["retryConfig"]["maxRetryDuration"] = "3600s"

    assert queue.differences(described, settings().numbers("QUEUE")) == [
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
    assert workflow.decoded(workflow.encoded(value)) == value


def test_adding_rights_keeps_those_of_others_and_is_done_once() -> None:
    mine = bindings.Binding("project", "roles/x", "serviceAccount:a", ("t", "resource.name==1"))
    policy = {"etag": "e", "bindings": [{"role": "roles/x", "members": ["user:b"]}]}

    once = bindings.added(policy, [mine])

    assert once["bindings"][0] == {"role": "roles/x", "members": ["user:b"]}
    assert once["bindings"][1]["condition"]["expression"] == "resource.name==1"
    assert (once["version"], once["etag"]) == (3, "e")
    assert bindings.added(once, [mine]) == once


def test_removing_rights_takes_only_ours_also_of_deleted_accounts() -> None:
    ours = "deleted:serviceAccount:image-factory-submit@demo-project.iam.gserviceaccount.com?uid=1"
    policy = {"bindings": [{"role": "r", "members": [ours, "user:b"]}, {"role": "s", "members": [ours]}]}

    left = bindings.removed(policy, lambda member: bindings.is_ours(member, settings()))

    assert left == {"bindings": [{"role": "r", "members": ["user:b"]}]}


def test_rights_name_no_role_that_gives_more_than_one_service() -> None:
    table = bindings.table(replace(settings(CI_REPOSITORY="o/n")))

    assert {one.role for one in table} & {"roles/owner", "roles/editor", "roles/viewer"} == set()
    assert {one.resource for one in table if one.member == "allUsers"} == {"run:submit", "run:status"}


def test_an_index_that_google_still_builds_is_told() -> None:
    indexes = [{"name": f"{'x/' * 4}collectionGroups/results/indexes/1", "state": "CREATING"}]

    assert firestore.not_ready(indexes, []) == ["an index on results"]


def version(number: int, age: timedelta) -> dict[str, str]:
    return {"name": f"projects/p/secrets/s/versions/{number}", "createTime": f"{(NOW - age).isoformat()[:19]}.5Z"}


def test_the_newest_key_is_always_needed() -> None:
    assert keys.unneeded([version(10, timedelta(days=9)), version(9, timedelta(days=10))], set(), NOW) == (["9"], [])


def test_a_key_that_was_replaced_just_now_is_needed_for_a_while() -> None:
    free, kept = keys.unneeded([version(1, timedelta(days=9)), version(2, timedelta(minutes=9))], set(), NOW)

    assert free == []
    assert kept == ["Version 1 stays: it was in use until just now. Sweep in 10 minutes."]


def test_every_log_entry_that_a_metric_counts_is_written_somewhere() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))

    messages = [
        re.findall(r'jsonPayload.message="([^"]+)"', content["filter"])
        for kind, _, content in monitoring.wanted(settings(), "")
        if kind == "metric"
    ]

    assert sum(map(len, messages)) == 5
    assert [message for found in messages for message in found if f'"{message}"' not in code] == []


def test_every_metric_that_a_policy_or_tile_shows_exists() -> None:
    made = {content["name"] for kind, _, content in monitoring.wanted(settings(), "") if kind == "metric"}
    text = "".join(path.read_text(encoding="utf-8") for path in Path(ROOT / "infra/monitoring").rglob("*.json"))

    used = set(re.findall(r"logging.googleapis.com/user/\$\{DEPLOYMENT\}_(\w+)", text))

    assert {f"image-factory_{name}" for name in used} <= made


def test_what_google_leaves_out_because_it_is_empty_is_there() -> None:
    assert monitoring.contains({"a": 1}, {"a": 1, "b": []})
    assert not monitoring.contains({"a": 1}, {"a": 1, "b": [1]})


def test_hosting_gets_this_deployments_names() -> None:
    env = dict(settings(DEPLOYMENT="europe", REGION="europe-west1").values)

    printed = subprocess.run(
        [sys.executable, "-m", "infra.plan.hosting"], env=env, cwd=ROOT, capture_output=True, check=True
    )

    rewrites = json.loads(printed.stdout)["hosting"]["rewrites"]
    assert rewrites[-1]["run"] == {"serviceId": "europe-status", "region": "europe-west1"}


def test_every_path_of_the_api_reaches_its_function_through_hosting() -> None:
    rewrites = [
        (re.compile(one["source"].replace("**", ".+").replace("/*/", "/[^/]+/") + "$"), one["run"]["serviceId"])
        for one in read_json("infra/firebase.json")["hosting"]["rewrites"]
    ]
    rows = re.findall(r"^\| (GET|POST) \| `(/api[^`]*)` \| (\w+) \|", (ROOT / "docs/api.md").read_text(), re.MULTILINE)

    for _, path, function in rows:
        service = next(service for pattern, service in rewrites if pattern.match(re.sub(r"\{\w+\}", "x", path)))
        assert service.endswith(f"-{function}") or path == "/api/executions", path
    assert len(rows) == 7
