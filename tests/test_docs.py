"""The documents name what is there: settings, routes, codes, statuses, targets and options, by their exact names."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagefactory.api import errors as http_errors  # noqa: F401 - ClientError has more kinds there
from imagefactory.domain.errors import ClientError, Unavailable
from imagefactory.domain.execution import ExecutionStatus
from imagefactory.domain.result import FailureCode, ResultStatus
from imagefactory.settings import GenerateSettings, StatusSettings, SubmitSettings
from infra.resources import iam
from infra.settings import Settings as Deployment
from local.__main__ import build_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
API = (ROOT / "docs/api.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
SECURITY = (ROOT / "docs/security.md").read_text()
OPENAPI: dict[str, Any] = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())

RECORDS = {"submit": SubmitSettings, "generate": GenerateSettings, "status": StatusSettings}
CODES = {kind.code: kind.status for kind in ClientError.__subclasses__()}
CODES |= {Unavailable.code: Unavailable.status, "INTERNAL": 500}
DOCUMENTS = sorted(
    path
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "client/**/*.md",
        "local/**/*.md",
        "emulators/**/*.md",
        "infra/**/*.md",
        "examples/**/*.md",
        "tests/**/*.md",
    )
    for path in ROOT.glob(pattern)
)

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def rows(document: str) -> dict[str, list[str]]:
    """The rows of a document's tables by the code in their first cells: the text of the other cells."""
    found: dict[str, list[str]] = {}
    for line in document.splitlines():
        if line.startswith("| `"):
            first, *others = (cell.strip() for cell in line.strip("|").split("|"))
            found |= dict.fromkeys(re.findall(r"`([^`]+)`", first), others)
    return found


def section(document: str, heading: str) -> str:
    """The text under a heading, up to the next of its kind."""
    return document.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def settings() -> dict[str, set[str]]:
    """Every environment variable, with the functions that read it."""
    found: dict[str, set[str]] = {}
    for function, record in RECORDS.items():
        for setting in fields(record):
            found.setdefault(setting.name.upper(), set()).add(function)
    return found


def routes() -> set[tuple[str, str]]:
    """The method and path of every route for users, as the code that serves them spells it."""
    return {
        (node.func.attr, re.sub(r"<uuid:(\w+)>", r"{\1}", str(path.value)))
        for name in ("submit", "status")
        for node in ast.walk(ast.parse((ROOT / f"src/imagefactory/api/routes/{name}.py").read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "post")
        for path in node.args[:1]
        if isinstance(path, ast.Constant) and str(path.value).startswith("/api/")
    }


def test_every_setting_stands_in_the_table_with_the_functions_that_read_it() -> None:
    table = rows(section(OPERATIONS, "Settings"))

    assert set(table) == set(settings())
    for name, functions in settings().items():
        told = set(RECORDS) if table[name][0] == "all" else set(table[name][0].split(", "))
        assert told == functions, name


def test_a_setting_with_a_default_tells_it() -> None:
    table = rows(section(OPERATIONS, "Settings"))
    for record in RECORDS.values():
        for setting in fields(record):
            if isinstance(setting.default, str | int | float) and setting.default != "":
                value, text = f"{setting.default}".removesuffix(".0"), table[setting.name.upper()][1]
                assert f"default {value}" in text or f"default `{value}`" in text or f"`{value}` (default)" in text


def test_every_route_stands_in_the_documents() -> None:
    assert len(routes()) == 7
    for method, path in routes():
        assert re.search(rf"^\| {method.upper()} \| `{re.escape(path)}` \|", API, re.MULTILINE), path


def test_the_openapi_document_has_the_same_routes_and_no_other() -> None:
    methods = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}

    told = {(method, path) for path, item in OPENAPI["paths"].items() for method in item if method in methods}

    assert OPENAPI["openapi"].startswith("3.1")
    assert told == routes()


def test_every_reference_in_the_openapi_document_leads_somewhere() -> None:
    references = [node["$ref"] for node in _objects(OPENAPI) if "$ref" in node]

    assert references
    for reference in references:
        place: Any = OPENAPI
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_nothing_in_the_openapi_document_stands_where_generators_lose_it() -> None:
    lost = [node for node in _objects(OPENAPI) if ("$ref" in node and len(node) > 1) or "allOf" in node]

    assert lost == []


def test_every_operation_of_the_openapi_document_has_a_name_of_its_own_and_a_tag() -> None:
    operations = [one for item in OPENAPI["paths"].values() for one in item.values() if isinstance(one, dict)]
    names = [one["operationId"] for one in operations]
    tags = {tag["name"] for tag in OPENAPI["tags"]}

    assert len(set(names)) == len(names) == len(routes())
    for operation in operations:
        assert len(set(operation["tags"]) & tags) == 1, operation["operationId"]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _objects(one)


def test_every_error_code_stands_in_the_documents_with_its_status() -> None:
    table = rows(section(API, "Error codes"))

    assert {code: cells[0] for code, cells in table.items()} == {code: str(status) for code, status in CODES.items()}
    assert set(OPENAPI["components"]["schemas"]["ErrorCode"]["enum"]) == set(CODES)


def test_the_openapi_document_gives_each_status_the_codes_that_it_has() -> None:
    answers = OPENAPI["components"]["responses"]
    told: dict[str, str] = {}
    for item in OPENAPI["paths"].values():
        for operation in (one for method, one in item.items() if method in ("get", "post")):
            for status, answer in operation["responses"].items():
                name = str(answer.get("$ref", "")).removeprefix("#/components/responses/")
                told |= dict.fromkeys(answers[name]["x-error-codes"], status) if name else {}

    assert told == {code: str(status) for code, status in CODES.items()}


