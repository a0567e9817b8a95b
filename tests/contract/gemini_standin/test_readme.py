from __future__ import annotations

from pathlib import Path

from emulators.gemini.faults.outcomes import Outcome

README = Path(__file__).parents[3] / "emulators" / "gemini" / "README.md"


def test_every_outcome_stands_in_the_readme_with_its_meaning() -> None:
    rows = [line for line in README.read_text().splitlines() if line.startswith("| `")]

    assert rows == [f"| `{outcome.value}` | {outcome.meaning} |" for outcome in Outcome]
