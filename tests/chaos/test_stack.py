"""The short version of `make chaos`: the whole stack, each function killed once, each store paused once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_SECONDS = 240


def test_a_stack_that_is_broken_keeps_every_promise() -> None:
    command = [sys.executable, "-m", "local.chaos", "--prompts", "40", "--batches", "2", "--kills", "1"]
    command += ["--pauses", "1", "--pause-seconds", "3", "--every", "1.5"]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=MAX_SECONDS, check=False)  # noqa: S603 - our own

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "generate killed" in ended.stdout