def test_every_failure_code_and_every_status_stands_in_the_documents() -> None:
    table = rows(section(API, "Watch an execution"))
    named = _enums(OPENAPI["components"]["schemas"])

    for kind in (FailureCode, ResultStatus, ExecutionStatus):
        names = {member.value for member in kind}
        assert names <= set(table)
        assert names in named, f"the OpenAPI document has no enum of {names}"


def _enums(value: Any) -> list[set[str]]:
    if isinstance(value, dict):
        own = [set(value["enum"])] if isinstance(value.get("enum"), list) else []
        return own + [found for inner in value.values() for found in _enums(inner)]
    return [found for inner in value for found in _enums(inner)] if isinstance(value, list) else []


def test_every_right_of_the_deployment_stands_in_the_table_of_rights_and_no_other() -> None:
    deployment = Deployment(
        {"PROJECT_ID": "p", "DEPLOYMENT": "d", "API_INVOKERS": "`API_INVOKERS`", "CI_REPOSITORY": "`CI_REPOSITORY`"}
    )
    rights = {
        (_account(one.member), f"`{one.role}`", one.resource, _narrowed(one.condition)) for one in iam.table(deployment)
    }

    lines = (line.strip("| ").split(" | ") for line in section(SECURITY, "Who may do what").splitlines())
    told = {(cells[0], cells[1], *_place(cells[2])) for cells in lines if len(cells) == 3 and "`roles/" in cells[1]}

    assert told == rights


def _account(member: str) -> str:
    """A member as the table of rights calls it: a part of the deployment, or who is named in a setting."""
    if "principalSet" in member:
        return f"the repository in {member.rpartition('/')[2]}"
    return member.removeprefix("serviceAccount:d-").partition("@")[0]


def _narrowed(condition: tuple[str, str] | None) -> str:
    """What a right is narrowed to, in the words of the table."""
    return (
        {"database": "this database", "function": "the functions' sources"}[condition[0].split()[0]]
        if condition
        else ""
    )


def _place(cell: str) -> tuple[str, str]:
    """A resource, and what the right on it is narrowed to."""
    resource, _, narrowed = cell.partition(", for ")
    return resource, narrowed.removesuffix(" alone")


def test_every_target_of_make_stands_in_the_documents() -> None:
    targets = re.findall(r"^([a-z0-9-]+):.*?## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    told = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()

    assert len(targets) > 10
    for target in targets:
        assert f"make {target}" in told, target


def test_the_documents_name_no_target_that_make_does_not_have() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        assert set(re.findall(r"`(?:\$ )?make ([a-z0-9-]+)", document.read_text())) <= targets, document


def test_every_option_of_the_local_stack_stands_in_its_document_and_no_other() -> None:
    options = set(re.findall(r"--[a-z-]+", build_parser().format_help())) - {"--help"}
    table = rows((ROOT / "local/README.md").read_text())

    told = {name.split()[0] for name in table if name.startswith("--")}

    assert len(options) > 4
    assert told == options


@pytest.mark.parametrize("document", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS])
def test_every_link_in_a_document_leads_somewhere(document: Path) -> None:
    text = _FENCE.sub("", document.read_text())
    for link in _LINK.findall(text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path) if path else document
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target.read_text()), link


def _anchors(text: str) -> set[str]:
    """The fragments of a document's headings, as GitHub makes them."""
    headings = (heading.strip().lower().replace("`", "") for heading in _HEADING.findall(_FENCE.sub("", text)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def defined_names(path: Path) -> set[str]:
    """The functions, classes, fields and variables that a file of Python defines."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return names


def test_every_word_of_the_glossary_exists_in_the_code() -> None:
    table = [
        line.split(" | ") for line in (ROOT / "docs/glossary.md").read_text().splitlines() if line.startswith("| ")
    ]
    names = {row[-1].strip(" |`") for row in table if "`" in row[-1]}
    code = {
        name for folder in ("src", "local") for path in (ROOT / folder).rglob("*.py") for name in defined_names(path)
    }

    modules = {name for name in names if "." in name or (ROOT / name).is_dir()}
    assert len(names) > 40
    assert names - modules <= code
    for name in modules:
        path = ROOT / ("src" if name.startswith("imagefactory") else "") / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name


def test_every_step_of_the_walkthrough_exists_and_leads_to_the_next() -> None:
    steps = re.findall(
        r"^\| ((?:src|functions)/\S+) \| `(\w+)`", (ROOT / "docs/walkthrough.md").read_text(), re.MULTILINE
    )

    assert len(steps) > 30
    for file, name in steps:
        assert name in defined_names(ROOT / file), (file, name)


@pytest.mark.parametrize("function", ["submit", "generate", "status"])
def test_go_to_definition_leads_from_the_entry_point_to_the_use_case(function: str) -> None:
    texts = [
        (ROOT / path).read_text()
        for path in (
            f"functions/{function}/main.py",
            f"src/imagefactory/wiring/{function}.py",
            f"src/imagefactory/api/routes/{function}.py",
        )
    ]

    main, wiring, routes = texts
    assert f"from imagefactory.wiring import {function}" in main
    assert f"from imagefactory.api.routes.{function} import {function}_routes" in wiring
    assert f"def {function}_routes(" in routes
