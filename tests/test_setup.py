"""`make setup` ends well wherever it can, and in one clear sentence where it cannot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools.lock import FILES, repeat_for_extras
from tools.run_uv import environment

ROOT = Path(__file__).resolve().parents[1]
#: The lock of the copy: uv alone is quickly installed.
LOCK = "requirements-uv.txt"


#: Without what a make that runs these tests says to those below it.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "PYTHON"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what `make setup` reads, in a folder as people have them, installed."""
    copy = tmp_path_factory.mktemp("checkout") / ("Bücher & (neue) Bilder " + "x" * 100)
    shutil.copytree(ROOT / "tools", copy / "tools")
    (copy / "src/imagefactory").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", copy)
    for name in (LOCK, "requirements-dev.txt"):
        shutil.copy(ROOT / LOCK, copy / name)
    assert make(copy).returncode == 0
    return copy


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`make setup` in the folder, with this Python unless another is named."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(  # noqa: S603 - ours
        ["make", "setup", *arguments],  # noqa: S607 - the make of this machine
        cwd=folder,
        env=ENVIRONMENT | {"PATH": path} | variables,
        capture_output=True,
        check=False,
        text=True,
    )


def has_uv(folder: Path) -> bool:
    command = [str(folder / ".venv/bin/python"), "-m", "uv", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 - ours


def python_that(tmp_path: Path, line: str) -> str:
    """A program that is called as Python is."""
    program = tmp_path / "a python"
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)
    return str(program)


def test_what_is_installed_is_not_installed_again(checkout: Path) -> None:
    marker = checkout / ".venv/installed"
    before = marker.stat().st_mtime_ns

    made = make(checkout, PATH="/usr/bin:/bin")

    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert marker.stat().st_mtime_ns == before
    assert has_uv(checkout)


def test_an_environment_whose_making_was_interrupted_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv/installed").unlink()
    shutil.rmtree(next((checkout / ".venv/lib").glob("*/site-packages/uv")))

    made = make(checkout)

    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert has_uv(checkout)


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Path, tmp_path: Path) -> None:
    for name in ("python", "python3"):
        link = checkout / ".venv/bin" / name
        link.unlink()
        link.symlink_to(tmp_path / "gone")

    made = make(checkout)

    assert made.returncode == 0
    assert has_uv(checkout)


def test_an_environment_of_another_python_is_made_anew(checkout: Path) -> None:
    marker = checkout / ".venv/installed"
    python, digest = marker.read_text().splitlines()
    marker.write_text(f"3.11.0 /opt/another\n{digest}\n")

    made = make(checkout, f"PYTHON={sys.executable}")

    assert made.returncode == 0
    assert marker.read_text().splitlines() == [python, digest]


def test_what_another_lock_asks_for_is_installed(checkout: Path) -> None:
    lock = checkout / "requirements-dev.txt"
    lock.write_text(lock.read_text() + "# another\n")

    made = make(checkout)

    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert has_uv(checkout)


def test_a_link_to_the_environment_of_another_checkout_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".venv"))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "kept").touch()
    (copy / ".venv").symlink_to(theirs)

    made = make(copy)

    assert made.returncode == 0
    assert (theirs / "kept").exists()
    assert has_uv(copy)


def test_two_at_once_make_one_environment(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    command = ["make", "setup", f"PYTHON={sys.executable}"]

    both = [subprocess.Popen(command, cwd=checkout, env=ENVIRONMENT) for _ in range(2)]  # noqa: S603 - ours

    assert [one.wait() for one in both] == [0, 0]
    assert has_uv(checkout)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("exit 127", "Python 3.11 or newer is needed, and {} does not run: install it, or try make "),
        ('test "$2" = ""', "Python 3.11 or newer is needed, and {} is older: try make PYTHON=python3.12 setup"),
        (
            f'PYTHONPATH="$(dirname "$0")" exec "{sys.executable}" "$@"',
            "has no module ensurepip: install it",
        ),
    ],
    ids=["none", "old", "without venv"],
)
def test_a_python_that_will_not_do_is_told_in_a_sentence(
    checkout: Path, tmp_path: Path, program: str, said: str
) -> None:
    (checkout / ".venv/installed").unlink(missing_ok=True)
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    python = python_that(tmp_path, program)

    made = make(checkout, f"PYTHON={python}")

    assert made.returncode != 0
    assert said.format(python) in made.stderr
    assert len([line for line in made.stderr.splitlines() if not line.startswith("make")]) == 1


