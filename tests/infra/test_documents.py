"""docs/deploy.md and the settings file say the same."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import fields
from pathlib import Path

import pytest

from imagefactory.settings import FUNCTIONS
from infra.__main__ import parser

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
FILE = (ROOT / "infra/settings.env").read_text(encoding="utf-8")
SETTINGS = re.findall(r"^([A-Z][A-Z0-9_]*)=", FILE, re.MULTILINE)


def test_the_document_lists_every_setting_and_no_other() -> None:
    rows = re.findall(r"^\| ((?:`[A-Z0-9_]+`(?:, )?)+) \|", DOCUMENT, re.MULTILINE)

    listed = [name for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)]

    assert sorted(listed) == sorted(SETTINGS)


def test_every_setting_is_explained_where_it_is_set() -> None:
    blocks = re.findall(r"((?:^#.*\n)*)((?:^[A-Z][A-Z0-9_]*=.*\n)+)", FILE, re.MULTILINE)

    assert [names for comment, names in blocks if not comment] == []


def test_every_setting_is_used_somewhere() -> None:
    passed_on = {field.name.upper() for record in FUNCTIONS.values() for field in fields(record)}
    code = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "infra").rglob("*") if path.suffix in {".py", ".json"}
    )
    # GENERATE_CPU, WATCHDOG_QUEUE_FILE and their like are put together from their two halves.
    halves = {name.partition("_")[2] for name in SETTINGS if name.startswith(("GENERATE_", "API_", "WATCHDOG_"))}

    unused = [name for name in SETTINGS if not re.search(rf"\b{name}\b", code) and name.partition("_")[2] not in halves]

    assert set(unused) <= passed_on


def help_of(*arguments: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit):
        parser().parse_args([*arguments, "--help"])
    return printed.getvalue()


COMMANDS = re.findall(r"^ {4}([a-z-]+)(?: |$)", help_of(), re.MULTILINE)


def test_the_document_names_every_command_and_no_other() -> None:
    assert len(COMMANDS) == 7
    assert re.findall(r"^\| `python -m infra ([a-z-]+)` \|", DOCUMENT, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_the_document_names_every_option(command: str) -> None:
    options = set(re.findall(r"--[a-z-]+", help_of(command))) - {"--help"}

    assert [option for option in options if f"`{option}`" not in DOCUMENT] == []


def test_the_file_can_be_read_line_by_line() -> None:
    lines = [line for line in FILE.splitlines() if line and not line.startswith("#")]

    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*=\S*", line) for line in lines)
