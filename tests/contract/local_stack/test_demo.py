"""The demo makes five images out of five prompts, says how it went, and its exit code can be relied on."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from rich.console import Console

from imagefactory_client import Counts, Execution
from local.album import delete_earlier_images, shorten
from local.demo import EXAMPLES, choose_key
from local.progress import ProgressView, describe_progress, format_duration
from local.stack.settings import ROOT
from local.supervision.errors import StackError

if TYPE_CHECKING:
    from pathlib import Path

NONE = dict.fromkeys(("pending", "processing", "completed", "failed", "blocked", "cancelled"), 0)
MOMENT = datetime(2026, 11, 22, tzinfo=UTC)


def standing(percent: int, left: int | None, **counts: int) -> Execution:
    """An execution of five prompts, as far as the progress bar reads it."""
    return Execution(
        id="0b9d",
        workflow_id="f8b2",
        status="processing" if percent < 100 else "completed",
        counts=Counts(total=5, **(NONE | counts)),
        percent=percent,
        cost_usd=0.1,
        model="a-model",
        aspect_ratio="1:1",
        resolution="1K",
        metadata={},
        created_at=MOMENT,
        started_at=MOMENT,
        completed_at=None,
        expires_at=MOMENT,
        seconds_left=left,
    )


def run_demo(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the demo as `make demo` does."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "local.demo", *arguments],
        cwd=ROOT,
        env=dict(os.environ) | variables,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_five_prompts_become_five_images_of_the_right_size(tmp_path: Path) -> None:
    (tmp_path / "00017.png").write_bytes(b"of an earlier run")

    ended = run_demo("--out", str(tmp_path))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{index:05d}.png" for index in range(5)]
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            image.load()
            assert (image.format, image.size) == ("PNG", (1024, 1024))
    # Which model makes them, and what it takes, depends on the day: models are shut down.
    assert re.search(
        rf"5 of 5 images are in {re.escape(str(tmp_path))}\. The real model would have cost \$0\.[0-9]+\.", ended.stdout
    )
    assert ended.stderr == ""


def test_a_batch_that_the_api_refuses_ends_it_with_its_words_and_exit_code_1(tmp_path: Path) -> None:
    ended = run_demo("--out", str(tmp_path), "--model", "no-such-model")

    assert ended.returncode == 1
    assert "It did not work: POST /api/workflows/" in ended.stdout
    assert "VALIDATION_FAILED" in ended.stdout
    assert "Last log lines of submit:" in ended.stdout


def test_a_folder_that_does_not_take_the_images_is_told_in_a_sentence(tmp_path: Path) -> None:
    out, prompt = tmp_path / "out", tmp_path / "prompt.txt"
    (out / "00000.png").mkdir(parents=True)
    prompt.write_text("a lighthouse at dusk")

    ended = run_demo("--out", str(out), "--prompts", str(prompt))

    assert ended.returncode == 1
    assert ended.stderr == (f"The folder {out} cannot be written (Is a directory): clear it, or choose another.\n")


def test_real_images_need_a_real_key() -> None:
    ended = run_demo(GEMINI_API_URL="https://generativelanguage.googleapis.com", GEMINI_API_KEY="")

    assert ended.returncode == 1
    assert ended.stderr == (
        "GEMINI_API_URL is set, so the images are real: put your Gemini API key into GEMINI_API_KEY.\n"
    )


def test_the_stand_in_never_sees_the_user_s_real_key() -> None:
    assert choose_key({"GEMINI_API_KEY": "real"}, None) != "real"
    assert choose_key({"GEMINI_API_KEY": "real"}, "https://example.com") == "real"
    with pytest.raises(StackError):
        choose_key({}, "https://example.com")


def test_the_examples_are_five_prompts_and_a_small_picture() -> None:
    prompts = (EXAMPLES / "prompts.txt").read_text().splitlines()
    reference = EXAMPLES / "reference.png"

    assert len(prompts) == 5
    assert all(len(prompt) > 40 for prompt in prompts)
    assert reference.stat().st_size < 100_000
    with Image.open(reference) as image:
        assert image.format == "PNG"


def test_progress_is_told_by_status_with_the_time_left() -> None:
    assert describe_progress(standing(40, 84, completed=2, processing=3)) == (
        "2 completed, 3 processing, about 1 min 24 s left"
    )
    assert describe_progress(standing(100, 0, completed=4, blocked=1)) == "4 completed, 1 blocked"


def test_where_lines_are_printed_nothing_is_said_twice() -> None:
    output = io.StringIO()
    answers = [standing(0, None, pending=5), standing(0, None, pending=5), standing(100, 0, completed=5)]

    with ProgressView(Console(file=output, width=100)) as view:
        for answer in answers:
            view.show(answer)

    assert output.getvalue().splitlines() == ["  0 %  5 pending", "100 %  5 completed"]


def test_on_a_terminal_there_is_one_bar() -> None:
    output = io.StringIO()

    with ProgressView(Console(file=output, width=100, force_terminal=True, _environ={})) as view:
        view.show(standing(40, 8, completed=2, processing=3))
        view.show(standing(100, 0, completed=5))

    last = output.getvalue().rpartition("\r")[2]
    assert "100%" in last
    assert "5 completed" in last
    assert last.count("completed") == 1


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (9_990, "2 h 46 min")]
)
def test_time_spans_are_told_for_people(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_only_images_of_an_earlier_run_are_deleted(tmp_path: Path) -> None:
    for name in ("00000.png", "12345.jpg", "00001.webp.part", "notes.txt", "1.png"):
        (tmp_path / name).touch()

    delete_earlier_images(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.png", "notes.txt"]


def test_a_long_prompt_is_shown_by_its_beginning() -> None:
    assert shorten("a" * 61) == "a" * 57 + "..."
    assert shorten("a" * 60) == "a" * 60
