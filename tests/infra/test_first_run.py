"""What setup and deploy make of an empty project, by way of the real gcloud."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagefactory.settings import GenerateSettings, Settings, StatusSettings, SubmitSettings
from infra.resources.workflow import decode
from tests.infra.cloud.world import PROJECT
from tests.infra.scenarios import DATABASE, PLACE, SECRET, WORKFLOW

if TYPE_CHECKING:
    from tests.infra.runs import Run

# The first test waits for everything to be set up and deployed.
pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).parents[2]
QUEUE = f"{PLACE}/queues/image-factory"
BUCKET = f"b/{PROJECT}-image-factory"
ON_THE_DATABASE = f'resource.name=="{DATABASE}"'
OF_SOURCES = 'resource.name.startsWith("projects/_/buckets/gcf-v2-")'
FUNCTIONS = ("submit", "generate", "status")
READERS: dict[str, type[Settings]] = {"submit": SubmitSettings, "generate": GenerateSettings, "status": StatusSettings}


def account(name: str) -> str:
    return f"image-factory-{name}@{PROJECT}.iam.gserviceaccount.com"


def service(run: Run, function: str) -> Any:
    return run.world.resources[f"{PLACE}/functions/image-factory-{function}"]["serviceConfig"]


def test_both_commands_end_well_and_say_so(first: Run) -> None:
    assert first.codes == (0, 0), first.err

    assert "Set up. Next: make deploy\n" in first.out
    assert "Deployed.\n" in first.out


def test_no_api_is_called_that_the_fake_does_not_stand_for(first: Run) -> None:
    strange = [call.path for call, _ in first.world.requests if call.method == "CONNECT"]

    assert strange == []


def test_the_queues_have_the_numbers_of_their_files(first: Run) -> None:
    queue, watchdog = first.world.resources[QUEUE], first.world.resources[f"{QUEUE}-watchdog"]

    assert watchdog["rateLimits"] == {"maxDispatchesPerSecond": 50.0, "maxConcurrentDispatches": 50}
    assert watchdog["retryConfig"] == {"maxAttempts": -1, "minBackoff": "5s", "maxBackoff": "60s", "maxDoublings": 4}
    assert queue["rateLimits"] == {"maxDispatchesPerSecond": 1.0, "maxConcurrentDispatches": 100}
    assert queue["retryConfig"] == {"maxAttempts": 10, "minBackoff": "10s", "maxBackoff": "300s", "maxDoublings": 4}


@pytest.mark.parametrize(
    ("function", "ingress", "size"),
    [
        ("submit", "ALLOW_ALL", (16, 5, "1", "1Gi", 120)),
        ("generate", "ALLOW_INTERNAL_ONLY", (100, 2, "2", "1Gi", 540)),
        ("status", "ALLOW_ALL", (16, 5, "1", "1Gi", 120)),
    ],
)
def test_each_function_has_its_size_its_account_and_its_ingress(
    first: Run, function: str, ingress: str, size: tuple[int, int, str, str, int]
) -> None:
    config = service(first, function)

    names = ("maxInstanceRequestConcurrency", "maxInstanceCount", "availableCpu", "availableMemory", "timeoutSeconds")
    assert tuple(config[name] for name in names) == size
    assert config["environmentVariables"]["THREADS"] == str(size[0])
    assert (config["ingressSettings"], config["serviceAccountEmail"]) == (ingress, account(function))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_is_built_by_the_build_account_for_python_3_13(first: Run, function: str) -> None:
    build = first.world.resources[f"{PLACE}/functions/image-factory-{function}"]["buildConfig"]

    assert (build["runtime"], build["entryPoint"]) == ("python313", function)
    assert build["serviceAccount"] == f"projects/{PROJECT}/serviceAccounts/{account('build')}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_accepts_its_settings(first: Run, function: str) -> None:
    env = service(first, function)["environmentVariables"]

    settings = READERS[function].from_env(env)

    assert (settings.project_id, settings.database, settings.retention_days) == (PROJECT, "image-factory", 30)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_gets_a_setting_that_it_does_not_know(first: Run, function: str) -> None:
    known = {name.upper() for name in READERS[function].__dataclass_fields__}

    strange = set(service(first, function)["environmentVariables"]) - known

    blocks = {"MALLOC_MMAP_THRESHOLD_"} if function == "submit" else set()
    assert strange == {"THREADS", "MALLOC_ARENA_MAX"} | blocks


def test_tasks_go_to_the_address_that_follows_from_the_name(first: Run) -> None:
    addresses = {service(first, name)["environmentVariables"]["GENERATE_URL"] for name in ("submit", "generate")}

    assert addresses == {"https://image-factory-generate-123456789012.us-central1.run.app"}


def test_every_right_is_in_this_table_and_none_besides(first: Run) -> None:
    def project(name: str, role: str, condition: str) -> tuple[str, str, str, str]:
        return (f"projects/{PROJECT}", f"roles/{role}", f"serviceAccount:{account(name)}", condition)

    def right(resource: str, role: str, name: str) -> tuple[str, str, str, str]:
        return (resource, f"roles/{role}", name if name == "allUsers" else f"serviceAccount:{account(name)}", "")

    accounts = f"projects/{PROJECT}/serviceAccounts"
    services = f"{PLACE}/services/image-factory"

    assert first.world.bindings() == {
        project("submit", "datastore.user", ON_THE_DATABASE),
        project("generate", "datastore.user", ON_THE_DATABASE),
        project("status", "datastore.viewer", ON_THE_DATABASE),
        project("build", "logging.logWriter", ""),
        project("build", "artifactregistry.writer", ""),
        project("build", "storage.objectViewer", OF_SOURCES),
        right(QUEUE, "cloudtasks.enqueuer", "submit"),
        right(QUEUE, "cloudtasks.taskDeleter", "submit"),
        right(QUEUE, "cloudtasks.enqueuer", "generate"),
        right(QUEUE, "cloudtasks.viewer", "generate"),
        right(f"{QUEUE}-watchdog", "cloudtasks.enqueuer", "submit"),
        right(f"{QUEUE}-watchdog", "cloudtasks.enqueuer", "generate"),
        right(f"{accounts}/{account('tasks')}", "iam.serviceAccountUser", "submit"),
        right(f"{accounts}/{account('tasks')}", "iam.serviceAccountUser", "generate"),
        right(f"{accounts}/{account('status')}", "iam.serviceAccountTokenCreator", "status"),
        right(SECRET, "secretmanager.secretAccessor", "submit"),
        right(SECRET, "secretmanager.secretAccessor", "generate"),
        right(BUCKET, "storage.objectUser", "submit"),
        right(BUCKET, "storage.objectUser", "generate"),
        right(BUCKET, "storage.objectViewer", "status"),
        right(f"{services}-generate", "run.invoker", "tasks"),
        right(f"{services}-submit", "run.invoker", "allUsers"),
        right(f"{services}-status", "run.invoker", "allUsers"),
    }


def test_rights_wait_until_a_new_account_can_be_seen(first: Run) -> None:
    refused = [status for call, status in first.world.requests if call.path.endswith(":setIamPolicy") and status == 400]

    assert refused != []


def test_the_bucket_is_closed_and_forgets(first: Run) -> None:
    bucket = first.world.resources[BUCKET]

    assert bucket["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"] is True
    assert bucket["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    assert bucket["softDeletePolicy"] == {"retentionDurationSeconds": "0"}
    rules = {rule["action"]["type"]: rule["condition"] for rule in bucket["lifecycle"]["rule"]}
    assert rules["Delete"] == {"age": 30, "matchesPrefix": ["executions/"]}
    assert [rule["origin"] for rule in bucket["cors"]] == [["https://app.example.com"]]


def test_the_database_is_protected_and_has_the_indexes_that_queries_need(first: Run) -> None:
    database = first.world.resources[DATABASE]
    indexes = {
        (name.split("/")[5], *(f"{field['fieldPath']} {field['order']}" for field in index["fields"][:-1]))
        for name, index in first.world.resources.items()
        if "/indexes/" in name
    }

    assert database["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED"
    assert (database["type"], database["locationId"]) == ("FIRESTORE_NATIVE", "us-central1")
    assert indexes == {
        ("executions", "user ASCENDING", "state ASCENDING", "created_at DESCENDING"),
        ("results", "status ASCENDING", "index ASCENDING"),
        ("results", "updated_at ASCENDING", "index ASCENDING"),
    }


def test_nothing_else_is_indexed_and_every_group_expires(first: Run) -> None:
    fields = {
        tuple(name.split("/collectionGroups/")[1].split("/fields/")): field
        for name, field in first.world.resources.items()
        if "/fields/" in name
    }

    groups = ("executions", "prompts", "results", "progress")
    assert {group for group, path in fields if path == "*"} == set(groups)
    assert all(not fields[group, "*"]["indexConfig"].get("indexes") for group in groups)
    assert [index["fields"][0]["order"] for index in fields["executions", "state"]["indexConfig"]["indexes"]] == [
        "ASCENDING"
    ]
    assert all(fields[group, "expires_at"]["ttlConfig"] == {"state": "ACTIVE"} for group in groups)
    assert len(fields) == 9


def test_the_encryption_key_is_32_bytes_that_nobody_sees(first: Run) -> None:
    ((name, key),) = first.world.payloads.items()

    assert name == f"{SECRET}/versions/1"
    assert len(key) == 32
    assert key.hex() not in first.out + first.err


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_upload_is_the_entry_point_its_pins_and_the_package(first: Run, function: str) -> None:
    package = {f"imagefactory/{path.relative_to(ROOT / 'src/imagefactory')}" for path in sources()}

    with zipfile.ZipFile(io.BytesIO(uploaded(first, function))) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        pins = archive.read("requirements.txt").decode()

    assert names == {"main.py", "requirements.txt", *package}
    assert pins == (ROOT / "functions" / function / "requirements.txt").read_text()
    assert all("==" in line for line in pins.splitlines() if not line.startswith((" ", "#")))


def sources() -> list[Path]:
    files = [path for path in (ROOT / "src/imagefactory").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return [path for path in files if path.parent.name != "testing"]


def uploaded(run: Run, function: str) -> bytes:
    build = run.world.resources[f"{PLACE}/functions/image-factory-{function}"]["buildConfig"]
    return run.world.uploads[build["source"]["storageSource"]["object"]]


def test_the_workflow_in_firestore_is_the_files(first: Run) -> None:
    file = json.loads((ROOT / "infra/workflow.json").read_text())

    document = decode({"mapValue": {"fields": first.world.documents[WORKFLOW]["fields"]}})

    assert document | {"id": "f8b20b59-7d06-4599-8413-64da74225b0c"} == file


def test_the_functions_settings_are_those_of_the_documents(first: Run) -> None:
    documented = (ROOT / "docs/operations.md").read_text()

    names = {name for function in FUNCTIONS for name in service(first, function)["environmentVariables"]}

    read = sorted(name for name in names if not name.startswith("MALLOC_"))
    assert [name for name in read if f"`{name}`" not in documented] == []


def test_the_workflows_on_github_run_what_is_there() -> None:
    folder = ROOT / ".github/workflows"

    jobs = {path.name: yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yml"))}

    assert set(jobs) == {"deploy.yml", "rot.yml", "test.yml", "update.yml"}
    deploy = jobs["deploy.yml"]["jobs"]["deploy"]
    assert deploy["environment"] == "production"
    assert "python -m infra deploy" in [step.get("run") for step in deploy["steps"]]
    assert deploy["permissions"] == {"contents": "read", "id-token": "write"}
    lock = jobs["update.yml"]["jobs"]["lock"]
    assert "make lock" in [step.get("run") for step in lock["steps"]]
    assert lock["permissions"] == {"contents": "write", "pull-requests": "write"}
