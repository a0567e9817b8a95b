"""`make rot` tells every combination in a line, and fails when one does."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tools import rot
from tools.lock import FILES
from tools.rot import Check

PYTHON = Path(sys.executable)
TODAY = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rot, "ROOT", tmp_path)
    monkeypatch.setattr(rot, "LOGS", tmp_path / "logs")
    rot.LOGS.mkdir()


def check(name: str, *programs: str) -> Check:
    return Check("3.11", "pip", name, [(sys.executable, "-c", program) for program in programs])


def test_every_check_is_a_line_and_the_last_words_of_a_failed_one_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    broken = check("a/b c", "print('before')", "print('why'); raise SystemExit(3)", "print('never')")

    succeeded = rot.run([check("good", "print('fine')"), broken, check("last", "")])

    lines = [re.sub(r"\d+ s\)", "0 s)", line) for line in capsys.readouterr().out.splitlines()]
    assert not succeeded
    assert lines[0] == "ok      Python 3.11     pip        good (0 s)"
    assert lines[1] == "FAILED  Python 3.11     pip        a/b c (0 s)"
    assert [line.strip() for line in lines[2:] if not line.strip().startswith("$")] == [
        *("before", "why", "All of it: logs/3.11-pip-a-b-c.log"),
        "ok      Python 3.11     pip        last (0 s)",
    ]


@pytest.mark.parametrize("command", [("/no/such/python",), (sys.executable, "-c", "import time; time.sleep(60)")])
def test_what_cannot_be_run_or_does_not_end_has_failed(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rot, "MAX_SECONDS", 0.2)

    result = Check("3.11", "pip", "it", [command]).run()

    assert not result.succeeded
    assert any("No such file" in line or "timed out" in line for line in result.describe())


def test_a_python_that_is_not_there_is_said_and_none_at_all_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rot, "find_python", lambda _version: None)

    code = rot.main(["3.99"])

    assert code == 1
    assert capsys.readouterr().out == "MISSING Python 3.99: it is not on this machine, so nothing is known of it\n"


def test_every_file_with_pins_is_installed_by_the_pip_of_the_python_and_every_group_in_its_newest_releases(
    tmp_path: Path,
) -> None:
    checks = list(rot.plan_installs("3.11", PYTHON, tmp_path))

    assert {one.subject for one in checks if one.kind == "pip"} == set(FILES.values())
    assert {one.subject for one in checks if one.kind == "newest"} == {f"group {name}" for name in FILES}


def test_the_unit_tests_run_on_both_and_on_days_to_come(tmp_path: Path) -> None:
    checks = list(rot.plan_tests("3.11", tmp_path, TODAY))

    assert [(one.kind, one.subject) for one in checks] == [
        ("pip", "unit tests"),
        ("newest", "unit tests"),
        ("clock", "unit tests on 2027-06-13"),
        ("clock", "unit tests on 2030-03-09"),
    ]


def test_the_workflows_have_the_same_pythons() -> None:
    folder = Path(__file__).resolve().parents[2] / ".github/workflows"
    rot_job, test_job = (yaml.safe_load((folder / f"{name}.yml").read_text())["jobs"][name] for name in ("rot", "test"))

    installed = next(one["with"] for one in rot_job["steps"] if "setup-python" in one.get("uses", ""))

    assert tuple(installed["python-version"].split()) == rot.PYTHONS
    assert tuple(test_job["strategy"]["matrix"]["python"]) == rot.PYTHONS
