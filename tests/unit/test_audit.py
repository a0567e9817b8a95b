"""`make audit` never takes silence for good news."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tools import audit
from tools.audit import Audit, Verdict

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"name": "flask", "version": "3.1.3", "vulns": []}
BAD = {
    "name": "pyjwt",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.0"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
UNKNOWN = {"name": "werkzeug", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def report(*dependencies: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(dependencies), "fixes": []}


@pytest.mark.parametrize(
    ("answers", "code", "told"),
    [
        ({"pypi": report(GOOD, GOOD)}, Verdict.CLEAN, "a.txt: 2 of 2 asked about, 0 vulnerable\n"),
        ({"osv": report(GOOD)}, Verdict.CLEAN, "a.txt: 1 of 1 asked about, 0 vulnerable\n"),
        ({"pypi": report(GOOD, UNKNOWN), "osv": report(GOOD, GOOD)}, Verdict.CLEAN, "2 of 2 asked about"),
        ({"pypi": report(GOOD, BAD)}, Verdict.VULNERABLE, "pyjwt 1.0: PYSEC-1 (mended in 2.0), PYSEC-2 (mended in no"),
        ({"pypi": report(BAD, UNKNOWN)}, Verdict.VULNERABLE, "a.txt: 1 of 2 asked about, 1 vulnerable\n"),
        ({"pypi": report(GOOD, UNKNOWN), "osv": report(UNKNOWN, UNKNOWN)}, Verdict.UNKNOWN, "a.txt: 1 of 2 asked"),
        ({"pypi": report(UNKNOWN, UNKNOWN)}, Verdict.UNKNOWN, "a.txt: 0 of 2 asked about, 0 vulnerable\n"),
        ({"pypi": report()}, Verdict.UNKNOWN, "a.txt: 0 of 0 asked about"),
        ({}, Verdict.UNKNOWN, "a.txt: 0 of 0 asked about"),
    ],
)
def test_only_what_was_asked_about_and_is_well_ends_well(
    answers: dict[str, Any], code: Verdict, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = audit.main(["a.txt"], lambda _file, service: answers.get(service))

    written = capsys.readouterr().out
    assert ended == code
    assert told in written
    assert ("NOT AUDITED" in written) == (code is Verdict.UNKNOWN)


def test_the_worst_of_all_files_counts(capsys: pytest.CaptureFixture[str]) -> None:
    answers = {"good.txt": report(GOOD), "bad.txt": report(BAD), "unknown.txt": None}

    ends = [
        audit.main(files, lambda file, _service: answers[file.name])
        for files in (["good.txt", "bad.txt", "unknown.txt"], ["good.txt", "unknown.txt"], ["good.txt"])
    ]

    assert ends == [1, 3, 0]
    assert capsys.readouterr().out.count("NOT AUDITED") == 2


@pytest.mark.parametrize(("program", "found"), [("print('{\"dependencies\": []}')", report()), ("1 / 0", None)])
def test_a_report_is_what_pip_audit_prints_and_nothing_where_it_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, found: dict[str, Any] | None
) -> None:
    (tmp_path / "pip_audit.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    told = audit.query(tmp_path / "requirements.txt", "pypi")

    assert (told or {}).get("dependencies") == (found or {}).get("dependencies")


def test_every_file_with_pins_is_audited() -> None:
    pinned = {str(path.relative_to(audit.ROOT)) for path in audit.ROOT.glob("functions/*/requirements.txt")}

    assert set(audit.FILES) == {"requirements-dev.txt"} | pinned
    assert all((audit.ROOT / file).exists() for file in audit.FILES)


def test_nothing_known_is_no_good_news() -> None:
    assert Audit(dependency_count=0).verdict is Verdict.UNKNOWN
