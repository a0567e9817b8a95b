"""The OpenAPI document against the running stack: requests made from it, answers held against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from tests.hostile.document import DOCUMENT, for_tasks, narrowed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.stack import Stack

#: Cases for each operation and phase; with a long run, also a seed that is new each time and printed by a failure.
LONG = bool(os.environ.get("FUZZ_LONG"))
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
CONFIGURATION = """
hooks = "tests.hostile.fuzz_hooks"
suppress-health-check = ["all"]
continue-on-failure = true

[generation]
deterministic = {deterministic}
database = "none"

[checks.response_schema_conformance]
validate-formats = true

[checks.negative_data_rejection]
expected-statuses = [400, 401, 404, 405, 413, 415]

[checks.positive_data_acceptance]
# A retry may find nothing that fits, an Idempotency-Key may belong to another request.
expected-statuses = ["2xx", 304, 401, 404, 409, 422]
"""


def fuzz(document: dict[str, Any], folder: Path, address: str, token: str, **options: str) -> str:
    """What schemathesis says; fails the test unless everything is as documented."""
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "schemathesis.toml").write_text(CONFIGURATION.format(deterministic=str(not LONG).lower()))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")]
    command += ["run", str(folder / "openapi.json"), "--url", address, "--header", f"Authorization: Bearer {token}"]
    command += ["--no-color", "--checks", "all", "--max-examples", str(EXAMPLES)]
    command += [part for name, value in options.items() for part in (f"--{name}", value)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def has_run(said: str, *phases: str) -> bool:
    """Whether these phases ran, and nothing was left out."""
    return "No issues found" in said and all(f"✅ {phase}" in said for phase in phases)


@pytest.fixture
def executions(stack: Stack) -> list[str]:
    """Executions of ada: one that completed, one that failed, one that was cancelled."""
    faults = {"match": "doomed", "outcomes": ["blocked"] * 1000}
    stack.set_faults(**faults)
    return [stack.execute(prompts) for prompts in (["a lighthouse", "a gull"], ["a doomed ship", "a gull"], ["doomed"])]


@pytest.mark.timeout(3600 if LONG else 300)
def test_requests_that_fit_the_document_are_accepted_and_answered_as_documented(
    stack: Stack, executions: list[str], tmp_path: Path
) -> None:
    document = narrowed(stack, executions)

    said = fuzz(
        document,
        tmp_path,
        stack.gateway,
        stack.token(user="ada"),
        mode="positive",
        phases="coverage,fuzzing,stateful",
    )

    assert has_run(said, "Coverage", "Fuzzing", "Stateful")
    stack.settle()


@pytest.mark.timeout(3600 if LONG else 300)
def test_requests_that_do_not_fit_the_document_are_refused_as_documented(stack: Stack, tmp_path: Path) -> None:
    before = stack.read_stored()

    said = fuzz(
        DOCUMENT,
        tmp_path,
        stack.gateway,
        stack.token(user="mallory"),
        mode="negative",
        phases="coverage,fuzzing",
    )

    assert has_run(said, "Coverage", "Fuzzing")
    assert stack.read_stored() == before


# Of the numbers that JSON takes for whole ones, 3.0 is none to generate.
WHOLE = {"enum": [-1, 0, 1, 3, 4, 10_000, 10**30]}


@pytest.mark.timeout(3600 if LONG else 300)
@pytest.mark.parametrize(("mode", "number"), [("positive", WHOLE), ("negative", {})])
def test_tasks_of_every_kind_are_answered_as_agreed(
    stack: Stack, tmp_path: Path, mode: str, number: dict[str, Any]
) -> None:
    before = stack.read_stored()

    said = fuzz(
        for_tasks(**number),
        tmp_path,
        stack.state["generate"],
        stack.read_task_token(),
        mode=mode,
        phases="coverage,fuzzing",
    )

    assert has_run(said, "Coverage", "Fuzzing")
    assert stack.read_stored() == before


def test_a_filter_that_says_the_same_forty_times_says_it_once(stack: Stack, executions: list[str]) -> None:
    # Firestore takes thirty values at most.
    filters = {"status": ["blocked", "failed"] * 20, "error_codes": ["CONTENT_BLOCKED"] * 40, "batch_index": [0] * 40}

    answer = stack.client().call("POST", f"/api/executions/{executions[1]}/retry", json=filters | {"api_key": "a-key"})

    assert (answer.status_code, answer.json()["data"]["retried"]) == (202, 1)
    stack.settle()


def test_every_line_of_the_results_is_as_documented(stack: Stack, executions: list[str]) -> None:
    schema = {"$ref": "#/components/schemas/Result", "components": DOCUMENT["components"]}
    line = jsonschema_rs.validator_for(schema, validate_formats=True)

    for execution_id in executions:
        answer = stack.client().call("GET", f"/api/executions/{execution_id}/results.jsonl")
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        for text in answer.text.splitlines():
            line.validate(json.loads(text))
