"""Clients that generators make of the OpenAPI document: each compiles, and goes all the way on the whole stack."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.stack.settings import ROOT
from tests.hostile import images

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.harness.stack import Stack

SOURCES = Path(__file__).parent / "generated"
API = (ROOT / "docs/api.md").read_text()
#: The packages of npm are installed once for each list of them.
CACHE = ROOT / ".cache" / "npm"
NODE = (20, 19)


def run(command: Sequence[str], folder: Path, **environment: str) -> str:
    """What a program says; fails the test unless it ends well."""
    path = os.pathsep.join([str(folder / "node_modules/.bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(  # noqa: S603 - what the document says
        command,
        cwd=folder,
        env=os.environ | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder in which the packages of package.json are installed, in exactly its versions."""
    node = shutil.which("node")
    version = run([node, "--version"], ROOT).strip() if node and shutil.which("npm") else "v0.0.0"
    major, minor, _ = version.removeprefix("v").split(".", 2)
    needed = ".".join(map(str, NODE))
    assert (int(major), int(minor)) >= NODE, f"This test needs Node {needed} or newer with npm, from nodejs.org."
    files = [SOURCES / "package.json", SOURCES / "tsconfig.json"]
    content = b"".join(file.read_bytes() for file in files)
    folder = CACHE / hashlib.sha256(content).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            for file in files:
                shutil.copy(file, folder)
            quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error")
            run(["npm", "install", *quiet], folder)
            (folder / "installed").touch()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the document, as a reader of docs/api.md has it."""
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/openapi.yaml", tmp_path / "docs")
    return tmp_path


def documented(program: str) -> list[str]:
    """The command with which docs/api.md generates a client by this program."""
    section = API.partition("\n## Generate a client\n")[2].partition("\n## ")[0]
    [line] = [line for line in section.splitlines() if re.match(rf"(npx )?{re.escape(program)} ", line)]
    return line.split()


def journey(stack: Stack, folder: Path, command: Sequence[str]) -> tuple[dict[str, Any], str]:
    """What a client met on the stack, and the mark of its prompts."""
    mark = uuid.uuid4().hex
    stack.set_faults(match=f"{mark} doomed", outcomes=["bad_request"])
    stack.set_faults(match=f"{mark} blocked", outcomes=["blocked"])
    (folder / "reference.png").write_bytes(images.picture())
    given: Mapping[str, str] = {
        "API_URL": stack.gateway,
        "TOKEN": stack.client(f"user-{mark}").token,
        "WORKFLOW_ID": stack.workflow_id,
        "REFERENCE": str(folder / "reference.png"),
        "MARK": mark,
    }
    met: dict[str, Any] = json.loads(run(command, folder, **given))
    return met, mark


def expected(mark: str) -> dict[str, Any]:
    """What every client meets."""
    return {
        "workflow": [10_000, 0.134],
        "accepted": ["queued", 3, True],
        "replayed": [True, "true"],
        "open": [[1, "failed", "second", "INVALID_REQUEST"], [2, "blocked", None, "CONTENT_BLOCKED"]],
        "counts": [1, 1, 1, 3],
        "image": ["image/jpeg", 1376, 768, 1120],
        "unchanged": 304,
        "lines": [[f"{mark} fine", "completed"], [f"{mark} doomed", "failed"], [f"{mark} blocked", "blocked"]],
        "listed": True,
        "retried": [1, 3, 2],
        "form": [{"name": "A form"}, 2, [f"{mark} form one", f"{mark} form two"]],
        "cancelled": True,
        "refused": [400, "VALIDATION_FAILED", [["prompts", 1], ["model", None]]],
        "missing": [404, "NOT_FOUND"],
    }


def references(stack: Stack, mark: str) -> list[int]:
    """How many reference images the model saw with each prompt of the form."""
    return [call["reference_count"] for call in stack.list_calls(f"{mark} form")]


@pytest.mark.parametrize(
    ("program", "source"), [("openapi-typescript", "openapi_fetch"), ("@hey-api/openapi-ts", "hey_api")]
)
def test_a_client_in_typescript_compiles_strictly_and_goes_all_the_way(
    packages: Path, stack: Stack, folder: Path, program: str, source: str
) -> None:
    (folder / "node_modules").symlink_to(packages / "node_modules")
    for name in ("package.json", "tsconfig.json", f"{source}.ts"):
        shutil.copy(SOURCES / name, folder)

    run(documented(program), folder)
    run(["tsc", "-p", "."], folder)
    met, mark = journey(stack, folder, ["node", f"out/{source}.js"])

    assert met == expected(mark)
    assert references(stack, mark) == [1, 1]


def test_a_client_in_python_is_typed_strictly_and_goes_all_the_way(stack: Stack, folder: Path) -> None:
    shutil.copy(SOURCES / "python_client.py", folder)

    # As a module: its script names this folder in its first line, which not every path fits into.
    generate = [sys.executable, "-m", "openapi_python_client", *documented("openapi-python-client")[1:]]
    run([*generate, "--fail-on-warning"], folder)
    (folder / "image_factory_client").symlink_to("image-factory-client/image_factory_client")
    run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(CACHE.parent / "mypy"), "python_client.py"],
        folder,
    )
    met, mark = journey(stack, folder, [sys.executable, "-W", "error", "python_client.py"])

    assert met == expected(mark)
    assert references(stack, mark) == [1, 1]
