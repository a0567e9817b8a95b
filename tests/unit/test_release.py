from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.release import PROJECTS, ReleaseError, release

if TYPE_CHECKING:
    from pathlib import Path

CHANGELOG = "# Changelog\n\n## Unreleased\n\n### Added\n\n- A page.\n\n## 0.1.0 (2026-01-01)\n\n- All.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in PROJECTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('[project]\nname = "x"\nversion = "0.1.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_a_release_writes_its_version_and_moves_the_heading(project: Path) -> None:
    release(project, "0.2.0", "2026-02-03")

    assert [(project / name).read_text().splitlines()[2] for name in PROJECTS] == ['version = "0.2.0"'] * 2
    changelog = (project / "CHANGELOG.md").read_text()
    assert changelog == CHANGELOG.replace("## Unreleased\n", "## Unreleased\n\n## 0.2.0 (2026-02-03)\n")


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("", "A version is X.Y.Z"),
        ("v1.0.0", "A version is X.Y.Z"),
        ("0.1.0", "has a heading|is not higher"),
        ("0.0.9", "is not higher"),
    ],
)
def test_a_version_that_is_none_or_is_not_higher_changes_nothing(project: Path, version: str, told: str) -> None:
    with pytest.raises(ReleaseError, match=told):
        release(project, version, "2026-02-03")

    assert (project / "CHANGELOG.md").read_text() == CHANGELOG
    assert 'version = "0.1.0"' in (project / PROJECTS[0]).read_text()


def test_nothing_new_is_no_release(project: Path) -> None:
    (project / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n## 0.1.0 (2026-01-01)\n\n- All.\n")

    with pytest.raises(ReleaseError, match="nothing under Unreleased"):
        release(project, "0.2.0", "2026-02-03")
