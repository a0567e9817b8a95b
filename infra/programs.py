"""Starts other programs: gcloud, make and firebase. No other module of infra does."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.settings import ROOT
from infra.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Result:
    """How a program ended, and what it printed."""

    code: int
    out: str
    err: str


def run_program(words: Sequence[str], env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Result:
    """Run a program to its end; `env` is added to this program's environment, `stdin` is all that it can read."""
    done = subprocess.run(words, env={**os.environ, **(env or {})}, input=stdin, capture_output=True, check=False)
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def is_installed(program: str) -> bool:
    """Whether the program is on the path."""
    return shutil.which(program) is not None


def stage() -> None:
    """Lay out each function in build/, as it is uploaded.

    Raises:
        Stop: make failed.
    """
    done = run_program(["make", "-C", str(ROOT), "--silent", "--no-print-directory", "stage"])
    if done.code:
        raise Stop("make stage failed.", done.err)


def publish_site(project: str, config: Path) -> str:
    """Publish a folder on Firebase Hosting, as `config` says; returns what the Firebase CLI printed.

    Raises:
        Stop: the Firebase CLI failed.
    """
    done = run_program(
        ["firebase", "deploy", "--only", "hosting", "--project", project, "--config", str(config), "--non-interactive"]
    )
    if done.code:
        raise Stop("firebase deploy failed: fix what it says above, and run this again.", done.out + done.err)
    return done.out.strip()
