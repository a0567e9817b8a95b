"""What Google's clients say about the Python they run on is not what an instance has to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "src"
#: After the end of every Python that the clients know of.
LATE = "import time_machine; time_machine.travel('2040-01-01').start(); "


@pytest.mark.parametrize("function", ["submit", "generate", "status"])
def test_a_function_starts_without_a_word_about_the_end_of_its_python(function: str) -> None:
    code = f"{LATE}import imagefactory.wiring.{function}"

    started = subprocess.run([sys.executable, "-c", code], cwd=SOURCE, capture_output=True, check=False, text=True)  # noqa: S603 - ours

    assert (started.returncode, started.stderr) == (0, "")
