"""Imports run one way: functions, wiring, then api, use cases and adapters, then ports, domain, the standard library.

Every import counts, those for the type checker alone too: they are what a reader has to know.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = ("submit", "generate", "status")
OURS = ("imagefactory", "imagefactory_client", "functions", "infra", "emulators", "local", "bench", "tests", "tools")

#: What the modules of each part of the package may import: other parts, and distributions from outside.
LAYERS: dict[str, tuple[set[str], set[str]]] = {
    "domain": ({"domain"}, set()),
    "log": (set(), set()),
    "clock": (set(), set()),
    "ports": ({"domain", "ports"}, set()),
    "settings": ({"domain", "log"}, set()),
    "usecases": ({"domain", "ports", "log", "usecases"}, set()),
    "adapters": (
        {"domain", "ports", "log", "settings", "adapters"},
        {"google", "grpc", "requests", "urllib3", "PIL", "cryptography"},
    ),
    "api": ({"domain", "ports", "log", "usecases", "api"}, {"flask", "gunicorn", "jwt", "werkzeug"}),
    "wiring": ({"settings", "clock", "ports", "adapters", "usecases", "api"}, {"flask"}),
    "testing": ({"domain", "ports", "testing"}, set()),
}


@dataclass(frozen=True)
class Source:
    """A file of Python, with the full names of the modules that it imports."""

    path: Path

    @property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.path.read_text(), self.path)

    @property
    def imports(self) -> set[str]:
        """Modules by name; of `from package import module`, the module."""
        return {name for node in ast.walk(self.tree) for name in _imported(node)}

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.module, "imports are absolute"
        assert not node.level, "imports are absolute"
        folder = ROOT / "src" / Path(*node.module.split("."))
        for alias in node.names:
            is_module = (folder / alias.name).is_dir() or (folder / f"{alias.name}.py").is_file()
            yield f"{node.module}.{alias.name}" if is_module else node.module


def sources(*folders: str) -> list[Source]:
    """Every file of Python in these folders."""
    found = [Source(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


def package() -> list[tuple[str, Source]]:
    """The files of the package but its roots, each with the part it belongs to."""
    root = ROOT / "src" / "imagefactory"
    parts = [(one.path.relative_to(root).parts[0].removesuffix(".py"), one) for one in sources("src")]
    return [(part, one) for part, one in parts if part != "__init__"]


def roots(source: Source) -> set[str]:
    """The distributions from outside that a file imports, by the first part of their names."""
    names = {name.partition(".")[0] for name in source.imports}
    return names - sys.stdlib_module_names - {"imagefactory"}


@pytest.mark.parametrize(("part", "source"), [pytest.param(*one, id=str(one[1])) for one in package()])
def test_a_module_imports_only_what_its_layer_may(part: str, source: Source) -> None:
    inside, outside = LAYERS[part]
    ours = {name.split(".")[1] for name in source.imports if name.startswith("imagefactory.")}

    assert ours <= inside
    assert roots(source) <= outside


def test_no_adapter_imports_another_but_for_the_table_of_errors() -> None:
    for part, source in package():
        if part != "adapters":
            continue
        own = source.path.relative_to(ROOT / "src/imagefactory/adapters").parts[0].removesuffix(".py")
        others = {name.split(".")[2] for name in source.imports if name.startswith("imagefactory.adapters.")}
        assert others <= {own, "google_errors"}, source


def test_only_the_modules_for_tokens_and_keys_know_the_library_for_tokens() -> None:
    knowing = [str(one) for one in sources("src") if "jwt" in roots(one)]

    assert knowing == ["src/imagefactory/api/auth/jwks.py", "src/imagefactory/api/auth/tokens.py"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_entry_point_is_short_and_imports_its_own_wiring_alone(name: str) -> None:
    source = Source(ROOT / "functions" / name / "main.py")

    ours = {one for one in source.imports if one.startswith("imagefactory.")}
    assert len(source.path.read_text().splitlines()) <= 40
    assert ours == {f"imagefactory.wiring.{name}", "imagefactory.settings", "imagefactory.log", "imagefactory.api.app"}
    assert roots(source) == {"functions_framework", "flask"}


def test_what_is_deployed_imports_neither_the_local_stack_nor_the_client_nor_tests() -> None:
    for source in sources("src", "functions"):
        assert not {"imagefactory_client", "local", "emulators", "bench", "infra", "tests", "tools"} & {
            name.partition(".")[0] for name in source.imports
        }, source


def test_the_client_imports_nothing_of_ours_but_itself_and_requests() -> None:
    for source in sources("client"):
        ours = {name for name in source.imports if name.partition(".")[0] in OURS}
        assert {name for name in ours if name.partition(".")[0] != "imagefactory_client"} == set(), source
        assert roots(source) <= {"imagefactory_client", "requests"}, source


def test_the_local_stack_imports_nothing_that_is_deployed_but_the_settings() -> None:
    for source in sources("local"):
        ours = {name for name in source.imports if name.partition(".")[0] == "imagefactory"}
        assert ours <= {"imagefactory.settings"}, source


@pytest.mark.parametrize("emulator", ["cloud_tasks", "gemini", "secret_manager", "identity"])
def test_an_emulator_imports_nothing_of_ours_but_itself(emulator: str) -> None:
    path = ROOT / "emulators" / emulator
    files = [Source(each) for each in path.rglob("*.py")]

    ours = {name for file in files for name in file.imports if name.partition(".")[0] in OURS}
    assert {name for name in ours if not name.startswith(f"emulators.{emulator}")} == set()


def test_nobody_imports_an_emulator_but_tests_and_benchmarks() -> None:
    for source in sources("src", "client", "functions", "infra", "local", "tools"):
        assert "emulators" not in {name.partition(".")[0] for name in source.imports}, source


#: The rooms of a folder, each above those that it imports.
ROOMS = {
    "emulators/cloud_tasks": ("transport", "methods", "dispatch", "queues", "wire"),
    "emulators/gemini": ("api", "faults", "images"),
    "local": ("chaos", "stack", "supervision"),
}


@pytest.mark.parametrize("folder", ROOMS)
def test_rooms_import_one_way(folder: str) -> None:
    package, rooms = folder.replace("/", "."), ROOMS[folder]
    for floor, room in enumerate(rooms):
        for source in sources(f"{folder}/{room}"):
            for above in rooms[:floor]:
                assert not [name for name in source.imports if name.startswith(f"{package}.{above}")], source


def test_a_use_case_answers_records() -> None:
    for source in sources("src/imagefactory/usecases"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef) and node.returns:
                assert "str, object]" not in ast.unparse(node.returns), f"{source}:{node.lineno}"


def test_the_domain_has_no_circle() -> None:
    imports = {
        source.path.stem: {name.split(".")[2] for name in source.imports if name.startswith("imagefactory.domain.")}
        for source in sources("src/imagefactory/domain")
    }

    while leaves := {module for module, imported in imports.items() if not imported & {*imports}}:
        imports = {module: imported for module, imported in imports.items() if module not in leaves}
    assert imports == {}


def test_no_class_name_stands_twice() -> None:
    names = [node.name for source in sources("src") for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]

    assert sorted(names) == sorted(set(names))


#: How limits were spelt besides MAX_, MIN_ and DEFAULT_.
SPELLINGS = ("MOST_", "LEAST_", "LONGEST_", "SHORTEST_", "HIGHEST_", "LOWEST_", "ENOUGH_", "MAXIMUM_", "MINIMUM_")


def test_limits_have_one_spelling() -> None:
    for source in sources("src", "functions", "infra", "emulators", "local", "bench", "client", "tools"):
        names = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
        assert not [name for name in names if name.strip("_").startswith(SPELLINGS)], source


def test_only_tests_import_the_ports_in_memory() -> None:
    for source in sources("src", "client", "functions", "infra", "emulators", "local", "tools"):
        inside = source.path.is_relative_to(ROOT / "src/imagefactory/testing")
        assert inside or not [name for name in source.imports if name.startswith("imagefactory.testing")], source


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(source)
        for source in sources("src", "functions")
        for node in ast.walk(source.tree)
        if (
            isinstance(node, ast.Attribute)
            and ast.unparse(node) in {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "os")
    }

    assert readers == {"src/imagefactory/settings.py"}


def test_the_deployment_needs_nothing_but_the_functions_settings_and_the_standard_library() -> None:
    for source in sources("infra"):
        ours = {name for name in source.imports if name.partition(".")[0] == "imagefactory"}
        assert ours <= {"imagefactory.settings"}, source
        client = {"imagefactory_client"} if source.path.name == "smoke_test.py" else set()
        assert roots(source) <= {"infra"} | client, source


def test_the_smoke_test_imports_the_client_only_when_it_runs() -> None:
    program = "import sys, infra.__main__; print(*{'requests', 'imagefactory_client'} & sys.modules.keys())"

    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True
    )

    assert ran.stdout.strip() == ""


def test_only_one_module_of_the_deployment_starts_programs() -> None:
    starters = [str(source) for source in sources("infra") if "subprocess" in source.imports]

    assert starters == ["infra/programs.py"]


def test_the_deployment_can_refuse_an_old_python() -> None:
    for name in ("__init__", "__main__"):
        ast.parse((ROOT / f"infra/{name}.py").read_text(), feature_version=(3, 8))
    program = "import runpy, sys; sys.version_info = (3, 8); runpy.run_module('infra', run_name='__main__')"

    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False, text=True
    )

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.strip().startswith("Stopped: Python 3.11 or newer is needed")


def test_what_is_deployed_knows_no_address_of_this_machine() -> None:
    for source in sources("src", "functions"):
        text = source.path.read_text()
        assert "localhost" not in text, source
        assert "127.0.0.1" not in text, source


def test_nothing_is_mocked() -> None:
    for source in sources("src", "client", "functions", "infra", "emulators", "local", "bench", "tests", "tools"):
        assert not [name for name in source.imports if name.startswith(("unittest", "mock", "pytest_mock"))], source


#: What a cold start of each function must not pay for.
BUDGET = {
    "submit": {"imagefactory.adapters.gemini", "imagefactory.testing"},
    "generate": {"imagefactory.testing"},
    "status": {
        "imagefactory.adapters.gemini",
        "imagefactory.adapters.cloud_tasks",
        "imagefactory.adapters.secret_manager",
        "imagefactory.testing",
        "google.cloud.tasks_v2",
        "google.cloud.secretmanager",
        "google.cloud.secretmanager_v1",
        "PIL",
    },
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_nothing_that_it_does_not_use(name: str) -> None:
    program = f"import json, sys, imagefactory.wiring.{name}; print(json.dumps(sorted(sys.modules)))"

    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT / "src", capture_output=True, check=True, text=True
    )

    assert not BUDGET[name] & set(json.loads(ran.stdout))
