"""`make release VERSION=1.2.3`: write the version, and give the unreleased entries of CHANGELOG.md its heading.

It changes files and nothing else: look at the difference, commit it, and tag the commit.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECTS = ("pyproject.toml", "client/pyproject.toml")
_UNRELEASED = "## Unreleased\n"
_VERSION = re.compile(r'^version = "(\d+)\.(\d+)\.(\d+)"$', re.MULTILINE)


class ReleaseError(Exception):
    """The version cannot be released; the message says why."""


def write_version(text: str, version: str) -> str:
    """The text of a pyproject.toml with this version.

    Raises:
        ReleaseError: the text has no version, or one that is not lower.
    """
    match = _VERSION.search(text)
    if match is None:
        raise ReleaseError('pyproject.toml has no line version = "X.Y.Z".')
    current = tuple(int(part) for part in match.groups())
    if tuple(int(part) for part in version.split(".")) <= current:
        raise ReleaseError(f"{version} is not higher than the version that is there, {'.'.join(map(str, current))}.")
    return text[: match.start()] + f'version = "{version}"' + text[match.end() :]


def move_heading(changelog: str, version: str, date: str) -> str:
    """The changelog with the unreleased entries under the version's own heading.

    Raises:
        ReleaseError: there are no such entries, or the version has a heading already.
    """
    before, heading, after = changelog.partition(_UNRELEASED)
    entries = after.partition("\n## ")[0]
    if not heading or not entries.strip():
        raise ReleaseError("CHANGELOG.md has nothing under Unreleased.")
    if f"\n## {version} " in changelog:
        raise ReleaseError(f"CHANGELOG.md has a heading for {version} already.")
    return f"{before}{_UNRELEASED}\n## {version} ({date})\n{after}"


def release(root: Path, version: str, date: str) -> None:
    """Write the version everywhere, or nothing at all.

    Raises:
        ReleaseError: the version cannot be released.
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ReleaseError(f"A version is X.Y.Z, not {version!r}: make release VERSION=1.2.3")
    changelog = root / "CHANGELOG.md"
    texts = {changelog: move_heading(changelog.read_text(), version, date)}
    texts |= {root / name: write_version((root / name).read_text(), version) for name in PROJECTS}
    for path, text in texts.items():
        path.write_text(text)


def main() -> int:
    """Release the version that is named; return 1 with one sentence where that cannot be."""
    version = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        release(ROOT, version, datetime.now(UTC).date().isoformat())
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{version} is written. Next: git diff, git commit, git tag v{version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