def test_a_home_that_cannot_be_written_does_not_matter(checkout: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    shutil.rmtree(checkout / ".venv")

    made = make(checkout, HOME=str(home), XDG_CACHE_HOME="", UV_CACHE_DIR="")

    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert (checkout / ".cache/uv").is_dir()


def test_a_checkout_that_cannot_be_written_is_told_in_a_sentence(checkout: Path) -> None:
    (checkout / ".venv/installed").unlink(missing_ok=True)
    shutil.rmtree(checkout / ".cache")
    (checkout / ".cache").write_text("a file")

    made = make(checkout)
    (checkout / ".cache").unlink()

    assert made.returncode != 0
    assert f"Nothing can be installed, since {checkout} cannot be written" in made.stderr
    assert "Traceback" not in made.stderr


@pytest.mark.parametrize(
    ("pip", "given", "told"),
    [
        ({"index-url": "http://a/simple"}, {}, {"UV_DEFAULT_INDEX": "http://a/simple"}),
        ({"index-url": "http://a"}, {"UV_DEFAULT_INDEX": "http://b"}, {"UV_DEFAULT_INDEX": "http://b"}),
        ({"index-url": "http://a"}, {"UV_INDEX_URL": "http://b"}, {"UV_INDEX_URL": "http://b"}),
        ({"extra-index-url": "\nhttp://a\nhttp://b"}, {}, {"UV_INDEX": "http://a http://b"}),
        ({"find-links": "/a /b"}, {}, {"UV_FIND_LINKS": "/a,/b"}),
        ({"default-timeout": "180"}, {}, {"UV_HTTP_TIMEOUT": "180"}),
        ({"cert": "/a.pem", "proxy": "http://p"}, {}, {"SSL_CERT_FILE": "/a.pem", "ALL_PROXY": "http://p"}),
        ({"trusted-host": "a b", "no-index": "true"}, {}, {"UV_INSECURE_HOST": "a b", "UV_NO_INDEX": "true"}),
        ({"constraint": "/a.txt", "cert": ""}, {}, {}),
    ],
)
def test_uv_is_told_what_pip_was_told(
    tmp_path: Path, pip: dict[str, str], given: dict[str, str], told: dict[str, str]
) -> None:
    home = {"HOME": str(tmp_path)}

    wanted = environment(given | home, pip, tmp_path / "cache")

    assert wanted == told | home | {"UV_INDEX_STRATEGY": "unsafe-best-match"}


@pytest.mark.parametrize(("group", "file"), FILES.items())
def test_every_dependency_is_pinned_under_its_names_with_hashes(group: str, file: str) -> None:
    text = (ROOT / file).read_text()
    pins = dict(re.findall(r"^(\S+)==(\S+)", text, re.MULTILINE))

    assert set(wanted_by(group)) <= set(pins)
    assert {name.partition("[")[0] for name in pins} <= set(pins)
    assert len(re.findall(r"==.* \\\n +--hash=sha256:[0-9a-f]{64}", text)) == len(pins)
    assert "://" not in text


def test_every_file_with_pins_is_made_by_the_lock() -> None:
    files = {
        str(path.relative_to(ROOT)) for pattern in ("", "functions/*/") for path in ROOT.glob(f"{pattern}requirements*")
    }

    assert files == set(FILES.values())


def wanted_by(group: str) -> list[str]:
    """The names that a group of pyproject.toml lists, those of the groups in it too."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return [
        name for one in groups[group] for name in ([one] if isinstance(one, str) else wanted_by(one["include-group"]))
    ]


def test_a_pin_with_extras_stands_under_every_name_that_somebody_may_ask_for() -> None:
    pin = "==2 ; sys_platform == 'linux' \\\n    --hash=sha256:1\n    --hash=sha256:2\n"

    repeated = repeat_for_extras(f"a{pin}b[x,y]{pin}c[z]==3")

    assert repeated == f"a{pin}b{pin}b[x]{pin}b[y]{pin}b[x,y]{pin}c==3\nc[z]==3"


def test_a_package_has_one_version_in_all_files() -> None:
    versions: dict[str, set[str]] = {}
    for file in FILES.values():
        for name, version in re.findall(r"^([\w.-]+)\S*==(\S+)", (ROOT / file).read_text(), re.MULTILINE):
            versions.setdefault(name, set()).add(version)

    assert [name for name, found in versions.items() if len(found) > 1] == []


def test_every_action_is_pinned_by_its_hash_and_says_its_version() -> None:
    uses = [
        line.strip()
        for workflow in sorted((ROOT / ".github/workflows").glob("*.yml"))
        for line in workflow.read_text().splitlines()
        if "uses:" in line
    ]

    assert uses
    for line in uses:
        assert re.fullmatch(r"- uses: [\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", line), line


def test_the_tests_run_on_every_supported_python() -> None:
    workflow = (ROOT / ".github/workflows/test.yml").read_text()

    assert 'python: ["3.11", "3.12", "3.13"]' in workflow


def test_a_tier_of_tests_has_a_target_of_its_name() -> None:
    tiers = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.rglob("test_*.py"))}
    makefile = (ROOT / "Makefile").read_text()

    assert tiers == {"unit", "entrypoints", "contract", "e2e", "hostile", "chaos", "infra"}
    for tier in tiers:
        assert re.search(rf"^{tier}: setup ## .*\n\t\$\(RUN\) pytest tests/{tier}\b", makefile, re.MULTILINE), tier
